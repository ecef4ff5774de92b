# SPDX-License-Identifier: Apache-2.0
"""Segments on the clock: when each is sent, seen and received, and its sequence number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minewatch.lab.simulator.acknowledgements import Stream
from minewatch.lab.simulator.groups import Column, Timeline
from minewatch.lab.simulator.loss import Fate, fates
from minewatch.lab.simulator.numbers import Streams
from minewatch.lab.simulator.routes import NEVER_NS, NS, Routes
from minewatch.lab.simulator.script import UNANSWERED, BoolArray, ByteArray, IntArray, Script
from minewatch.lab.simulator.segments import Segments, segments
from minewatch.lab.simulator.timing import timing
from minewatch.lab.simulator.units import DATA, RST, SYN, SYN_ACK, units


@dataclass(slots=True)
class Placed:
    """One row a segment; times relative to the conversation's start."""

    segments: Segments
    fate: Fate
    timeline: Timeline
    conversation: IntArray
    is_reply: BoolArray
    kind: ByteArray
    message: IntArray
    offset: IntArray
    is_last: BoolArray
    """Of its message."""
    start_ns: IntArray
    """Of its unit."""
    arrival_ns: IntArray
    """As an acknowledgement in the moment of its arrival would be seen."""
    order: IntArray
    """Rows sorted by conversation and sender: the order of sequence numbers."""

    def streams(self) -> tuple[Streams, IntArray]:
        """Return both directions of all conversations, and each segment's number from 0."""
        rows = self.order
        length = self.segments.length[rows]
        streams = Streams.of(
            self.timeline,
            (self.conversation[rows], self.is_reply[rows]),
            length,
            self.start_ns[rows] + self.segments.delay_ns[rows],
            self.arrival_ns[rows],
        )
        number = np.empty(len(rows), np.int64)
        number[rows] = streams.end - length
        return streams, number

    def arriving(self, close: ByteArray) -> Stream:
        """Return what a receiver has to acknowledge."""
        needs = (self.kind != SYN) & (self.kind != RST)
        needs &= close[self.conversation] != UNANSWERED
        rows = self.order[needs[self.order]]
        is_prompt = self.segments.length > self.segments.octets
        return Stream(
            self.conversation[rows],
            self.is_reply[rows],
            self.segments.octets[rows],
            self.arrival_ns[rows],
            is_prompt[rows],
        )

    def reset_time(self, n_conversations: int) -> IntArray:
        """Return when a conversation's RST is seen, ``NEVER_NS`` without one."""
        result = np.full(n_conversations, NEVER_NS, np.int64)
        rows = np.flatnonzero(self.kind == RST)
        result[self.conversation[rows]] = self.start_ns[rows]
        return result

    def established_ns(self, n_conversations: int) -> IntArray:
        """Return when the SYN-ACK has arrived, ``NEVER_NS`` for never."""
        result = np.full(n_conversations, NEVER_NS, np.int64)
        rows = np.flatnonzero(self.kind == SYN_ACK)
        result[self.conversation[rows]] = self.arrival_ns[rows]
        return result

    def sends(self) -> Column:
        """Return what each side sends that can carry an acknowledgement."""
        return self._column(self.kind != SYN)

    def answers(self) -> Column:
        """Return when each side begins to send a message."""
        return self._column((self.kind == DATA) & (self.offset == 0))

    def _column(self, is_wanted: BoolArray) -> Column:
        row = self.fate.transmissions.segment
        time_ns = self.start_ns[row] + self.fate.transmissions.delay_ns
        key = self.timeline.key(self.conversation[row], self.is_reply[row], time_ns)
        return Column.of(self.timeline, np.sort(key[is_wanted[row]]))


def place(script: Script, routes: Routes) -> Placed:
    """Return the segments of a script's TCP conversations.

    Parameters
    ----------
    script : what is said.
    routes : of its conversations.
    """
    all_units = units(script, routes)
    cut = segments(all_units, routes)
    fate = fates(cut, all_units, routes)
    times = timing(all_units, cut, fate, routes)
    conversation = all_units.conversation[cut.unit]
    is_reply = all_units.is_reply[cut.unit]
    start = times.start_ns[cut.unit]
    is_home = is_reply ^ routes.is_initiator_home[conversation]
    arrival = start + fate.arrival_delay_ns + times.jitter_ns[cut.unit]
    arrival += np.where(is_home, routes.rtt_ns[conversation], 0)

    horizon = routes.end_ns.copy()
    np.maximum.at(horizon, conversation, arrival)
    horizon += np.maximum(routes.ack_delay_ns, NS // 20) + 2 * routes.rtt_ns + NS
    is_lost = routes.close[conversation] == UNANSWERED
    return Placed(
        segments=cut,
        fate=fate,
        timeline=Timeline.of(horizon),
        conversation=conversation,
        is_reply=is_reply,
        kind=all_units.kind[cut.unit],
        message=all_units.message[cut.unit],
        offset=cut.number * routes.segment_octets[conversation],
        is_last=np.append(cut.unit[1:] != cut.unit[:-1], True)[: len(cut)],
        start_ns=start,
        arrival_ns=np.where(is_lost, horizon[conversation], arrival),
        order=np.argsort(2 * conversation + is_reply, kind="stable"),
    )
