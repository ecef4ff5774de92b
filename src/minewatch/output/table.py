# SPDX-License-Identifier: Apache-2.0
"""The table for people: what was found, how sure, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from minewatch.identify.names import SHAPE
from minewatch.output.known import known_sentences
from minewatch.output.records import facts as facts_of
from minewatch.output.records import records, with_time_text
from minewatch.output.terminal import (
    chance,
    counted,
    duration,
    endpoint,
    joined,
    number_text,
    print_hanging,
    protocol_name,
    safe,
)
from minewatch.types import Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

MAX_EVIDENCE: Final = 3
"""Sentences shown of one conversation; ``explain`` shows all."""
LEAST_CONTRIBUTION: Final = 0.05
"""Log-odds below which a sentence is only a remark."""
LEAST_SHARE: Final = 0.05
"""Sentences with less than this share of the strongest one's weight are left to ``explain``."""
_INDENT: Final = 8
_DETAILS: Final = ("stratum_dialect", "tls_sni", "destination_name")


class TableWriter:
    """Writes a few lines a conversation: the flagged ones with their evidence, others in one line.

    Parameters
    ----------
    console : where the text goes.
    prior : the base rate, for conversations that the gate stopped.
    """

    def __init__(self, console: Console, prior: float) -> None:
        self._console = console
        self._prior = prior

    def write(self, frame: pl.DataFrame, verdicts: Sequence[Verdict], capture: str) -> None:
        """Write conversations with their verdicts."""
        details = frame.select(
            "flow_id",
            "flow_start_nanoseconds",
            "flow_end_nanoseconds",
            *(name for name in _DETAILS if name in frame.columns),
        )
        rows = details.iter_rows(named=True)
        for record, row in zip(records(frame, verdicts, capture), rows, strict=True):
            if record["label"] == "mining":
                self._write_flagged(record, row)
            else:
                self._write_line(record, "normal")

    def write_gated(self, gated: pl.DataFrame, capture: str) -> None:
        """Write one line for each conversation that the gate stopped."""
        rows = with_time_text(facts_of(gated, capture)).iter_rows(named=True)
        reasons = gated.get_column("gate_reason")
        for row, reason in zip(rows, reasons, strict=True):
            self._write_line(row | {"mining_probability": self._prior}, f"not scored: {reason}")

    def finish(self) -> None:
        """Write what is left: nothing."""

    def _write_line(self, record: Mapping[str, Any], text: str) -> None:
        line = f"{chance(record['mining_probability']):>6}  {_ends(record)}  {_protocol(record)}"
        self._console.print(safe(f"{line}  {text}", style="dim"), soft_wrap=True)

    def _write_flagged(self, record: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        name = row.get("tls_sni") or row.get("destination_name")
        style = "bold yellow" if record["allowed_by"] else "bold red"
        head = joined(
            (f"{chance(record['mining_probability']):>6}", style),
            (f"  {_ends(record)}", "bold"),
            (f" ({str(name)[:128]})" if name else "", ""),
            (f"  {_protocol(record)}", ""),
            ("  allowed" if record["allowed_by"] else "", "bold yellow"),
        )
        self._console.print(head, soft_wrap=True)
        self._hang(safe(_what(record, row)))
        for known in known_sentences(record):
            self._hang(safe(known))
        for item in _strongest(record["evidence"]):
            prefix, text = sentence(item["contribution"], item["text"])
            print_hanging(self._console, prefix, text, _INDENT)
        place = f"id {row['flow_id']}, community id {record['community_id']}, {record['capture']}"
        self._hang(safe(place, style="dim"))
        self._console.print()

    def _hang(self, text: Text) -> None:
        print_hanging(self._console, safe(""), text, _INDENT)


def _ends(record: Mapping[str, Any]) -> str:
    protocol = record["protocol_identifier"]
    ends = (
        endpoint(record[f"{side}_address"], record[f"{side}_transport_port"], protocol)
        for side in ("source", "destination")
    )
    return " -> ".join(ends)


def _protocol(record: Mapping[str, Any]) -> str:
    return protocol_name(record["protocol_identifier"])


def _what(record: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """When, how long, how much, and which algorithm."""
    start = str(record["flow_start"]).replace("T", " ").partition(".")[0]
    lasted = duration(row["flow_end_nanoseconds"] - row["flow_start_nanoseconds"])
    packets = counted(record["packet_delta_count"], "packet")
    parts = [
        f"{start} UTC for {lasted}",
        f"{packets} out, {number_text(record['reverse_packet_delta_count'])} back",
    ]
    if record["sampling_packet_interval"] > 1:
        parts.append(f"estimated from 1 packet in {record['sampling_packet_interval']:,}")
    if record["algorithm"]:
        by = " (by its shape)" if record["algorithm_source"] == SHAPE else ""
        parts.append(f"algorithm {record['algorithm']}{by}")
    if record["dialect"]:
        parts.append(f"dialect {record['dialect']}")
    if record["payout_coin"]:
        parts.append(f"paid in {record['payout_coin']}")
    return ", ".join(parts)


def _strongest(evidence: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the sentences that carry the verdict, what speaks for mining first."""
    if not evidence:
        return []
    least = max(LEAST_CONTRIBUTION, abs(evidence[0]["contribution"]) * LEAST_SHARE)
    shown = [item for item in evidence[:MAX_EVIDENCE] if abs(item["contribution"]) >= least]
    return sorted(shown, key=lambda item: item["contribution"] < 0)


def sentence(contribution: float, text: str) -> tuple[Text, Text]:
    """Return the sign of what a sentence says, and the sentence.

    Parameters
    ----------
    contribution : change of the log-odds: + for mining, - against, else only a remark.
    text : the sentence.
    """
    sign, style = " ", "dim"
    if contribution >= LEAST_CONTRIBUTION:
        sign, style = "+", "red"
    elif contribution <= -LEAST_CONTRIBUTION:
        sign, style = "-", "green"
    return safe(f"{sign} ", style=f"bold {style}"), safe(text)
