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
from typing import Final

import polars as pl

from minewatch.address import address_text
from minewatch.exporting.settings import AZURE_IDLE_S, MILLISECOND_NS, SECOND_NS

_IDLE_NS: Final = round(AZURE_IDLE_S * SECOND_NS)
_GUID: Final = "00000000-0000-0000-0000-000000000000"
_SUBSCRIPTION: Final = f"/subscriptions/{_GUID}/resourceGroups/exported/providers/Microsoft.Network"
_RULES: Final = {True: "DefaultRule_AllowInternetOutBound", False: "UserRule_AllowInBound"}
"""Names of rules by whether the interface's own end opened the connection."""
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
        texts = []
        for (observer, by_source, minute), group in self._tuples(told).group_by(
            "observer", "by_source", "minute", maintain_order=True
        ):
            record = _record(int(observer), bool(by_source), int(minute), group["text"].to_list())
            texts.append(self._separator + json.dumps(record, separators=(",", ":")))
            self._separator = ",\n"
        return "".join(texts).encode()

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


def _record(observer: int, by_source: bool, minute: int, tuples: list[str]) -> dict[str, object]:
    time = pl.select(
        pl.from_epoch(pl.lit((minute + 1) * 60), "s").dt.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
    ).item()
    group = {"rule": _RULES[by_source], "flowTuples": tuples}
    return {
        "time": time,
        "flowLogVersion": 4,
        "flowLogGUID": _GUID,
        "macAddress": f"0022{observer:08X}",
        "category": "FlowLogFlowEvent",
        "flowLogResourceID": f"{_SUBSCRIPTION}/networkWatchers/exported/flowLogs/exported".upper(),
        "targetResourceID": f"{_SUBSCRIPTION}/virtualNetworks/exported",
        "operationName": "FlowLogFlowEvent",
        "flowRecords": {"flows": [{"aclID": _GUID, "flowGroups": [group]}]},
    }
