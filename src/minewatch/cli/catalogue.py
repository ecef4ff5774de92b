# SPDX-License-Identifier: Apache-2.0
"""``minewatch detectors`` and ``minewatch schema``: what there is, from the code itself."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from minewatch.errors import ConfigError

if TYPE_CHECKING:
    from minewatch.contracts import Detector
    from minewatch.schema import Column

SCHEMA_EPILOG: Final = """
Example:

minewatch schema --format jsonl
"""
FORMATS: Final = ("table", "jsonl")

_Format = Annotated[str, typer.Option(metavar="FORMAT", help="table or jsonl.")]


def detectors(*, format: _Format = "table") -> None:
    """List the detectors: what each looks at, what it is blind to, where it comes from."""
    _check(format)
    from minewatch import registry

    found = [describe(detector) for detector in registry.detectors(with_baselines=True)]
    if format == "jsonl":
        _print_lines(asdict(one) for one in found)
        return
    from minewatch.output.catalogue import print_detectors
    from minewatch.output.terminal import console

    print_detectors(found, console())


def schema(*, format: _Format = "table") -> None:
    """List every column: of flow records, of conversations, and those of the decoders."""
    _check(format)
    rows = list(schema_rows())
    if format == "jsonl":
        _print_lines(rows)
        return
    from minewatch.output.catalogue import print_columns
    from minewatch.output.terminal import console

    print_columns(rows, console())


def _check(format: str) -> None:
    if format not in FORMATS:
        raise ConfigError(f"--format {format}: one of {', '.join(FORMATS)}")


def _print_lines(rows: Any) -> None:
    for row in rows:
        typer.echo(json.dumps(row))


@dataclass(frozen=True, slots=True)
class Described:
    """A detector as its docstring tells of it."""

    name: str
    summary: str
    requires: tuple[str, ...]
    """Columns without which it is silent."""
    blind_to: str
    reference: str
    is_counted: bool = True
    """Whether it makes the verdict; else it is a system of others, to compare with."""


def describe(detector: Detector) -> Described:
    """Return what a detector's docstring says.

    Parameters
    ----------
    detector : a detector; its class says ``Blind spots:`` and has a section References.
    """
    from minewatch import registry

    text = inspect.getdoc(type(detector)) or ""
    blind = re.search(r"Blind spots?:\s+(.*?)(?:\n\n|\Z)", text, re.DOTALL)
    reference = re.search(r"^References\n-+\n(.*?)(?:\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
    return Described(
        name=detector.name,
        summary=_plain(text.split("\n\n")[0]),
        requires=detector.requires,
        blind_to=_plain(blind[1]) if blind else "",
        reference=_plain(reference[1]) if reference else "",
        is_counted=not isinstance(detector, registry.BASELINES),
    )


def _plain(text: str) -> str:
    """Return docstring text without its markup, on one line."""
    # The number of a reference stays where another one refers to it.
    mark = r"\1 " if "]_" in text else ""
    text = re.sub(r"\.\. (\[\d+\])\s*", mark, text).replace("]_", "]")
    return " ".join(text.replace("``", "").replace("`", "").split())


def schema_rows() -> Iterator[dict[str, str]]:
    """Yield every column with its table, type, unit, IPFIX element and description."""
    from minewatch import registry
    from minewatch.schema import CONVERSATION, FLOW

    yield from _rows("flow", FLOW)
    known = {column.name for column in FLOW}
    yield from _rows("conversation", tuple(c for c in CONVERSATION if c.name not in known))
    for decoder in registry.decoders():
        yield from _rows(f"decoder {decoder.name}", decoder.columns)


def _rows(table: str, columns: tuple[Column, ...]) -> Iterator[dict[str, str]]:
    for column in columns:
        yield {
            "table": table,
            "name": column.name,
            "type": str(column.dtype),
            "unit": column.unit,
            "ipfix": column.ipfix,
            "description": column.description,
        }
