# SPDX-License-Identifier: Apache-2.0
"""Records that are counted from a flow's first packet: where one ends and the next begins."""

from __future__ import annotations

import numpy as np

from minewatch.types import BoolArray, Int64Array


def record_starts(
    flow: Int64Array,
    first_ns: Int64Array,
    last_ns: Int64Array,
    inactive_ns: Int64Array,
    active_ns: int | None,
) -> BoolArray:
    """Return which rows begin a record, shape (n,).

    A record ends by a silence longer than the inactive timeout, or at the active timeout after
    its first packet; the first packet from then on begins the next one (RFC 5470, 5.1.1).

    Parameters
    ----------
    flow : number of the flow of each row, ascending.
    first_ns : when the row's first packet came, ascending within a flow.
    last_ns : when its last packet came; a row is one packet, or a record that is still open.
    inactive_ns : inactive timeout of the row's flow.
    active_ns : active timeout, None for none.

    Examples
    --------
    >>> times = np.array([0, 4, 9, 12, 40])
    >>> record_starts(np.zeros(5, np.int64), times, times, np.full(5, 15), 10).tolist()
    [True, False, False, True, True]
    """
    n = len(flow)
    starts = np.ones(n, np.bool_)
    if n == 0:
        return starts
    same = flow[1:] == flow[:-1]
    silent = first_ns[1:] - _last_so_far(flow, last_ns)[:-1]
    starts[1:] = ~same | (silent > inactive_ns[1:])
    if active_ns is not None:
        _cut_active(starts, first_ns, active_ns)
    return starts


def _last_so_far(flow: Int64Array, last_ns: Int64Array) -> Int64Array:
    """Return the latest packet of the flow up to each row."""
    order = np.argsort(last_ns, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    numbers = np.cumsum(np.concatenate([[0], flow[1:] != flow[:-1]])) * len(order)
    latest: Int64Array = last_ns[order[np.maximum.accumulate(numbers + rank) - numbers]]
    return latest


def _cut_active(starts: BoolArray, first_ns: Int64Array, active_ns: int) -> None:
    """Mark where records begin because the one before lasted long enough.

    All stretches without a silence are walked at once, one record of each a round.
    """
    n = len(starts)
    stretch = np.cumsum(starts) - 1
    stops = np.append(np.flatnonzero(starts)[1:], n)
    times = np.sort(first_ns)
    place = stretch * n + np.searchsorted(times, first_ns)
    at = np.flatnonzero(starts)
    while len(at):
        over = np.searchsorted(times, first_ns[at] + active_ns)
        # Never back to where it came from, whatever times a hostile capture holds.
        following = np.maximum(np.searchsorted(place, stretch[at] * n + over), at + 1)
        at = following[following < stops[stretch[at]]]
        starts[at] = True
