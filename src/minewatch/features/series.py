# SPDX-License-Identifier: Apache-2.0
"""The payload packets of many conversations as flat arrays, and the messages that they carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.features.direction import forward_is_sent
from minewatch.features.ragged import Ragged
from minewatch.types import BoolArray, Conversations, FloatArray, Int64Array

ONE_WRITE_S: Final = 0.02
"""Packets of one side that follow each other within this are one message: 20 ms are below the time
in which an application answers itself, and above that in which a stack sends two segments."""


@dataclass(frozen=True, slots=True)
class Series:
    """Packets or messages of ``n`` conversations, each conversation's in the order of time.

    *Sent* is the client's direction (``features.direction``).
    """

    stops: Int64Array
    """Where each conversation's entries end, shape (n,)."""
    time_s: FloatArray
    """Seconds since the conversation's first entry, shape (total,)."""
    octets: Int64Array
    """Payload octets, shape (total,)."""
    is_sent: BoolArray
    """Shape (total,)."""
    is_first: BoolArray
    """Whether it is among the conversation's first packets; after these there may be a gap before
    the latest ones, shape (total,)."""

    def ragged(self, values: FloatArray) -> Ragged:
        """Return one list a conversation of values that belong to the entries.

        Parameters
        ----------
        values : shape (total,).
        """
        return Ragged(values, self.stops)

    def count(self) -> Int64Array:
        """Return the number of entries of each conversation, shape (n,)."""
        return np.diff(self.stops, prepend=0)

    def gap_s(self) -> FloatArray:
        """Return seconds since the entry before; NaN for the first, and across the unseen gap.

        Shape (total,).
        """
        times = self.ragged(self.time_s)
        was_first = self.ragged(self.is_first.astype(np.float64)).previous(1.0) == 1
        gaps = self.time_s - times.previous()
        gaps[was_first & ~self.is_first] = np.nan
        return gaps

    def where(self, keep: BoolArray) -> Series:
        """Return the series without the entries for which ``keep`` is false.

        Parameters
        ----------
        keep : shape (total,).
        """
        stops = self.ragged(self.time_s).where(keep).stops
        return Series(
            stops, self.time_s[keep], self.octets[keep], self.is_sent[keep], self.is_first[keep]
        )


def packets_of(conversations: Conversations) -> Series:
    """Return the kept payload packets of each conversation; empty where there are none.

    Parameters
    ----------
    conversations : n of them.
    """
    known = conversations.memory.get("packets")
    if isinstance(known, Series):
        return known
    frame = conversations.frame
    forward = forward_is_sent(frame)
    parts = [conversations.packets.get(flow_id) for flow_id in frame["flow_id"].to_list()]
    counts = np.array([0 if one is None else len(one.time_ns) for one in parts], np.int64)
    there = [one for one in parts if one is not None and len(one.time_ns)]
    empty = [np.empty(0, np.int64)]
    times = np.concatenate([one.time_ns - one.time_ns[0] for one in there] or empty)
    octets = np.concatenate([one.payload_octets for one in there] or empty)
    from_initiator = np.concatenate([one.from_initiator for one in there] or empty).astype(np.bool_)
    first = np.concatenate([np.arange(len(o.time_ns)) < o.n_first for o in there] or empty)
    owner = np.repeat(np.arange(len(counts)), counts)
    found = Series(
        np.cumsum(counts),
        times / 1e9,
        octets,
        from_initiator == forward[owner],
        first.astype(np.bool_),
    )
    conversations.memory["packets"] = found
    return found


def messages_of(conversations: Conversations) -> Series:
    """Return each conversation's messages: packets of one side right after each other are one.

    Parameters
    ----------
    conversations : n of them.

    Examples
    --------
    >>> from minewatch.testing import conversations
    >>> from minewatch.types import PacketSeries
    >>> given = conversations()
    >>> given.packets = {1: PacketSeries(np.array([0, 1_000_000, 50_000_000]),
    ...     np.array([1448, 100, 60]), np.array([True, True, False]), 3)}
    >>> messages_of(given).octets, messages_of(given).is_sent
    (array([1548,   60]), array([ True, False]))
    """
    known = conversations.memory.get("messages")
    if isinstance(known, Series):
        return known
    packets = packets_of(conversations)
    gaps = packets.gap_s()
    same_side = packets.ragged(packets.is_sent.astype(np.float64)).previous() == packets.is_sent
    begins = ~(same_side & (gaps <= ONE_WRITE_S))
    at = np.flatnonzero(begins)
    octets = np.add.reduceat(packets.octets, at) if len(at) else packets.octets
    heads = packets.where(begins)
    found = Series(heads.stops, heads.time_s, octets, heads.is_sent, heads.is_first)
    conversations.memory["messages"] = found
    return found
