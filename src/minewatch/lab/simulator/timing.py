# SPDX-License-Identifier: Apache-2.0
"""When units begin: as the script wants, but never before what they follow has come through.

The units of a conversation go one after another, whichever side they come from: a message waits
for the one before it (as Nagle's algorithm makes it wait), and an answer for its question.
Messages of the two sides that cross, less than a round trip apart, may still do so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minewatch.lab.simulator.draws import half_normal
from minewatch.lab.simulator.groups import first_rows, positions, running_max, running_sum
from minewatch.lab.simulator.loss import Fate
from minewatch.lab.simulator.routes import GAP_NS, Routes
from minewatch.lab.simulator.script import BoolArray, IntArray
from minewatch.lab.simulator.segments import INITIAL_WINDOW, Segments
from minewatch.lab.simulator.units import (
    ANSWERING_FIN,
    DATA,
    RST,
    SYN,
    SYN_ACK,
    Units,
    application_close_ns,
)

_CAUSED_NS = 1_000
"""A far message less than this short of a round trip after a home one is its answer."""


@dataclass(slots=True)
class Timing:
    """One row a unit; times relative to the conversation's start."""

    start_ns: IntArray
    """When its first octet passes the point of capture, or would."""
    jitter_ns: IntArray
    """What the round trip takes longer for this unit; 0 for units of the far side."""


def timing(units: Units, segments: Segments, fate: Fate, routes: Routes) -> Timing:
    """Return when each unit begins.

    Parameters
    ----------
    units, segments, fate, routes : from one script.
    """
    if not len(units):
        return Timing(np.empty(0, np.int64), np.empty(0, np.int64))
    first = first_rows(segments.unit)
    n_segments = np.diff(np.append(first, len(segments)))
    duration = np.maximum.reduceat(fate.arrival_delay_ns, first) + GAP_NS
    is_plain = (n_segments <= INITIAL_WINDOW) & (np.maximum.reduceat(fate.losses, first) == 0)
    is_home = units.is_reply ^ routes.is_initiator_home[units.conversation]
    jitter = _jitter(units, routes, is_home & is_plain)

    cost = np.zeros(len(units), np.int64)
    cost[1:] = (duration - GAP_NS)[:-1] + _least_gap(units, routes, is_home, jitter)[1:]
    cost[first_rows(units.conversation)] = 0
    total = running_sum(cost, units.conversation)
    start = running_max(units.time_ns - total, units.conversation) + total
    return Timing(start, _in_line(jitter, units, start, duration, is_home, routes))


def _jitter(units: Units, routes: Routes, has_jitter: BoolArray) -> IntArray:
    result = np.zeros(len(units), np.int64)
    jittered = np.flatnonzero(has_jitter & (routes.jitter_ns[units.conversation] > 0))
    if len(jittered):
        conversation = units.conversation[jittered]
        drawn = half_normal(routes.key[conversation], positions(units.conversation)[jittered])
        # Most packets are hardly late and a few very: the square of a normal number.
        result[jittered] = drawn**2 / np.sqrt(2.0) * routes.jitter_ns[conversation]
    return np.where(has_jitter & (units.late_ns > 0), units.late_ns, result)


def _least_gap(units: Units, routes: Routes, is_home: BoolArray, jitter: IntArray) -> IntArray:
    """Return how long after the last segment of the unit before a unit may begin."""
    conversation, kind = units.conversation, units.kind
    rtt = routes.rtt_ns[conversation]
    reaction = routes.reaction_ns[conversation]
    before = np.roll(np.arange(len(units)), 1)
    turns = units.is_reply != units.is_reply[before]
    # What the far side does because of a home unit is seen a round trip later.
    from_home = turns & is_home[before]
    asked = units.time_ns - units.time_ns[before] >= rtt - _CAUSED_NS
    gap = np.where(from_home & asked, rtt, 0) + GAP_NS

    forced = np.where(from_home, rtt, 0) + reaction
    gap = np.where(kind == SYN_ACK, forced + jitter[before], gap)
    is_refusal = (kind == RST) & (kind[before] == SYN)
    gap = np.where(is_refusal, forced + jitter[before], gap)
    gap = np.where(kind == ANSWERING_FIN, forced + application_close_ns(routes)[conversation], gap)
    # The initiator speaks when it has the SYN-ACK; the responder, when it has the answer to that.
    after_handshake = np.where(turns & ~is_home[before], 0, rtt) + jitter[before] + 2 * GAP_NS
    is_first = (kind[before] == SYN_ACK) & (kind >= DATA)
    return np.where(is_first, after_handshake, gap)


def _in_line(
    jitter: IntArray,
    units: Units,
    start_ns: IntArray,
    duration: IntArray,
    is_home: BoolArray,
    routes: Routes,
) -> IntArray:
    """Return the jitter so that nothing overtakes, and answers still follow their questions."""
    n = len(units)
    rows = np.flatnonzero(is_home)
    following = np.where(~is_home, np.arange(n), n)
    following = np.minimum.accumulate(following[::-1])[::-1][rows]
    exists = following < n
    following = np.minimum(following, n - 1)
    conversation = units.conversation[rows]
    exists &= units.conversation[following] == conversation
    room = start_ns[following] - (start_ns + duration)[rows] - routes.rtt_ns[conversation]
    is_answered = exists & (room >= -GAP_NS - _CAUSED_NS)
    last = first_rows(units.conversation[::-1])[::-1]
    end = np.zeros(len(routes), np.int64)
    end[units.conversation[n - 1 - last]] = start_ns[n - 1 - last]
    unbounded = end[conversation] + jitter.max(initial=0)
    # Less what the units themselves take, to be in line is not to begin before the one before.
    base = start_ns[rows] - running_sum(duration[rows], conversation) + duration[rows]
    answered = base + np.maximum(room - 2 * GAP_NS, 0)
    latest = np.where(is_answered, answered, unbounded)
    latest = -running_max(-latest[::-1], conversation[::-1])[::-1]
    arrival = running_max(np.minimum(base + jitter[rows], latest), conversation)
    result = np.zeros(n, np.int64)
    result[rows] = arrival - base
    return result
