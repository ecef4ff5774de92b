# SPDX-License-Identifier: Apache-2.0
"""When servers spoke unasked to which host: what can be compared between conversations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from minewatch.features.exchange import Exchange, exchange_of
from minewatch.features.ragged import Ragged
from minewatch.features.series import Series
from minewatch.types import BoolArray, Conversations, FloatArray, Int64Array

MIN_PUSHES: Final = 8
"""Fewer cannot be told from chance once a few dozen partners are compared."""
BURST_S: Final = 1.0
"""Pushes within this of the one before are one event: a burst that meets one event of another
conversation must not count as many."""
MAX_PUSHES: Final = 256
"""Latest pushes that are compared of one conversation; the metering keeps as many packets."""
MAX_PUSHES_PER_MINUTE: Final = 20.0
"""A pool for the fastest chain there is (a block in 10 s) pushes 6 to 15 a minute; a ticker or a
desktop that is shared sends more, and meets anything within a second by chance."""
_NS: Final = 1_000_000_000

_ADDRESSES: Final = tuple(
    f"{end}_address_{half}" for end in ("source", "destination") for half in ("high", "low")
)
REQUIRES: Final = ("flow_id", "is_source_home", *_ADDRESSES)
"""Columns without which nothing can be compared."""

Halves = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Pushes of the ``n`` conversations that are fit to be compared.

    Addresses are there to tell hosts apart and to name them; no number comes of them.
    """

    time_ns: Int64Array
    """Every push, by conversation and time, shape (total,)."""
    stops: Int64Array
    """Where each conversation's pushes end, shape (n,)."""
    seen_ns: Int64Array
    """From when to when its first messages are known, and its latest ones, shape (n, 4)."""
    host: Halves
    """Address of the watched side, shape (n, 2)."""
    far: Halves
    """Address of the other side, shape (n, 2)."""
    row: Int64Array
    """Row among the conversations given, -1 for one remembered from before, shape (n,)."""

    def __len__(self) -> int:
        """Return the number of conversations."""
        return len(self.stops)

    @property
    def owner(self) -> Int64Array:
        """Return the conversation of each push, shape (total,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.stops, prepend=0))

    def take(self, keep: BoolArray) -> Arrivals:
        """Return some of the conversations.

        Parameters
        ----------
        keep : shape (n,).
        """
        counts = np.diff(self.stops, prepend=0)
        return Arrivals(
            self.time_ns[np.repeat(keep, counts)],
            np.cumsum(counts[keep]).astype(np.int64),
            self.seen_ns[keep],
            self.host[keep],
            self.far[keep],
            self.row[keep],
        )

    def forgotten(self) -> Arrivals:
        """Return the same conversations as ones remembered from before."""
        row = np.full(len(self), -1, np.int64)
        return Arrivals(self.time_ns, self.stops, self.seen_ns, self.host, self.far, row)

    def meeting(self, other: Arrivals) -> Arrivals:
        """Return the conversations that were known at the same time as one of ``other``.

        Parameters
        ----------
        other : at least one.
        """
        begin, end = other.seen_ns[:, 0].min(), other.seen_ns[:, 3].max()
        return self.take((self.seen_ns[:, 3] >= begin) & (self.seen_ns[:, 0] <= end))

    def without(self, other: Arrivals) -> Arrivals:
        """Return the conversations that ``other`` does not have.

        Parameters
        ----------
        other : may hold the same conversations as they stood later.
        """
        names = [
            np.column_stack([one.host, one.far, one.seen_ns[:, 0].astype(np.uint64)])
            for one in (other, self)
        ]
        _, number = np.unique(np.concatenate(names), axis=0, return_inverse=True)
        number = number.reshape(-1)
        return self.take(~np.isin(number[len(other) :], number[: len(other)]))

    def newest(self, n_pushes: int) -> Arrivals:
        """Return the conversations that pushed last, as many as have so many pushes at most.

        Parameters
        ----------
        n_pushes : in all.
        """
        order = np.argsort(-self.seen_ns[:, 3], kind="stable")
        fits = np.cumsum(np.diff(self.stops, prepend=0)[order]) <= n_pushes
        keep = np.zeros(len(self), np.bool_)
        keep[order[fits]] = True
        return self.take(keep)


def together(first: Arrivals, second: Arrivals) -> Arrivals:
    """Return the conversations of both.

    Parameters
    ----------
    first : come first.
    second : follow them.
    """
    return Arrivals(
        np.concatenate([first.time_ns, second.time_ns]),
        np.concatenate([first.stops, second.stops + len(first.time_ns)]),
        np.concatenate([first.seen_ns, second.seen_ns]),
        np.concatenate([first.host, second.host]),
        np.concatenate([first.far, second.far]),
        np.concatenate([first.row, second.row]),
    )


def arrivals_of(conversations: Conversations) -> Arrivals:
    """Return the pushes of the conversations that look like a trickle with two sides.

    That is: ``MIN_PUSHES`` or more, no more than ``MAX_PUSHES_PER_MINUTE``, and a client that
    spoke unasked at least once (a subscriber that only listens does not mine).

    Parameters
    ----------
    conversations : n of them.

    Examples
    --------
    >>> from minewatch.testing import conversations
    >>> len(arrivals_of(conversations(3)))
    0
    """
    talk = exchange_of(conversations)
    pushes = _latest(talk)
    starts_ns = first_packet_ns(conversations)
    seen_s = _seen_s(talk, pushes)
    count = pushes.count()
    length_s = (seen_s[:, 1] - seen_s[:, 0]) + (seen_s[:, 3] - seen_s[:, 2])
    speaks = talk.messages.ragged(talk.gap_s).where(talk.is_asked).count() > 0
    slow = 60 * count <= MAX_PUSHES_PER_MINUTE * np.maximum(length_s, 1.0)
    host, far, is_known = _ends(conversations.frame)
    found = Arrivals(
        _as_ns(pushes.values) + starts_ns[pushes.owner],
        pushes.stops,
        _as_ns(seen_s) + starts_ns[:, None],
        host,
        far,
        np.arange(len(count), dtype=np.int64),
    )
    return found.take((count >= MIN_PUSHES) & slow & speaks & is_known)


def _as_ns(seconds: FloatArray) -> Int64Array:
    whole: Int64Array = np.rint(np.nan_to_num(seconds) * _NS).astype(np.int64)
    return whole


def _latest(talk: Exchange) -> Ragged:
    """Times of the latest pushes of each conversation [s], a burst being one."""
    pushes = talk.messages.ragged(talk.messages.time_s).where(talk.is_push)
    pushes = pushes.where(~(pushes.values - pushes.previous() <= BURST_S))
    left = pushes.stops[pushes.owner] - np.arange(len(pushes.values))
    return pushes.where(left <= MAX_PUSHES)


def _seen_s(talk: Exchange, pushes: Ragged) -> FloatArray:
    """The same as ``known_spans_s``, from the first of the pushes on if some were left out [s]."""
    seen = known_spans_s(talk.messages)
    is_cut = pushes.count() >= MAX_PUSHES
    return np.where(is_cut[:, None], np.fmax(seen, pushes.quantile(0.0)[:, None]), seen)


def known_spans_s(messages: Series) -> FloatArray:
    """Return from when to when the first and the latest messages are known [s], shape (n, 4).

    The first span is empty where there is no gap after it; all is NaN without messages.

    Parameters
    ----------
    messages : of n conversations.
    """
    count = messages.count()
    heads = np.r_[0, np.cumsum(messages.is_first)]
    start = messages.stops - count
    middle = start + heads[messages.stops] - heads[start]  # where the latest ones begin
    times = np.r_[messages.time_s, np.nan]
    begin, end = times[np.where(count > 0, start, -1)], times[np.where(count > 0, middle, 0) - 1]
    is_split = (middle > start) & (middle < messages.stops)
    late = np.where(is_split, times[np.minimum(middle, len(times) - 1)], begin)
    last = times[np.where(count > 0, messages.stops, 0) - 1]
    return np.stack([begin, np.where(is_split, end, begin), late, last], axis=1)


def first_packet_ns(conversations: Conversations) -> Int64Array:
    """Return when the first kept packet of each conversation came, 0 without one, shape (n,).

    Parameters
    ----------
    conversations : n of them.
    """
    known = conversations.memory.get("first packet")
    if isinstance(known, np.ndarray):
        return known
    packets = conversations.packets
    parts = [packets.get(flow_id) for flow_id in conversations.frame["flow_id"].to_list()]
    times = [0 if one is None or not len(one.time_ns) else int(one.time_ns[0]) for one in parts]
    found = np.array(times, np.int64)
    conversations.memory["first packet"] = found
    return found


def _ends(frame: pl.DataFrame) -> tuple[Halves, Halves, BoolArray]:
    """Address at home and far away, and whether both are known."""
    ends = [
        np.stack([frame[f"{end}_address_{half}"].fill_null(0).to_numpy() for half in _HALVES], 1)
        for end in ("source", "destination")
    ]
    is_source = frame["is_source_home"].fill_null(value=True).to_numpy()[:, None]
    is_known = ~frame.select(pl.any_horizontal(pl.col(_ADDRESSES).is_null())).to_series().to_numpy()
    host, far = (np.where(is_source, ends[i], ends[1 - i]).astype(np.uint64) for i in (0, 1))
    return host, far, is_known


_HALVES: Final = ("high", "low")
