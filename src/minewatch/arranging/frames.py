# SPDX-License-Identifier: Apache-2.0
"""Totals of biflows as tables in the columns of ``schema.FLOW``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from minewatch import schema
from minewatch.address import EPHEMERAL
from minewatch.metering import record_totals as t
from minewatch.records import UNKNOWN, RecordArray
from minewatch.types import BoolArray, Int64Array

_PARTS: Final = ("address_high", "address_low", "transport_port")
_COUNTERS: Final = (
    ("packet_delta_count", t.T_PACKETS_AB),
    ("octet_delta_count", t.T_OCTETS_AB),
    ("payload_octet_count", t.T_PAYLOAD_AB),
    ("tcp_control_bits", t.T_FLAGS_AB),
)
SERVER: Final = "server"
"""Column beside those of the schema: place of the server's name among those of the run."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The initiator, the responder and the protocol of n biflows."""

    columns: dict[str, npt.NDArray[np.generic]]
    """Columns of ``schema.FLOW`` that name them, each of shape (n,)."""
    is_a_initiator: BoolArray
    """Whether the lesser end (address, then port) is the initiator."""

    def of(self, rows: Int64Array) -> Ends:
        """Return those of some of the biflows, each as often as it is named.

        Parameters
        ----------
        rows : places among the n.
        """
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Ends(columns, self.is_a_initiator[rows])


def ends_of(biflows: Int64Array, records: RecordArray) -> Ends:
    """Return the ends of biflows, and which of them is the initiator.

    It is who a record says. Else the end with the port of a client: flow logs of a connection
    that began before them start with either side. Where ports do not tell, who was seen first;
    and where both were at once, the end with the higher port.

    Parameters
    ----------
    biflows : totals, shape (n, TOTAL_WORDS).
    records : one of each biflow, whichever; shape (n,).
    """
    source, destination = (
        {part: records[f"{side}_{part}"] for part in _PARTS} for side in ("source", "destination")
    )
    is_swapped = np.zeros(len(records), np.bool_)
    for part in reversed(_PARTS):
        s, d = source[part], destination[part]
        is_swapped = np.where(s == d, is_swapped, s > d)
    s, d = source["transport_port"], destination["transport_port"]
    a_first = _is_a_initiator(biflows, np.where(is_swapped, d, s), np.where(is_swapped, s, d))
    is_source = a_first != is_swapped
    columns: dict[str, npt.NDArray[np.generic]] = {
        "protocol_identifier": records["protocol_identifier"],
        "is_initiator_known": biflows[:, t.T_OPENER] != UNKNOWN,
    }
    for part in _PARTS:
        s, d = source[part], destination[part]
        columns[f"source_{part}"] = np.where(is_source, s, d)
        columns[f"destination_{part}"] = np.where(is_source, d, s)
    return Ends(columns, a_first)


def _is_a_initiator(biflows: Int64Array, a_port: Int64Array, b_port: Int64Array) -> BoolArray:
    by_port = a_port >= b_port
    a_start, b_start = biflows[:, t.T_START_AB], biflows[:, t.T_START_BA]
    by_time = np.where(a_start == b_start, by_port, a_start < b_start)
    has_client = (a_port >= EPHEMERAL) != (b_port >= EPHEMERAL)
    opener = biflows[:, t.T_OPENER]
    guess = np.where(has_client, by_port, by_time)
    found: BoolArray = np.where(opener == UNKNOWN, guess, opener == 1)
    return found


def flow_frame(totals: Int64Array, ends: Ends) -> pl.DataFrame:
    """Return totals in the columns of ``schema.FLOW``, with ``schema.SAMPLING`` and ``SERVER``.

    ``flow_id`` is the row's number and to be replaced. What a flow log does not tell is null.

    Parameters
    ----------
    totals : shape (n, TOTAL_WORDS): of biflows, conversations or intervals.
    ends : of the biflow of each row.
    """
    columns: dict[str, npt.NDArray[np.generic] | pl.Series] = {
        **ends.columns,
        "flow_start_nanoseconds": totals[:, t.T_START],
        "flow_end_nanoseconds": totals[:, t.T_END],
        "vlan_id": totals[:, t.T_VLAN],
        "flow_end_reason": _known(totals[:, t.T_END_REASON], 0),
        schema.SAMPLING: totals[:, t.T_SAMPLING],
        SERVER: _known(totals[:, t.T_SERVER_NAME], UNKNOWN),
        "flow_id": np.arange(len(totals)),
    }
    a_first = ends.is_a_initiator
    for name, word in _COUNTERS:
        ab, ba = _counts(totals, word)
        columns[name] = _known(np.where(a_first, ab, ba), UNKNOWN)
        columns[f"reverse_{name}"] = _known(np.where(a_first, ba, ab), UNKNOWN)
    types = schema.polars_schema(schema.FLOW) | {schema.SAMPLING: pl.Int64(), SERVER: pl.Int64()}
    frame = pl.DataFrame(columns).with_columns(payload_kinds=pl.lit(0, pl.UInt8))
    return frame.select(
        pl.col(name).cast(dtype) if name in frame.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in types.items()
    )


def gate_frame(totals: Int64Array, protocol: npt.NDArray[np.generic]) -> pl.DataFrame:
    """Return what the gate asks for; it treats both directions alike, so *ab* counts as forward.

    Parameters
    ----------
    totals : shape (n, TOTAL_WORDS).
    protocol : of each row, shape (n,).
    """
    columns: dict[str, npt.NDArray[np.generic] | pl.Series] = {
        "protocol_identifier": protocol,
        "flow_start_nanoseconds": totals[:, t.T_START],
        "flow_end_nanoseconds": totals[:, t.T_END],
    }
    for name, word in _COUNTERS[:3]:
        ab, ba = _counts(totals, word)
        columns[name] = _known(ab, UNKNOWN)
        columns[f"reverse_{name}"] = _known(ba, UNKNOWN)
    return pl.DataFrame(columns).with_columns(
        payload_kinds=pl.lit(0, pl.UInt8),
        payload_packet_count=pl.lit(None, pl.Int64),
        reverse_payload_packet_count=pl.lit(None, pl.Int64),
    )


def _counts(totals: Int64Array, word: int) -> tuple[Int64Array, Int64Array]:
    """Return a counter of both directions, unknown where no record of the direction told any."""
    told = totals[:, t.T_TOLD]
    if not (told & (t.SILENT_AB | t.SILENT_BA)).any():
        return totals[:, word], totals[:, word + 1]
    ways = ((t.TOLD_AB, t.SILENT_AB, 0), (t.TOLD_BA, t.SILENT_BA, 1))
    ab, ba = (
        np.where((told & (said | silent)) == silent, UNKNOWN, totals[:, word + way])
        for said, silent, way in ways
    )
    return ab, ba


def _known(values: Int64Array, unknown: int) -> pl.Series:
    """Return a column that is null where a value is the one for unknown."""
    column = pl.Series(values)
    is_unknown = values == unknown
    return column.set(pl.Series(is_unknown), None) if is_unknown.any() else column
