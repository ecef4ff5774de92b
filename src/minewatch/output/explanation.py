# SPDX-License-Identifier: Apache-2.0
"""One conversation in full: verdict, evidence, what is close to change it, doubts, timeline."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import polars as pl

from minewatch import gate
from minewatch.identify.identity import identity_sentence
from minewatch.output.cadence import cadence_lines, cadence_of
from minewatch.output.doubts import benign_lines, check_lines, features_of
from minewatch.output.known import known_sentences
from minewatch.output.records import records
from minewatch.output.subject import Subject
from minewatch.output.table import LEAST_CONTRIBUTION
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
from minewatch.types import Evidence, PacketSeries, Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

MAX_INTERVALS: Final = 12
MAX_PACKETS: Final = 16
MAX_REASONS: Final = 8
"""Pieces of evidence shown on each side; learnt detectors give many, most of little weight."""
MAX_REMARKS: Final = 3
MAX_TEXT: Final = 128
_NS: Final = 1_000_000_000
_END_REASONS: Final = {
    1: "idle",
    2: "goes on",
    3: "closed",
    4: "capture over",
    5: "lack of resources",
}
_COUNTS: Final = (
    "packet_delta_count",
    "reverse_packet_delta_count",
    "octet_delta_count",
    "reverse_octet_delta_count",
)
_TEXT_COLUMNS: Final = frozenset({"direction", "then"})


@dataclass(frozen=True, slots=True)
class Explanation:
    """Prints what is known of one conversation.

    Parameters
    ----------
    subject : the conversation.
    threshold : probability from which it is labelled mining.
    prior : the base rate.
    descriptions : meaning of the decoders' columns, by name.
    silent : detectors that are shown and not counted.
    """

    subject: Subject
    threshold: float
    prior: float
    descriptions: Mapping[str, str]
    silent: frozenset[str] = frozenset()

    def print(self, console: Console) -> None:
        """Print every part that there is something to say about."""
        (record,) = records(self.subject.frame, [self.subject.verdict], self.subject.capture)
        row = self.subject.frame.row(0, named=True)
        for part in _head(record, row, self.threshold):
            print_hanging(console, safe(""), part, 0)
        _section(console, "What you said of it", known_sentences(record))
        reason = row.get("gate_reason", gate.PASSED)
        if reason != gate.PASSED:
            _section(console, "Why it was not scored", _gate_lines(row, reason))
        else:
            self._print_reasons(console, row)
        _section(console, "What the decoders read", self._decoded_lines(row))
        if cadence := cadence_of(self.subject):
            _title(console, "Cadence")
            for line in cadence_lines(cadence, console.width - 2):
                console.print(safe(f"  {line}".rstrip()), soft_wrap=True)
        if self.subject.intervals is not None and self.subject.intervals.height:
            _section(console, "Timeline", [_timeline(self.subject.intervals, row)])
        if self.subject.packets is not None and len(self.subject.packets.time_ns):
            _section(console, "First packets with payload", [_packets(self.subject.packets, row)])

    def _print_reasons(self, console: Console, row: Mapping[str, Any]) -> None:
        """Print what speaks for the verdict and against it, and how to find out."""
        verdict = self.subject.verdict
        _section(console, "Detectors", _detector_lines(verdict, self.silent))
        for title, items in _sides(verdict.evidence):
            _section(console, title, _reason_lines(items))
        _section(console, "How close", self._close_lines())
        values = features_of(self.subject)
        _section(console, "Closest benign explanation", benign_lines(values))
        if verdict.label == "mining":
            lines = check_lines(self.subject, values)
            _section(console, "What would disprove it", (("- ", line) for line in lines))
            if mined := identity_sentence(row):
                _section(console, "What is mined", [mined])

    def _close_lines(self) -> Iterator[str]:
        """How far the verdict is from turning, and what would turn it."""
        verdict = self.subject.verdict
        p, limit = _log_odds(verdict.mining_probability), _log_odds(self.threshold)
        side = "above" if p >= limit else "below"
        yield (
            f"{abs(p - limit):.1f} log-odds {side} the threshold of {self.threshold:g}; "
            f"without any evidence it would be the base rate, {self.prior:g}."
        )
        for item in verdict.evidence[:3]:
            if abs(item.contribution) >= LEAST_CONTRIBUTION:
                without = 1 / (1 + math.exp(item.contribution - p))
                yield f"Without {item.feature}: {chance(without)}."

    def _decoded_lines(self, row: Mapping[str, Any]) -> Iterator[str]:
        for name in (*self.descriptions, "destination_name"):
            value = row.get(name)
            if value is not None and value != []:
                yield f"{name.removesuffix('_ns')}: {_read(name, value)}"


Line: TypeAlias = "str | tuple[str, str] | Sequence[Sequence[str]]"
"""A text, a prefix with its text, or the rows of a table, its head first."""


def _section(console: Console, title: str, lines: Iterable[Line]) -> None:
    shown = list(lines)
    if not shown:
        return
    _title(console, title)
    for line in shown:
        if isinstance(line, str):
            print_hanging(console, safe(""), safe(line), 2)
        elif isinstance(line, tuple):
            print_hanging(console, safe(line[0]), safe(line[1]), 2)
        else:
            for text in _aligned(line):
                console.print(safe(f"  {text}"), soft_wrap=True)


def _title(console: Console, text: str) -> None:
    console.print()
    console.print(safe(text, style="bold"))


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the rows as text, numbers to the right, words to the left."""
    n = len(rows[0])
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(n)]
    is_text = [rows[0][i] in _TEXT_COLUMNS for i in range(n)]
    for row in rows:
        cells = zip(row, widths, is_text, strict=False)
        yield "   ".join(f"{c:<{w}}" if left else f"{c:>{w}}" for c, w, left in cells).rstrip()


