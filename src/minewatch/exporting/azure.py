# SPDX-License-Identifier: Apache-2.0
"""Azure's virtual network flow logs, version 4, as JSON.

The form is that of learn.microsoft.com/azure/network-watcher/vnet-flow-logs-overview: records of
an interface (by its MAC address), in them flows by rule, in those tuples of text. A connection
gives ``B`` without counts when it begins, then for each interval in which it moved ``C``, or
``E`` if it ended in it, with what was sent since. One that was silent for four minutes is
forgotten (``E`` without counts); it begins anew with its next packet. Assumed: a tuple's time is
that of the last packet that it counts, or of the first for ``B``; ICMP has ports of 0; nothing is
encrypted (``NX``).
"""

from __future__ import annotations

import json
import re
from typing import Final

import polars as pl

from minewatch.address import address_text
from minewatch.exporting.settings import AZURE_IDLE_S, MILLISECOND_NS, SECOND_NS

_IDLE_NS: Final = round(AZURE_IDLE_S * SECOND_NS)
_GUID: Final = "00000000-0000-0000-0000-000000000000"
_SUBSCRIPTION: Final = f"/subscriptions/{_GUID}/resourceGroups/exported/providers/Microsoft.Network"
_RULES: Final = {True: "DefaultRule_AllowInternetOutBound", False: "UserRule_AllowInBound"}
"""Names of rules by whether the interface's own end opened the connection."""
_SEPARATOR: Final = ",\n"
_OPEN: Final[dict[str, pl.DataType]] = {
    "conversation": pl.Int64(),
    "observer": pl.UInt32(),
    "by_source": pl.Boolean(),
    "ends": pl.String(),
    "last_ns": pl.Int64(),
}
_KEY: Final = ("conversation", "observer", "by_source")


class AzureVnetJson:
    """Writes records as one JSON document."""

    def __init__(self) -> None:
        self._open = pl.DataFrame(schema=_OPEN)
        self._separator = ""

    def head(self) -> bytes:
        """Return the beginning of the document."""
        return b'{"records":['

    def rows(self, told: pl.DataFrame) -> bytes:
        """Return records of the document.

        Parameters
        ----------
        told : of ``logged``, both directions of a connection in one.
        """
        group = ["observer", "by_source", "minute"]
        records = self._tuples(told).group_by(group, maintain_order=True).agg("text")
        texts = records.select(_record()).to_series().to_list()
        if not texts:
            return b""
        separator, self._separator = self._separator, _SEPARATOR
        return (separator + _SEPARATOR.join(texts)).encode()

    def end(self) -> bytes:
        """Return the end of the document. What is not over when the capture ends stays open."""
        return b"]}\n"

    def _tuples(self, told: pl.DataFrame) -> pl.DataFrame:
        """Return tuples in the order of their time, and remember the connections that go on."""
        rows = told.with_columns(ends=_ends(told)).sort(
            "flow_start_nanoseconds", maintain_order=True
        )
        end_ns, start_ns = pl.col("flow_end_nanoseconds"), pl.col("flow_start_nanoseconds")
        rows = rows.join(self._open.drop("ends"), on=_KEY, how="left", maintain_order="left")
        before = pl.when(~pl.col("is_closed")).then(end_ns).shift(1).over(_KEY)
        is_first = pl.int_range(pl.len()).over(_KEY) == 0
        rows = rows.with_columns(
            before_ns=pl.when(is_first).then(pl.col("last_ns")).otherwise(before)
        )
        is_forgotten = start_ns - pl.col("before_ns") > _IDLE_NS
        begins = rows.filter(pl.col("before_ns").is_null() | is_forgotten)
        forgotten = rows.filter(is_forgotten).select(*_KEY, "ends", last_ns="before_ns")
        forgotten = pl.concat([forgotten, self._keep_open(rows, forgotten)])
        counts = pl.concat_str(
            "packet_delta_count",
            "octet_delta_count",
            "reverse_packet_delta_count",
            "reverse_octet_delta_count",
            separator=",",
        )
        state = pl.when("is_closed").then(pl.lit("E")).otherwise(pl.lit("C"))
        tuples = pl.concat(
            [
                _timed(forgotten, pl.col("last_ns") + _IDLE_NS, pl.lit("E"), pl.lit("0,0,0,0")),
                _timed(begins, start_ns, pl.lit("B"), pl.lit("0,0,0,0")),
                _timed(rows, end_ns, state, counts),
            ]
        )
        minute = pl.col("time_ns") // (60 * SECOND_NS)
        # By minute: a record of the log is one of an interface and a minute.
        return tuples.with_columns(minute=minute).sort("minute", "time_ns", maintain_order=True)

    def _keep_open(self, rows: pl.DataFrame, ended: pl.DataFrame) -> pl.DataFrame:
        """Remember the connections that go on; return those that were silent for too long."""
        latest = rows.group_by(_KEY, maintain_order=True).last()
        latest = latest.filter(~pl.col("is_closed")).select(
            *_KEY, "ends", last_ns="flow_end_nanoseconds"
        )
        others = self._open.join(rows, on=_KEY, how="anti")
        open_now = pl.concat([others, latest])
        clock = rows["flow_start_nanoseconds"].max() if rows.height else None
        if clock is None:
            return ended.clear()
        silent = pl.col("last_ns") + _IDLE_NS < pl.lit(clock)
        self._open = open_now.filter(~silent)
        return open_now.filter(silent)


