# SPDX-License-Identifier: Apache-2.0
"""What a run read, scored and could not use: nothing is left uncounted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from minewatch import gate
from minewatch.output.records import capture_name
from minewatch.output.terminal import counted, safe
from minewatch.pipeline import CaptureReport

if TYPE_CHECKING:
    from rich.console import Console

MAX_NOTES: Final = 20
_METERED: Final = "metered"


@dataclass(slots=True)
class Totals:
    """Sums over the captures of a run."""

    captures: int = 0
    packets: int = 0
    octets_skipped: int = 0
    conversations: int = 0
    flow_records: int = 0
    scored: int = 0
    mining: int = 0
    allowed: int = 0
    expired: int = 0
    gated: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    limits: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def add(
        self,
        report: CaptureReport,
        scored: int = 0,
        mining: int = 0,
        failures: Mapping[str, str] | None = None,
        allowed: int = 0,
        expired: int = 0,
    ) -> None:
        """Add a capture that was read to its end.

        Parameters
        ----------
        report : what was read.
        scored : conversations that the detectors scored.
        mining : conversations that are labelled mining and not allowed.
        failures : plug-ins that failed, with their error.
        allowed : conversations that are labelled mining and allowed.
        expired : conversations that are labelled mining and were allowed once.
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
        self.conversations += report.conversations
        self.gated.update({k: v for k, v in report.gated.items() if k != gate.PASSED})
        self.scored += scored
        self.mining += mining
        self.allowed += allowed
        self.expired += expired
        self.failures |= failures or {}

    @property
    def problems(self) -> int:
        """Return how many captures are cut or damaged, and how many plug-ins failed."""
        return len(self.notes) + len(self.failures)


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
        safe(f"({counted(totals.packets, 'packet')}, {counted(totals.captures, 'capture')})"),
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
    yield from totals.notes[:MAX_NOTES]
    if len(totals.notes) > MAX_NOTES:
        yield f"and {len(totals.notes) - MAX_NOTES} more notes of cut or damaged captures"
    for name, error in totals.failures.items():
        yield f"plug-in {name} failed, its scores count as not ready: {error}"
