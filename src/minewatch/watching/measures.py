# SPDX-License-Identifier: Apache-2.0
"""Numbers about a running watch, for whoever watches the watch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from minewatch.alerts.measures import Measure
from minewatch.metering import ticks
from minewatch.metering.eviction import RANKS
from minewatch.readers.capture import CaptureCounters
from minewatch.watching.checkpoint import CheckpointFolder
from minewatch.watching.engine import Watch
from minewatch.watching.saving import AnyWatch

_NS: Final = 1_000_000_000


def measures_of(
    watch: Watch, source: CaptureCounters, checkpoints: CheckpointFolder | None = None
) -> Iterator[Measure]:
    """Yield what a watch did, and how much memory it uses; may be called from another thread.

    Parameters
    ----------
    watch : running.
    source : of what is read; those of interfaces tell what the kernel dropped.
    checkpoints : if there are any.
    """
    counters, metering = watch.counters, watch.meter.counted()
    yield Measure("packets", counters.packets, "Packets that were metered.")
    yield from _interfaces(source)
    yield Measure("biflows", metering.biflows, "Conversations that began.")
    live, rows = watch.meter.open_and_room()
    yield Measure("open_biflows", live, "Conversations in memory.", is_counter=False)
    yield Measure("biflow_room", rows, "Conversations that memory has room for.", is_counter=False)
    for rank in RANKS:
        value = metering.evicted_by_rank.get(rank, 0)
        text = "Conversations that ended early for want of memory, by what they told."
        yield Measure("evicted_biflows", value, text, {"rank": rank})
    dropped = metering.payload_dropped_octets
    yield Measure("payload_dropped_octets", dropped, "Payload that was not kept.")
    yield from judging_measures(watch, checkpoints)


def judging_measures(
    watch: AnyWatch, checkpoints: CheckpointFolder | None = None
) -> Iterator[Measure]:
    """Yield what is told of every watch, whatever it watches.

    Parameters
    ----------
    watch : running.
    checkpoints : if there are any.
    """
    yield Measure("looks", watch.counters.looks, "Conversations judged while they lasted.")
    for reason, count in sorted(watch.counters.gated.items()):
        text = "Conversations that are over, by what the gate said."
        yield Measure("conversations", count, text, {"gate": reason})
    yield Measure("alerts_forgotten", watch.book.forgotten, "Alerts forgotten, being too many.")
    yield Measure(
        "plugin_failures", len(watch.report.failures), "Plug-ins that failed.", is_counter=False
    )
    if watch.now_ns != ticks.UNSET:
        text = "The data's time."
        yield Measure("data_timestamp_seconds", watch.now_ns / _NS, text, is_counter=False)
    if checkpoints is not None:
        yield Measure("checkpoints", checkpoints.written, "Checkpoints written.")


def _interfaces(source: Any) -> Iterator[Measure]:
    """What the kernel says of each interface."""
    for name, one in getattr(source, "interfaces", {}).items():
        label = {"interface": name}
        yield Measure("received_packets", one.received, "Packets from the kernel.", label)
        yield Measure("dropped_packets", one.dropped, "Packets that the kernel dropped.", label)
