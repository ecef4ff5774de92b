# SPDX-License-Identifier: Apache-2.0
"""What a run read, scored and could not use: nothing is left uncounted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from minewatch import gate
from minewatch.logs import LogReport
from minewatch.output.records import capture_name
from minewatch.output.terminal import counted, safe
from minewatch.pipeline import CaptureReport
from minewatch.scanning import ScanReport

if TYPE_CHECKING:
    from rich.console import Console

MAX_NOTES: Final = 20
MAX_REASONS: Final = 8
_METERED: Final = "metered"


@dataclass(slots=True)
class Totals:
    """Sums over the captures of a run."""

    captures: int = 0
    packets: int = 0
    logs: int = 0
    """Flow logs that were opened."""
    records: int = 0
    """Rows of them that became records."""
    denied: int = 0
    octets_skipped: int = 0
    conversations: int = 0
    flow_records: int = 0
    scored: int = 0
    mining: int = 0
    allowed: int = 0
    expired: int = 0
    gated: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    faulty: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    sampling: Counter[int] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    """Rows of flow logs that could not be used, or were put right: the first ones."""
    limits: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, report: ScanReport[Any]) -> None:
        """Add what a scan read to its end, and what it said.

        Parameters
        ----------
        report : of a capture or of flow logs.
        """
        if isinstance(report.input, LogReport):
            self.add_logs(report.input)
        else:
            self.add_capture(report.input)
        self.scored += report.scored
        self.mining += report.mining
        self.allowed += report.allowed
        self.expired += report.expired
        self.failures |= report.failures

    def add_capture(self, report: CaptureReport) -> None:
        """Add a capture that was read to its end.

        Parameters
        ----------
        report : what was read.
        """
        counters, metering = report.capture, report.metering
        self.captures += 1
        self.packets += counters.packets_seen
        self.octets_skipped += counters.octets_skipped
        self.outcomes.update(counters.by_outcome())
        self.notes += [f"{capture_name(report.name)}: {note}" for note in counters.notes]
        self.limits["packets out of order"] += metering.out_of_order_packets
        self.limits["payload octets not kept, limit reached"] += metering.payload_dropped_octets
        self.limits["biflows ended early, limit reached"] += metering.evicted_biflows
        self._add_conversations(report)

    def add_logs(self, report: LogReport) -> None:
        """Add flow logs that were read to their end.

        Parameters
        ----------
        report : what was read.
        """
        for name, counters in report.files:
            self.logs += 1
            self.records += counters.rows_parsed
            self.ignored.update(counters.ignored)
            self.faulty.update(counters.faulty)
            self.repaired.update(counters.repaired)
            self.sampling.update(counters.sampling)
            self.examples += counters.examples
            self.notes += [f"{capture_name(name)}: {note}" for note in counters.notes]
        self.denied += report.denied
        self._add_conversations(report)

    def _add_conversations(self, report: CaptureReport | LogReport) -> None:
        self.conversations += report.conversations
        self.gated.update({k: v for k, v in report.gated.items() if k != gate.PASSED})

    @property
    def problems(self) -> int:
        """Return how many inputs are cut or damaged, rows faulty, and plug-ins failed."""
        return len(self.notes) + len(self.failures) + self.faulty.total() + self.repaired.total()

    @property
    def inputs(self) -> int:
        """Return how many captures and flow logs were read."""
        return self.captures + self.logs

    def what_was_read(self) -> str:
        """Return what was read in a few words: packets of captures, records of flow logs."""
        parts = []
        if self.captures or not self.logs:
            parts.append(counted(self.packets, "packet"))
            parts.append(counted(self.captures, "capture"))
        if self.logs:
            parts.append(counted(self.records, "record"))
            parts.append(counted(self.logs, "flow log"))
        return ", ".join(parts)


def print_totals(totals: Totals, console: Console) -> None:
    """Print the summary of a scan.

    Parameters
    ----------
    totals : the sums.
    console : where to.
    """
    found = f"{totals.mining:,} of {counted(totals.conversations, 'conversation')}"
    verb = "is" if totals.mining == 1 else "are"
    console.print(
        safe(f"{found} {verb} mining", style="bold red" if totals.mining else "bold green"),
        safe(f"({totals.what_was_read()})"),
        soft_wrap=True,
    )
    for line in known_lines(totals):
        console.print(safe(f"  {line}"), soft_wrap=True)
    if totals.conversations:
        console.print(safe(f"  {totals.scored:,} scored; not scored:"), soft_wrap=True)
        for reason, count in totals.gated.most_common():
            text = f"    {count:>9,}  {reason:<17} {gate.REASONS.get(reason, '')}"
            console.print(safe(text, style="dim"), soft_wrap=True)
    for line in problem_lines(totals):
        console.print(safe(f"  {line}", style="yellow"), soft_wrap=True)


def known_lines(totals: Totals) -> Iterator[str]:
    """Yield what allowances did, if they did anything.

    Parameters
    ----------
    totals : the sums.
    """
    if totals.allowed:
        verb = "is" if totals.allowed == 1 else "are"
        yield f"{totals.allowed:,} more {verb} mining and allowed"
    if totals.expired:
        verb = "was" if totals.expired == 1 else "were"
        yield f"{totals.expired:,} of the finds {verb} allowed until the allowance expired"


def problem_lines(totals: Totals) -> Iterator[str]:
    """Yield one line for each thing that was not used, or failed.

    Parameters
    ----------
    totals : the sums.
    """
    unused = [
        f"{count:,} {name.replace('_', ' ').replace(' ip', ' IP')}"
        for name, count in totals.outcomes.most_common()
        if count and name != _METERED
    ]
    if unused:
        yield f"packets not used: {', '.join(unused)}"
    yield from (f"{count:,} {name}" for name, count in totals.limits.items() if count)
    yield from log_lines(totals)
    yield from totals.notes[:MAX_NOTES]
    if len(totals.notes) > MAX_NOTES:
        yield f"and {len(totals.notes) - MAX_NOTES} more notes of cut or damaged inputs"
    for name, error in totals.failures.items():
        yield f"plug-in {name} failed, its scores count as not ready: {error}"


def log_lines(totals: Totals) -> Iterator[str]:
    """Yield one line for each thing that is not as it should be with rows of flow logs.

    Parameters
    ----------
    totals : the sums.
    """
    for counts, what in (
        (totals.faulty, "rows that could not be used"),
        (totals.repaired, "rows put right"),
        (totals.ignored, "rows that tell of no flow"),
    ):
        if counts:
            parts = [f"{count:,} {reason}" for reason, count in counts.most_common(MAX_REASONS)]
            more = ["..."] if len(counts) > MAX_REASONS else []
            yield f"{what}: {', '.join(parts + more)}"
    yield from (f"  {example}" for example in totals.examples[:MAX_NOTES])
    if totals.denied:
        yield f"{counted(totals.denied, 'record')} of traffic that was not let through, kept apart"
    sampled = {rate: count for rate, count in totals.sampling.items() if rate > 1}
    for rate, count in sorted(sampled.items())[:MAX_REASONS]:
        yield (
            f"{counted(count, 'record')} of 1 packet in {rate:,}: counts are estimates, and "
            "verdicts less sure"
        )
