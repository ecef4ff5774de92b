# SPDX-License-Identifier: Apache-2.0
import re
import xml.etree.ElementTree as ET

import make_picture


def test_the_picture_is_the_demo_and_asks_no_server():
    svg = make_picture.picture()
    assert svg == make_picture.picture()
    assert "font-face" not in svg
    text = "".join(ET.fromstring(svg).itertext()).replace("\xa0", " ")
    assert "$ minewatch demo" in text
    assert "conversations are mining" in text
    assert str(make_picture.PICTURE.parents[2]) not in text


def test_the_readme_has_a_picture():
    readme = make_picture.PICTURE.parents[2] / "README.md"
    (path,) = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", readme.read_text(encoding="utf-8"))
    assert readme.parent / path == make_picture.PICTURE


def test_the_picture_is_current():
    shown = make_picture.PICTURE.read_text(encoding="utf-8")
    assert shown == make_picture.picture(), "run `make picture`"
