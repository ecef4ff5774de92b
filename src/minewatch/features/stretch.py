# SPDX-License-Identifier: Apache-2.0
"""The longest run of a conversation's kept packets in which none is missing, as counts a second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minewatch.features.direction import column
from minewatch.features.series import Series, packets_of
from minewatch.types import BoolArray, Conversations, FloatArray, Int64Array

_COUNTS = ("payload_packet_count", "reverse_payload_packet_count")


def stretch_of(conversations: Conversations) -> Series:
    """Return each conversation's kept payload packets without an unseen gap between them.

    All of them where as many were counted as were kept; else the first ones or the latest ones,
    whichever are more. A spectrum over a gap would show the gap.

    Parameters
    ----------
    conversations : n of them.

    Examples
    --------
    >>> from minewatch.testing import conversations
    >>> from minewatch.types import PacketSeries
    >>> given = conversations(2, payload_packet_count=[2, 90], reverse_payload_packet_count=1)
    >>> series = PacketSeries(np.array([0, 1, 9]), np.full(3, 60), np.full(3, True), 1)
    >>> given.packets = {1: series, 2: series}
    >>> stretch_of(given).count()
    array([3, 2])
    """
    packets = packets_of(conversations)
    kept = packets.count()
    first = packets.where(packets.is_first).count()
    counted = sum(column(conversations.frame, name) for name in _COUNTS)
    take_all = (counted == kept) | (first == kept)
    take_first = first > kept - first
    owner = packets.ragged(packets.time_s).owner
    return packets.where(take_all[owner] | (packets.is_first == take_first[owner]))


@dataclass(frozen=True, slots=True)
class Bins:
    """Equal spans of time up to each conversation's last packet, ``n`` x ``n_bins``."""

    counts: tuple[FloatArray, FloatArray]
    """Packets sent and received in each, shape (n, n_bins) both."""
    octets: tuple[FloatArray, FloatArray]
    """Payload octets sent and received in each, shape (n, n_bins) both."""
    is_seen: BoolArray
    """Whether it lies after the first packet; those that do are the last ones of a row, shape
    (n, n_bins)."""


def binned(packets: Series, rows: slice, n_bins: int, bin_s: float) -> Bins:
    """Return some conversations' packets of the last ``n_bins * bin_s`` seconds, binned.

    The last packet is in the middle of the last bin.

    Parameters
    ----------
    packets : of all conversations, none without packets among ``rows``.
    rows : consecutive conversations.
    n_bins : bins a conversation.
    bin_s : length of a bin [s].
    """
    stops = packets.stops[rows]
    starts = stops - packets.count()[rows]
    begin, end = (int(starts[0]), int(stops[-1])) if len(stops) else (0, 0)
    owner = np.repeat(np.arange(len(stops)), stops - starts)
    times = packets.time_s[begin:end]
    # Its middle, not its edge, is at the last packet: a clock's packets are not torn in two.
    back = np.floor((times[(stops - 1 - begin)[owner]] - times) / bin_s + 0.5).astype(np.int64)
    inside = back < n_bins
    place: Int64Array = (owner * n_bins + n_bins - 1 - back)[inside]
    is_sent, octets = packets.is_sent[begin:end][inside], packets.octets[begin:end][inside]
    shape = (len(stops), n_bins)

    def summed(way: BoolArray, weights: Int64Array | None) -> FloatArray:
        chosen = None if weights is None else weights[way]
        found = np.bincount(place[way], chosen, minlength=shape[0] * shape[1])
        return found.astype(np.float64).reshape(shape)

    seen_bins = np.minimum(back[starts - begin], n_bins - 1) + 1
    return Bins(
        (summed(is_sent, None), summed(~is_sent, None)),
        (summed(is_sent, octets), summed(~is_sent, octets)),
        np.arange(n_bins)[None, :] >= n_bins - seen_bins[:, None],
    )
