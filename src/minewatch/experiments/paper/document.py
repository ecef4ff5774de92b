# SPDX-License-Identifier: Apache-2.0
"""A report as blocks, written as Markdown and as one self-contained HTML page."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #111; background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 0.9rem; }
th, td { border: 1px solid #999; padding: 0.25rem 0.5rem; text-align: left; vertical-align: top; }
th { background: #eee; }
.wide { overflow-x: auto; }
figure { margin: 1.5rem 0; }
figure img { max-width: 100%; height: auto; }
figcaption, caption { color: #444; font-size: 0.9rem; text-align: left; caption-side: top; }
code { background: #f2f2f2; padding: 0 0.2em; }
@media print { body { max-width: none; } figure, table { break-inside: avoid; } }
"""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 to 4."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; `code` between backticks."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with one line of heads."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure from a file beside the report."""

    file: str
    caption: str


Block: TypeAlias = Heading | Paragraph | Items | Table | Picture


def as_markdown(blocks: Sequence[Block]) -> str:
    r"""Return the report as Markdown; pictures are links.

    Examples
    --------
    >>> print(as_markdown([Heading(1, "A"), Table(["x", "y"], [["1", "a|b"]])]), end="")
    # A
    <BLANKLINE>
    | x | y |
    |---|---|
    | 1 | a\|b |
    """
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {block.text}"
        case Paragraph():
            return block.text
        case Items():
            return "\n".join(f"- {text}" for text in block.texts)
        case Picture():
            return f"![{block.caption}]({block.file})\n\n{block.caption}"
        case Table():
            rows = [block.heads, ["---"] * len(block.heads), *block.rows]
            lines = [[cell.replace("|", "\\|") for cell in row] for row in rows]
            text = ["| " + " | ".join(line) + " |" for line in lines]
            text[1] = "|" + "---|" * len(block.heads)
            return "\n".join(text)


def as_html(blocks: Sequence[Block], folder: Path, style: str = "") -> str:
    """Return the report as one HTML page, pictures within.

    Parameters
    ----------
    blocks : the report; its first block is the heading that becomes the page's title.
    folder : where the pictures' files are.
    style : rules of CSS that come after the page's own.
    """
    title = next((block.text for block in blocks if isinstance(block, Heading)), "Report")
    body = "\n".join(part for block in blocks for part in _html(block, folder))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n"
        f"{body}\n</body>\n</html>\n"
    )


def _html(block: Block, folder: Path) -> Iterator[str]:
    match block:
        case Heading():
            yield f"<h{block.level}>{_inline(block.text)}</h{block.level}>"
        case Paragraph():
            yield f"<p>{_inline(block.text)}</p>"
        case Items():
            yield "<ul>"
            yield from (f"<li>{_inline(text)}</li>" for text in block.texts)
            yield "</ul>"
        case Picture():
            data = base64.b64encode((folder / block.file).read_bytes()).decode("ascii")
            caption = html.escape(block.caption)
            yield f'<figure><img alt="{caption}" src="data:image/png;base64,{data}">'
            yield f"<figcaption>{_inline(block.caption)}</figcaption></figure>"
        case Table():
            yield '<div class="wide"><table>'
            yield "<tr>" + "".join(f"<th>{_inline(head)}</th>" for head in block.heads) + "</tr>"
            for row in block.rows:
                yield "<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>"
            yield "</table></div>"


def _inline(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))
