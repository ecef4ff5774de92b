# SPDX-License-Identifier: Apache-2.0
import base64
from html.parser import HTMLParser

from minewatch.experiments.paper.document import (
    Heading,
    Items,
    Paragraph,
    Picture,
    Table,
    as_html,
    as_markdown,
)

BLOCKS = [
    Heading(1, "Title & more"),
    Paragraph("Run `a < b` now."),
    Items(["one", "two"]),
    Table(("x", "y"), (("1|2", "<3"),)),
    Picture("f.png", "A figure."),
]


def test_markdown():
    assert as_markdown(BLOCKS) == (
        "# Title & more\n\nRun `a < b` now.\n\n- one\n- two\n\n"
        "| x | y |\n|---|---|\n| 1\\|2 | <3 |\n\n![A figure.](f.png)\n\nA figure.\n"
    )


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.images = [], []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs))
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_one_whole_page(tmp_path):
    (tmp_path / "f.png").write_bytes(b"\x89PNG")
    text = as_html(BLOCKS, tmp_path)
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    data = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
    assert reader.images == [{"alt": "A figure.", "src": data}]
    assert "<title>Title &amp; more</title>" in text
    assert "<code>a &lt; b</code>" in text
    assert "<td>&lt;3</td>" in text
    assert "http" not in text


def test_further_style_comes_after_the_pages_own(tmp_path):
    page = as_html([Heading(1, "A")], tmp_path, "b { color: red; }")
    assert page.index("font:") < page.index("b { color: red; }") < page.index("</style>")
