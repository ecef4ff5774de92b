# SPDX-License-Identifier: Apache-2.0
"""Numbers about a running watch of flow records, for whoever watches the watch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minewatch.alerts.measures import Measure
from minewatch.metering import held_records as h
from minewatch.metering import record_ticks as ticks
from minewatch.watching.measures import judging_measures
from minewatch.watching.record_watch import RecordWatch


def measures_of_records(watch: RecordWatch, checkpoints: Any = None) -> Iterator[Measure]:
    """Yield what a watch did, and how much memory it uses; may be called from another thread.

    Parameters
    ----------
    watch : running.
    checkpoints : if there are any.
    """
    counters, held = watch.counters, watch.held
    yield Measure("records", counters.records, "Flow records that came.")
    tcp = held.count(h.TCP)
    yield Measure("tcp_records", tcp, "Flow records of TCP, which alone are kept.")
    for name, count, text in (
        ("held_records", held.count(h.HELD), "Flow records in memory."),
        ("record_room", watch.options.most_records, "Flow records that memory has room for."),
        ("open_biflows", held.count(h.OPEN), "Conversations in memory."),
        ("biflow_room", watch.options.most_biflows, "Conversations that memory has room for."),
    ):
        yield Measure(name, count, text, is_counter=False)
    text = "Conversations that were forgotten for want of memory."
    yield Measure("evicted_biflows", counters.evicted, text)
    text = "Flow records that were not kept for want of memory."
    yield Measure("refused_records", counters.refused, text)
    text = "Flow records whose times lie ahead, or were not believed."
    ahead = counters.ahead + int(watch.clock[ticks.REFUSED])
    yield Measure("records_ahead", ahead, text)
    yield from judging_measures(watch, checkpoints)
