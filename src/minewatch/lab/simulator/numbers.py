# SPDX-License-Identifier: Apache-2.0
"""Sequence and acknowledgement numbers, timestamps and windows of packets whose times are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from minewatch.lab.simulator.draws import Purpose, bits
from minewatch.lab.simulator.groups import Column, Timeline
from minewatch.lab.simulator.packets import Hosts
from minewatch.lab.simulator.routes import NS, Routes
from minewatch.lab.simulator.script import BoolArray, IntArray

BASE_WINDOW: Final = 64_128
MAX_WINDOW: Final = 65_535


@dataclass(slots=True)
class Streams:
    """Both directions of all conversations: which sequence numbers were sent and received when.

    Numbers count from 0, the SYN's.
    """

    sent: Column
    """When each segment leaves for the first time."""
    received: Column
    """When it has arrived with all before it, as an acknowledgement then sent would be seen."""
    end: IntArray
    """Number after each segment, in the order of both columns."""

    @classmethod
    def of(
        cls,
        timeline: Timeline,
        place: tuple[IntArray, BoolArray],
        length: IntArray,
        sent_ns: IntArray,
        arrival_ns: IntArray,
    ) -> Streams:
        """Return the streams of segments.

        Parameters
        ----------
        timeline : of the conversations.
        place : conversation and sender of each segment, which are sorted by both and by number.
        length : sequence numbers that each takes up.
        sent_ns, arrival_ns : when it leaves, and when an acknowledgement of it would be seen.
        """
        conversation, is_reply = place
        sent = Column.of(timeline, timeline.key(conversation, is_reply, sent_ns))
        arrival = timeline.key(conversation, is_reply, arrival_ns)
        received = Column.of(timeline, np.maximum.accumulate(arrival) if len(arrival) else arrival)
        total = np.cumsum(length)
        before = np.concatenate(([0], total))[sent.bounds[2 * conversation + is_reply]]
        return cls(sent, received, total - before)

    def next_number(
        self, conversation: IntArray, is_reply: BoolArray, time_ns: IntArray
    ) -> IntArray:
        """Return the number that a side would send next, after what it sent before a time."""
        return self._end_at(self.sent.before(conversation, is_reply, time_ns))

    def acknowledged(
        self, conversation: IntArray, is_reply: BoolArray, time_ns: IntArray
    ) -> IntArray:
        """Return the number that a side waits for when it sends what is seen at a time."""
        return self._end_at(self.received.before(conversation, ~is_reply, time_ns))

    def _end_at(self, row: IntArray) -> IntArray:
        if not len(self.end):
            return np.zeros(len(row), np.int64)
        return np.where(row >= 0, self.end[row], 0)


def initial_numbers(routes: Routes) -> npt.NDArray[np.uint32]:
    """Return the first sequence number of initiator and responder, shape (n, 2).

    Parameters
    ----------
    routes : of the conversations.
    """
    both = bits(routes.key, Purpose.SEQUENCE)
    return np.stack((both & np.uint64(0xFFFF_FFFF), both >> np.uint64(32)), 1).astype(np.uint32)


def windows(
    acknowledged: IntArray, is_syn: BoolArray, syn_window: IntArray, scale: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint16]:
    """Return the window that a packet offers, which grows with what was received.

    Parameters
    ----------
    acknowledged : sequence numbers received so far.
    is_syn : whether the packet has the SYN flag: its window is not scaled.
    syn_window, scale : of the sender.
    """
    room = np.minimum((BASE_WINDOW + 4 * acknowledged) >> scale, MAX_WINDOW)
    return np.where(is_syn, syn_window, room).astype(np.uint16)


def timestamps(
    place: tuple[IntArray, BoolArray],
    time_ns: IntArray,
    arrives: BoolArray,
    routes: Routes,
    hosts: Hosts,
    timeline: Timeline,
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Return the timestamp of each packet and the one that it echoes.

    Parameters
    ----------
    place : conversation and sender.
    time_ns : when the packets are seen.
    arrives : whether they reach the other end.
    routes, hosts, timeline : of the conversations.
    """
    conversation, is_reply = place
    side = is_reply.astype(np.int64)
    rtt = routes.rtt_ns[conversation]
    is_home = is_reply ^ routes.is_initiator_home[conversation]
    left = time_ns + routes.start_ns[conversation] % NS - np.where(is_home, 0, rtt // 2)
    value = (hosts.clock_ms[conversation, side] + left // 1_000_000).astype(np.uint32)

    rows = np.flatnonzero(arrives)
    key = timeline.key(conversation, is_reply, time_ns + np.where(is_home, rtt, 0))[rows]
    order = np.argsort(key, kind="stable")
    last = Column.of(timeline, key[order]).before(conversation, ~is_reply, time_ns)
    if not len(rows):
        return value, np.zeros(len(value), np.uint32)
    return value, np.where(last >= 0, value[rows[order[last]]], np.uint32(0))