def _head(record: Mapping[str, Any], row: Mapping[str, Any], threshold: float) -> Iterator[Text]:
    protocol = record["protocol_identifier"]
    ends = [
        endpoint(record[f"{side}_address"], record[f"{side}_transport_port"], protocol)
        for side in ("source", "destination")
    ]
    is_mining = record["label"] == "mining"
    chance_and_ends = f"  {chance(record['mining_probability'])}  {' -> '.join(ends)}"
    yield joined(
        (record["label"].upper(), "bold red" if is_mining else "bold green"),
        (chance_and_ends, "bold"),
        (f"  {protocol_name(protocol)}", ""),
    )
    lasted = duration(row["flow_end_nanoseconds"] - row["flow_start_nanoseconds"])
    how = ""
    if protocol == 6:
        how = f"; {'seen to open' if row['is_initiator_known'] else 'not seen to open'}"
    if record["sampling_packet_interval"] > 1:
        how += f"; estimated from 1 packet in {record['sampling_packet_interval']:,}"
    yield safe(
        f"{record['flow_start'].replace('T', ' ').removesuffix('Z')} UTC for {lasted}; "
        f"{counted(record['packet_delta_count'], 'packet')} out and "
        f"{number_text(record['reverse_packet_delta_count'])} back, "
        f"{number_text(record['octet_delta_count'])} and "
        f"{number_text(record['reverse_octet_delta_count'])} octets{how}"
    )
    ids = f"id {row['flow_id']}, community id {record['community_id']}"
    yield safe(f"{record['capture']}, {ids}", style="dim")


def _detector_lines(verdict: Verdict, silent: frozenset[str]) -> Iterator[str]:
    width = max((len(name) for name in verdict.detectors), default=0)
    for name, probability in verdict.detectors.items():
        value = "not ready" if probability is None else f"{probability:.4f}"
        yield f"{name:<{width}}  {value}{'  (not counted)' if name in silent else ''}"


def _sides(evidence: Sequence[Evidence]) -> Iterator[tuple[str, list[Evidence]]]:
    least = LEAST_CONTRIBUTION
    yield "Speaks for mining", [e for e in evidence if e.contribution >= least]
    against = [e for e in evidence if e.contribution <= -least]
    yield "Speaks against", against
    yield "Remarks", [e for e in evidence if abs(e.contribution) < least]