def _ends(told: pl.DataFrame) -> pl.Series:
    source, destination = (
        pl.lit(address_text(told[f"{end}_address_high"], told[f"{end}_address_low"]))
        for end in ("source", "destination")
    )
    ports = ("source_transport_port", "destination_transport_port")
    way = pl.when("by_source").then(pl.lit("O")).otherwise(pl.lit("I"))
    text = pl.concat_str(source, destination, *ports, "protocol_identifier", way, separator=",")
    return told.select(text).to_series()


def _timed(rows: pl.DataFrame, time_ns: pl.Expr, state: pl.Expr, counts: pl.Expr) -> pl.DataFrame:
    text = pl.concat_str(
        time_ns // MILLISECOND_NS, "ends", state, pl.lit("NX"), counts, separator=","
    )
    return rows.select("observer", "by_source", time_ns=time_ns, text=text)


def _record() -> pl.Expr:
    """Return the JSON of a record; nothing in it needs to be escaped, as all texts are ours."""
    parts = json.dumps(
        {
            "time": "<time>",
            "flowLogVersion": 4,
            "flowLogGUID": _GUID,
            "macAddress": "<mac>",
            "category": "FlowLogFlowEvent",
            "flowLogResourceID": f"{_SUBSCRIPTION}/networkWatchers/exported/flowLogs/log".upper(),
            "targetResourceID": f"{_SUBSCRIPTION}/virtualNetworks/exported",
            "operationName": "FlowLogFlowEvent",
            "flowRecords": {
                "flows": [
                    {
                        "aclID": _GUID,
                        "flowGroups": [{"rule": "<rule>", "flowTuples": ["<tuples>"]}],
                    }
                ]
            },
        },
        separators=(",", ":"),
    )
    end = pl.from_epoch((pl.col("minute") + 1) * 60, "s")
    values = {
        "time": end.dt.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
        "mac": pl.lit("0022") + _hexadecimal(pl.col("observer")),
        "rule": pl.when("by_source").then(pl.lit(_RULES[True])).otherwise(pl.lit(_RULES[False])),
        "tuples": pl.col("text").list.join('","'),
    }
    pieces = re.split(r"<(\w+)>", parts)
    return pl.concat_str(
        values[piece] if at % 2 else pl.lit(piece) for at, piece in enumerate(pieces)
    )


def _hexadecimal(number: pl.Expr) -> pl.Expr:
    """Return the eight digits of 32 bits."""
    digits = pl.lit(pl.Series([list("0123456789ABCDEF")]))
    return pl.concat_str(
        digits.list.get(number.cast(pl.Int64) // (1 << shift) % 16) for shift in range(28, -1, -4)
    )
