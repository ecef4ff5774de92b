# SPDX-License-Identifier: Apache-2.0
"""CSV and Parquet: the fields of the contract as flat columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from minewatch.allow.marking import ALLOWED, EXPIRED
from minewatch.output.contract import NAMES
from minewatch.output.destination import Destination
from minewatch.output.parquet import ParquetStream
from minewatch.output.records import gated_records, records, with_time_text
from minewatch.types import Verdict

_SEPARATOR: Final = "; "


def flat_schema(detectors: Sequence[str]) -> dict[str, pl.DataType]:
    """Return the flat columns: ``detector_<name>`` in place of ``detectors``, the rest as text.

    Parameters
    ----------
    detectors : names of all detectors.
    """
    types: dict[str, pl.DataType] = {
        "source_transport_port": pl.UInt16(),
        "destination_transport_port": pl.UInt16(),
        "protocol_identifier": pl.UInt8(),
        "flow_start": pl.Datetime("us", "UTC"),
        "flow_end": pl.Datetime("us", "UTC"),
        "mining_probability": pl.Float64(),
        "sampling_packet_interval": pl.Int64(),
    }
    schema: dict[str, pl.DataType] = {}
    for name in NAMES:
        if name == "detectors":
            schema |= {f"detector_{detector}": pl.Float64() for detector in detectors}
        elif name.endswith("_count"):
            schema[name] = pl.Int64()
        else:
            schema[name] = types.get(name, pl.String())
    return schema


def flat_table(
    rows: Iterable[Mapping[str, Any]], schema: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    """Return records of the contract as a flat table; what is nested becomes text.

    Parameters
    ----------
    rows : records.
    schema : the flat columns.
    """
    flat = [
        {name: value for name, value in row.items() if name != "detectors"}
        | {f"detector_{name}": p for name, p in row["detectors"].items()}
        | {
            "evidence": " ".join(item["text"] for item in row["evidence"]),
            "tags": _SEPARATOR.join(row["tags"]),
            "transit": row["transit"] and row["transit"]["name"],
            ALLOWED: row[ALLOWED] and allowance_text(row[ALLOWED]),
            EXPIRED: row[EXPIRED] and allowance_text(row[EXPIRED]),
        }
        for row in rows
    ]
    texts = dict(schema) | {"flow_start": pl.String(), "flow_end": pl.String()}
    table = pl.DataFrame(flat, schema=texts, orient="row")
    return table.with_columns(
        pl.col("flow_start", "flow_end").str.to_datetime(
            "%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC"
        )
    )


def allowance_text(allowance: Mapping[str, str]) -> str:
    """Return an allowance as one text.

    Parameters
    ----------
    allowance : of a record of the contract.

    Examples
    --------
    >>> allowance_text({"owner": "ops", "reason": "a course", "expires": "2027-01-31",
    ...     "place": "known.toml:8"})
    'ops, until 2027-01-31: a course (known.toml:8)'
    """
    until = f"{allowance['owner']}, until {allowance['expires']}"
    return f"{until}: {allowance['reason']} ({allowance['place']})"


class _FlatWriter:
    """What both formats share: from conversations to flat tables."""

    def __init__(self, detectors: Sequence[str], prior: float) -> None:
        self._detectors = detectors
        self._prior = prior
        self._schema = flat_schema(detectors)

    def write(self, frame: pl.DataFrame, verdicts: Sequence[Verdict], capture: str) -> None:
        """Write conversations with their verdicts."""
        if verdicts:
            self._write(flat_table(records(frame, verdicts, capture), self._schema))

    def write_gated(self, gated: pl.DataFrame, capture: str) -> None:
        """Write conversations that the gate stopped."""
        table = gated_records(gated, self._prior, self._detectors, capture)
        sentence = pl.col("evidence").list.first().struct.field("text")
        unasked = (pl.lit(None, pl.Float64).alias(f"detector_{d}") for d in self._detectors)
        nothing = pl.lit(None, pl.String)  # what the gate stopped is not mining, so not allowed
        told = {
            "tags": pl.col("tags").list.join(_SEPARATOR),
            "transit": pl.col("transit").struct.field("name"),
            ALLOWED: nothing,
            EXPIRED: nothing,
        }
        table = table.with_columns(*unasked, evidence=sentence, **told)
        self._write(table.select(list(self._schema)).cast(self._schema))  # type: ignore[arg-type]

    def _write(self, table: pl.DataFrame) -> None:
        raise NotImplementedError


class CsvWriter(_FlatWriter):
    """Writes CSV with a header line; no value is an empty cell.

    Parameters
    ----------
    destination : where the lines go.
    detectors : names of all detectors.
    prior : the base rate, for conversations that the gate stopped.
    """

    def __init__(self, destination: Destination, detectors: Sequence[str], prior: float) -> None:
        super().__init__(detectors, prior)
        self._destination = destination
        self._is_begun = False

    def _write(self, table: pl.DataFrame) -> None:
        text = with_time_text(table).write_csv(include_header=not self._is_begun)
        self._destination.write(text.encode())
        self._is_begun = True

    def finish(self) -> None:
        """Write the header, if there was nothing else."""
        if not self._is_begun:
            self._write(pl.DataFrame(schema=self._schema))


class ParquetWriter(_FlatWriter):
    """Writes one Parquet file; times are timestamps in UTC.

    Parameters
    ----------
    destination : the file.
    detectors : names of all detectors.
    prior : the base rate, for conversations that the gate stopped.
    """

    def __init__(self, destination: Destination, detectors: Sequence[str], prior: float) -> None:
        super().__init__(detectors, prior)
        self._stream = ParquetStream(destination, self._schema)

    def _write(self, table: pl.DataFrame) -> None:
        self._stream.write(table)

    def finish(self) -> None:
        """Write the rest and the footer."""
        self._stream.close()