def _reason_lines(items: Sequence[Evidence]) -> Iterator[tuple[str, str]]:
    """The strongest pieces of evidence of one side, and what the others weigh together."""
    have_weight = any(abs(item.contribution) >= LEAST_CONTRIBUTION for item in items)
    most = MAX_REASONS if have_weight else MAX_REMARKS
    # One line more instead of a line that says that there is one more.
    shown = items if len(items) <= most + 1 else items[:most]
    yield from map(_evidence_line, shown)
    if rest := items[len(shown) :]:
        together = f"{sum(item.contribution for item in rest):>+6.1f}  "
        yield together, f"{len(rest)} more together; scan --format jsonl tells each."


def _evidence_line(item: Evidence) -> tuple[str, str]:
    return f"{item.contribution:>+6.1f}  ", item.text


def _gate_lines(row: Mapping[str, Any], reason: str) -> Iterator[str]:
    """The gate's reason, and how near the conversation is to each of its limits."""
    yield f"{reason}: {gate.REASONS.get(reason, 'unknown')}."
    seconds = (row["flow_end_nanoseconds"] - row["flow_start_nanoseconds"]) / _NS
    if row["payload_packet_count"] is None:
        packets = [row["packet_delta_count"], row["reverse_packet_delta_count"]]
        out, back = (None if count is None else count // 2 for count in packets)
        what, counts = "packets (half of all, for those with payload)", "octets"
        sizes = [row["octet_delta_count"], row["reverse_octet_delta_count"]]
    else:
        out, back = row["payload_packet_count"], row["reverse_payload_packet_count"]
        what, counts = "packets with payload", "octets of payload"
        sizes = [row["payload_octet_count"], row["reverse_payload_octet_count"]]
    yield (
        f"{number_text(out)} {what} out, {number_text(back)} back; scored from "
        f"{gate.MIN_PAYLOAD_PACKETS} on, with both directions."
    )
    if None not in sizes:
        octets = sum(sizes)
        rate = f"at {octets * 8 / seconds:,.0f} bit/s" if seconds > 0 else "at once"
        yield (
            f"{octets:,} {counts} {rate}; bulk from "
            f"{gate.BULK_OCTETS:,} octets at {gate.BULK_BITS_PER_SECOND:,} bit/s on."
        )


def _timeline(intervals: pl.DataFrame, row: Mapping[str, Any]) -> list[list[str]]:
    table = [["after", "lasted", "packets out", "back", "octets out", "back", "then"]]
    ordered = intervals.sort("flow_start_nanoseconds")
    for i in _shown(ordered.height, MAX_INTERVALS):
        if i is None:
            table.append(["...", f"{ordered.height - MAX_INTERVALS} more"])
            continue
        one = ordered.row(i, named=True)
        table.append(
            [
                duration(one["flow_start_nanoseconds"] - row["flow_start_nanoseconds"]),
                duration(one["flow_end_nanoseconds"] - one["flow_start_nanoseconds"]),
                *(number_text(one[name]) for name in _COUNTS),
                _END_REASONS.get(one["flow_end_reason"], str(one["flow_end_reason"] or "")),
            ]
        )
    return table


def _shown(n: int, limit: int) -> list[int | None]:
    """Row numbers: the first two thirds of ``limit``, None for a gap, the last third."""
    if n <= limit:
        return list(range(n))
    last = limit // 3
    return [*range(limit - last), None, *range(n - last, n)]


def _packets(series: PacketSeries, row: Mapping[str, Any]) -> list[list[str]]:
    table = [["no.", "after", "direction", "octets", "gap"]]
    start = before = int(row["flow_start_nanoseconds"])
    for i in range(min(series.n_first, MAX_PACKETS)):
        time_ns = int(series.time_ns[i])
        table.append(
            [
                str(i + 1),
                duration(time_ns - start),
                "out" if series.from_initiator[i] else "back",
                f"{int(series.payload_octets[i]):,}",
                duration(max(time_ns - before, 0)),
            ]
        )
        before = time_ns
    return table


def _read(name: str, value: object) -> str:
    """Return a decoder's value as text; times as times."""
    if name.endswith("_ns") and isinstance(value, int):
        moment = datetime.fromtimestamp(value // _NS, UTC)
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    return str(value)[:MAX_TEXT]


def _log_odds(probability: float) -> float:
    clipped = min(max(probability, 1e-12), 1 - 1e-12)
    return math.log(clipped / (1 - clipped))
