# SPDX-License-Identifier: Apache-2.0
"""Acknowledgements that carry nothing else: delayed, after every second full segment, or at once.

A receiver acknowledges when more than one full segment waits, when a segment is out of order or
fills a gap, when the delay is over, on Linux after a silence; and not at all if it sends something
itself before that. From each segment that is the first to wait it is known which is the first of
the next round, so that the rounds are found by following these steps, doubled each time, for all
conversations at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minewatch.lab.simulator.groups import Column, Timeline
from minewatch.lab.simulator.quickack import is_quick
from minewatch.lab.simulator.routes import Routes
from minewatch.lab.simulator.script import BoolArray, IntArray


@dataclass(slots=True)
class Stream:
    """The segments that arrive, in the order of sequence numbers within each side that sends."""

    conversation: IntArray
    is_reply: BoolArray
    """Of the sender."""
    octets: IntArray
    arrival_ns: IntArray
    """As the acknowledgement would be seen if it were sent in that very moment."""
    is_prompt: BoolArray
    """Acknowledged at once whatever happens: SYN-ACK and FIN."""


@dataclass(slots=True)
class PureAcknowledgements:
    """One row an acknowledgement."""

    conversation: IntArray
    is_reply: BoolArray
    """Of who sends it."""
    time_ns: IntArray
    is_duplicate: BoolArray
    """Sent though nothing new is acknowledged, because a segment is missing."""


def pure_acknowledgements(
    stream: Stream, sends: Column, answers: Column, routes: Routes, timeline: Timeline
) -> PureAcknowledgements:
    """Return the acknowledgements that nothing carries.

    Parameters
    ----------
    stream : what arrives, SYN left out.
    sends : on the timeline, what each side sends.
    answers : of these, what begins a message.
    routes : of the conversations.
    timeline : of the conversations.
    """
    key = timeline.key(stream.conversation, stream.is_reply, stream.arrival_ns)
    in_order = np.maximum.accumulate(key) if len(key) else key
    order = np.argsort(key, kind="stable")
    conversation, is_reply = stream.conversation[order], stream.is_reply[order]
    arrival, key = stream.arrival_ns[order], key[order]
    is_early = in_order[order] > key
    # The first to arrive after those that were early fills the gap.
    fills = np.zeros(len(key), np.bool_)
    fills[1:] = is_early[:-1] & ~is_early[1:]
    arrivals = Column.of(timeline, key)
    place, has_data = (conversation, is_reply), stream.octets[order] > 0
    quick = is_quick(arrivals, place, arrival, has_data, answers, routes)
    forced = is_early | fills | stream.is_prompt[order] | quick

    at_once = _at_once(
        stream.octets[order],
        forced,
        routes.segment_octets[conversation],
        2 * conversation + is_reply,
    )
    reaction = routes.reaction_ns[conversation]
    trigger = np.where(at_once >= 0, at_once, 0)
    own = sends.after(conversation, ~is_reply, arrival)
    sender = 2 * conversation + ~is_reply
    never = np.int64(np.iinfo(np.int64).max)
    due = arrival + routes.delay_ns(conversation, is_reply)
    prompt = np.where(at_once >= 0, arrival[trigger] + reaction, never)
    event = np.minimum(due, prompt)
    sent = (
        np.where(own >= 0, sends.keys[own] - timeline.base[sender], never)
        if len(sends.keys)
        else np.full(len(key), never)
    )
    is_carried = sent <= event
    event = np.minimum(event, sent)

    following = np.searchsorted(key, key + (event - arrival), side="left")
    waits = _first_waiting(following)
    kept = np.flatnonzero(waits & ~is_carried)
    is_duplicate = (prompt[kept] <= due[kept]) & is_early[trigger[kept]]
    return PureAcknowledgements(
        conversation[kept], ~is_reply[kept], event[kept], is_duplicate & (at_once[kept] >= 0)
    )


def _at_once(octets: IntArray, forced: BoolArray, full: IntArray, group: IntArray) -> IntArray:
    """Return the segment on which the receiver acts at once, if each were the first to wait.

    -1 where there is none in its side.
    """
    n = len(octets)
    if not n:
        return np.empty(0, np.int64)
    total = np.cumsum(octets)
    second = np.searchsorted(total, total - octets + full, side="right")
    rows = np.where(forced, np.arange(n), n)
    next_forced = np.minimum.accumulate(rows[::-1])[::-1]
    result = np.minimum(second, next_forced)
    is_there = (result < n) & (group[np.minimum(result, n - 1)] == group)
    return np.where(is_there, result, -1)


def _first_waiting(following: IntArray) -> BoolArray:
    """Return which segments are the first to wait, given which would follow after each.

    A step never leads past a segment that all segments before it lead to; those are where the
    search starts.
    """
    n = len(following)
    if not n:
        return np.empty(0, np.bool_)
    furthest = np.maximum.accumulate(following)
    marked = np.concatenate(([True], furthest[:-1] <= np.arange(1, n)))
    jump = np.append(following, n)
    marked = np.append(marked, False)
    while True:
        reached = jump[np.flatnonzero(marked)]
        reached = reached[~marked[reached]]
        reached = reached[reached < n]
        if not len(reached):
            return marked[:n]
        marked[reached] = True
        jump = jump[jump]
