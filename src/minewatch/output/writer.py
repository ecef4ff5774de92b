# SPDX-License-Identifier: Apache-2.0
"""The formats of ``scan``, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Final, Protocol

import polars as pl

from minewatch.errors import ConfigError
from minewatch.output.destination import Destination
from minewatch.types import Verdict

TABLE: Final = "table"
FORMATS: Final = (TABLE, "jsonl", "csv", "parquet", "eve")
_SUFFIXES: Final = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}


class Writer(Protocol):
    """Writes the results of a scan in one format."""

    def write(self, frame: pl.DataFrame, verdicts: Sequence[Verdict], capture: str) -> None:
        """Write conversations with their verdicts."""
        ...

    def write_gated(self, gated: pl.DataFrame, capture: str) -> None:
        """Write conversations that the gate stopped, with ``gate_reason``."""
        ...

    def finish(self) -> None:
        """Write what is left, such as a footer."""
        ...


def format_for(given: str | None, path: str | None, known: Sequence[str], default: str) -> str:
    """Return the format that was asked for, else the one that the file's suffix tells.

    Parameters
    ----------
    given : value of ``--format``.
    path : value of ``-o``.
    known : formats to choose from.
    default : if neither tells.

    Raises
    ------
    ConfigError : an unknown format.

    Examples
    --------
    >>> format_for(None, "found.csv", FORMATS, "table")
    'csv'
    """
    if given is None:
        by_suffix = _SUFFIXES.get(PurePath(path or "").suffix.lower(), default)
        return by_suffix if by_suffix in known else default
    if given not in known:
        raise ConfigError(f"--format {given}: one of {', '.join(known)}")
    return given


def open_writer(
    format: str, destination: Destination, detectors: Sequence[str], prior: float
) -> Writer:
    """Return the writer of a format.

    Parameters
    ----------
    format : one of ``FORMATS``.
    destination : where the results go.
    detectors : names of all detectors.
    prior : the base rate, for conversations that the gate stopped.
    """
    from minewatch.output.eve import EveWriter
    from minewatch.output.flat import CsvWriter, ParquetWriter
    from minewatch.output.jsonl import JsonlWriter
    from minewatch.output.table import TableWriter
    from minewatch.output.terminal import console

    match format:
        case "jsonl":
            return JsonlWriter(destination, detectors, prior)
        case "csv":
            return CsvWriter(destination, detectors, prior)
        case "parquet":
            return ParquetWriter(destination, detectors, prior)
        case "eve":
            return EveWriter(destination)
        case _:
            return TableWriter(console(destination), prior)
