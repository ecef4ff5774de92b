# SPDX-License-Identifier: Apache-2.0
"""Whether the servers of two hosts spoke at the same moments: one clock behind both.

A pool tells all its miners of a block in the same second, so two infected hosts convict each other,
whatever their payload, their sizes and their addresses.

The cost is bounded whatever the input: a push is compared with the next ``NEIGHBOURS`` pushes, a
conversation with ``MAX_PARTNERS`` others, and no more than ``MAX_PAIRS`` pairs are examined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.features.arrivals import Arrivals
from minewatch.types import BoolArray, FloatArray, Int64Array

TOLERANCE_S: Final = 1.0
"""Two pushes within this are one event. Between two miners of a public pool 67 % of the pushes are
(median of 67 real sessions), against 0 to 4 % once one of the clocks is shifted."""
NEIGHBOURS: Final = 16
"""Following pushes, of any conversation, that a push is compared with when partners are sought."""
MIN_SHARED: Final = 4
"""Events that two conversations must share before they are examined."""
MAX_PARTNERS: Final = 4
"""Pairs examined of one conversation; those with most shared events come first."""
MAX_PAIRS: Final = 2048
"""Pairs examined altogether."""
MIN_OVERLAP_S: Final = 300.0
"""Time that both must be known at: a Monero pool pushes five times in it."""
LEAST_SHARE: Final = 0.3
MOST_SHARE: Final = 0.95
"""Share of common pushes with one clock: jobs that follow a share within a second are not told from
its answer, so a fast miner loses most of them; one of a busy network loses some packets."""
LEAST_CHANCE: Final = 0.01
"""No chance is taken to be smaller: there are causes that nobody thought of."""
RATIO_OF_A_PARTNER: Final = 3.0
"""Log-likelihood ratio from which another conversation counts as a partner."""
CHANCE_SHIFTS_S: Final = (-41, -23, -13, -7, 7, 13, 23, 41)
"""By which one clock is shifted to see what chance gives: no multiples of each other."""
ROUND_SHIFTS_S: Final = (-300, -120, -60, -30, 30, 60, 120, 300)
"""The same for whatever follows a wall clock: cron, NTP, scrapes."""
_NS: Final = 1_000_000_000
_TOLERANCE_NS: Final = int(TOLERANCE_S * _NS)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of conversations, with what they have in common; arrays of shape (n_pairs,)."""

    first: Int64Array
    second: Int64Array
    compared: FloatArray
    """Pushes at moments that both are known at, the mean of the two."""
    shared: FloatArray
    """Those of them that the other one has too, the lesser of the two."""
    chance: FloatArray
    """The share that would be common without a common clock."""
    ratio: FloatArray
    """Log-likelihood ratio of one clock against two."""


@dataclass(frozen=True, slots=True)
class Synchrony:
    """The best partner of each conversation; arrays of shape (n,)."""

    partner: Int64Array
    """Number of the conversation, -1 if none could be compared."""
    ratio: FloatArray
    """Log-likelihood ratio of one clock, less the logarithm of how many others it was sought
    among; -inf if none of them was like it, NaN without others at the same time."""
    share: FloatArray
    """Share of common pushes with the partner, NaN without one."""
    chance: FloatArray
    """What chance would give."""
    shared: FloatArray
    """Common pushes."""
    partners: Int64Array
    """Conversations of other hosts with a ratio of ``RATIO_OF_A_PARTNER`` or more."""
    pairs_examined: int
    """Of how many the chance was sought."""


def synchrony_of(arrivals: Arrivals) -> Synchrony:
    """Return each conversation's best partner.

    Parameters
    ----------
    arrivals : pushes of n conversations.
    """
    n = len(arrivals)
    first, second = candidates(arrivals)
    pairs = compared(arrivals, first, second)
    both = np.concatenate([pairs.first, pairs.second])
    other = np.concatenate([pairs.second, pairs.first])
    index = np.tile(np.arange(len(pairs.first)), 2)
    ratio = np.concatenate([pairs.ratio, pairs.ratio])
    strong = np.bincount(both[ratio >= RATIO_OF_A_PARTNER], minlength=n)
    order = np.lexsort((-ratio, both))
    best = order[np.unique(both[order], return_index=True)[1]]
    others = _others(arrivals)
    found = Synchrony(
        np.full(n, -1, np.int64),
        np.where(others > 0, -np.inf, np.nan),
        np.full(n, np.nan),
        np.full(n, np.nan),
        np.full(n, np.nan),
        strong.astype(np.int64),
        len(pairs.first),
    )
    at, pair = both[best], index[best]
    found.partner[at] = other[best]
    found.ratio[at] = ratio[best] - np.log(np.maximum(others[at], 1))
    found.share[at] = pairs.shared[pair] / pairs.compared[pair]
    found.chance[at] = pairs.chance[pair]
    found.shared[at] = pairs.shared[pair]
    return found


def _others(arrivals: Arrivals) -> Int64Array:
    """How many conversations of other hosts were known at the same time, about."""
    begin, end = arrivals.seen_ns[:, 0], arrivals.seen_ns[:, 3]
    begun = np.searchsorted(np.sort(begin), end - int(MIN_OVERLAP_S * _NS), side="right")
    over = np.searchsorted(np.sort(end), begin + int(MIN_OVERLAP_S * _NS), side="left")
    _, host, sizes = np.unique(arrivals.host, axis=0, return_inverse=True, return_counts=True)
    at_other_hosts = len(arrivals) - sizes[host.reshape(-1)]
    together = np.maximum(begun - over - 1, 0)
    others: Int64Array = np.minimum(together, at_other_hosts)
    return others


def candidates(arrivals: Arrivals) -> tuple[Int64Array, Int64Array]:
    """Return the pairs that are worth to be examined, the lower number first.

    One of the two at least is no conversation remembered from before.

    Parameters
    ----------
    arrivals : pushes of n conversations.
    """
    n, owner = len(arrivals), arrivals.owner
    rank = np.lexsort((*arrivals.far.T, *arrivals.host.T))
    place = np.empty(n, np.int64)
    place[rank] = np.arange(n)
    # Pushes of one moment stand in an order that does not depend on that of the conversations.
    order = np.lexsort((place[owner], arrivals.time_ns))
    time_ns, owner = arrivals.time_ns[order], owner[order]
    codes = [np.empty(0, np.int64)]
    for step in range(1, min(NEIGHBOURS, len(time_ns) - 1) + 1):
        left, right = owner[:-step], owner[step:]
        near = time_ns[step:] - time_ns[:-step] <= _TOLERANCE_NS
        near &= (arrivals.host[left] != arrivals.host[right]).any(axis=1)
        near &= (arrivals.row[left] >= 0) | (arrivals.row[right] >= 0)
        low, high = np.minimum(left, right)[near], np.maximum(left, right)[near]
        codes.append(low * n + high)
    code, shared = np.unique(np.concatenate(codes), return_counts=True)
    code, shared = code[shared >= MIN_SHARED], shared[shared >= MIN_SHARED]
    if not len(code):
        return code, code
    return _strongest(code // n, code % n, shared, place)


def _strongest(
    first: Int64Array, second: Int64Array, shared: Int64Array, place: Int64Array
) -> tuple[Int64Array, Int64Array]:
    """The pairs with most events in common: so many of each conversation, so many in all."""
    low, high = np.sort(np.stack([place[first], place[second]]), axis=0)
    order = np.lexsort((high, low, -shared))
    first, second = first[order], second[order]
    rank = _rank(np.stack([first, second], axis=1).reshape(-1)).reshape(-1, 2)
    rank = rank.min(axis=1)
    # The first choice of everybody comes before anybody's second.
    kept = np.argsort(rank, kind="stable")[: min(MAX_PAIRS, int((rank < MAX_PARTNERS).sum()))]
    return first[kept], second[kept]


def _rank(values: Int64Array) -> Int64Array:
    """How many of the same value stand before each."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(ordered)])
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values)) - np.repeat(starts, lengths)
    return rank


def compared(arrivals: Arrivals, first: Int64Array, second: Int64Array) -> Pairs:
    """Return what pairs have in common, and how likely one clock is, where it may be at all.

    Left out are pairs that are hardly known at the same time, and those that have so little in
    common that no chance could be small enough.

    The chance is the largest of three: the share of common pushes when one clock is shifted by some
    seconds; the same for round shifts; and the chance that a gap of one is as long as a gap of the
    other, for two that met once meet again by nothing else. The last makes two fixed beats of one
    length worth nothing.

    Parameters
    ----------
    arrivals : pushes of n conversations.
    first : number of a conversation, shape (n_pairs,).
    second : of another one, shape (n_pairs,).
    """
    line = _Line(arrivals)
    k, n = line.in_common(first, second, (0,))
    is_known = (n >= MIN_SHARED) & (line.overlap_s(first, second) >= MIN_OVERLAP_S)
    is_worth_it = is_known & (_ratio(n, k, np.full(len(n), LEAST_CHANCE)) >= RATIO_OF_A_PARTNER)
    first, second = first[is_worth_it], second[is_worth_it]
    k, n = k[is_worth_it], n[is_worth_it]
    chance = np.full(len(first), LEAST_CHANCE)
    for shifts in (CHANCE_SHIFTS_S, ROUND_SHIFTS_S):
        shared, count = line.in_common(first, second, shifts)
        chance = np.maximum(chance, (shared + 0.5) / (count + 1.0))
    chance = np.minimum(np.maximum(chance, line.like_gaps(first, second)), MOST_SHARE)
    return Pairs(first, second, n, k, chance, _ratio(n, k, chance))


def _ratio(n: FloatArray, k: FloatArray, chance: FloatArray) -> FloatArray:
    """Log-likelihood ratio of the best share that one clock allows against chance."""
    share = np.clip(k / np.maximum(n, 1e-9), np.maximum(LEAST_SHARE, chance), MOST_SHARE)
    ratio: FloatArray = k * np.log(share / chance) + (n - k) * np.log((1 - share) / (1 - chance))
    return ratio


class _Line:
    """All pushes on one line, conversation after conversation, so that one search answers all."""

    def __init__(self, arrivals: Arrivals) -> None:
        self.arrivals = arrivals
        self.start = np.r_[0, arrivals.stops[:-1]].astype(np.int64)[: len(arrivals)]
        self.count = np.diff(arrivals.stops, prepend=0)
        origin = arrivals.seen_ns.min() if len(arrivals) else 0
        span = (arrivals.seen_ns.max() - origin if len(arrivals) else 0) / _NS
        self.step_s = 2 * span + 4 * max(map(abs, ROUND_SHIFTS_S))
        self.time_s = (arrivals.time_ns - origin) / _NS
        self.seen_s = (arrivals.seen_ns - origin) / _NS
        self.line = np.r_[self.time_s + self.step_s * arrivals.owner, np.inf]
        self.gaps = self._gaps()

    def _gaps(self) -> FloatArray:
        """Gaps, sorted within each conversation; the gap to the conversation before is infinite."""
        gaps = np.diff(self.time_s, prepend=0.0)
        gaps[self.start[self.count > 0]] = np.inf
        return gaps[np.lexsort((gaps, self.arrivals.owner))]

    def _spread(self, of: Int64Array, count: Int64Array) -> tuple[Int64Array, Int64Array]:
        """The pair and the place of each push of the conversations ``of``."""
        pair = np.repeat(np.arange(len(of)), count[of])
        within = np.arange(len(pair)) - np.repeat(np.cumsum(count[of]) - count[of], count[of])
        return pair, self.start[of][pair] + within

    def in_common(
        self, first: Int64Array, second: Int64Array, shifts_s: Sequence[int]
    ) -> tuple[FloatArray, FloatArray]:
        """Pushes of the one that the other has too at some shifts, and those it could have had.

        Of the two ways to count the former the lesser is taken: a push is common to two only.
        """
        shared, could = np.zeros(len(first)), np.zeros(len(first))
        for shift_s in shifts_s:
            there = self._common(first, second, shift_s)
            back = self._common(second, first, -shift_s)
            shared += np.minimum(there[0], back[0])
            could += (there[1] + back[1]) / 2
        return shared, could

    def _common(self, of: Int64Array, to: Int64Array, shift_s: int) -> FloatArray:
        """How many of one's pushes, shifted, the other has too; how many it could have had."""
        pair, at = self._spread(of, self.count)
        moved = self.time_s[at] + shift_s
        other = to[pair]
        seen = self.seen_s[other]
        could = _inside(moved, seen[:, 0], seen[:, 1]) | _inside(moved, seen[:, 2], seen[:, 3])
        place = moved + self.step_s * other
        following = self.line[np.searchsorted(self.line, place - TOLERANCE_S, side="left")]
        is_common = could & (following <= place + TOLERANCE_S)
        n = len(of)
        counts = [np.bincount(pair[which], minlength=n) for which in (is_common, could)]
        return np.stack(counts).astype(np.float64)

    def like_gaps(self, of: Int64Array, to: Int64Array) -> FloatArray:
        """The chance that a gap of the one is as long as a gap of the other."""
        count = np.maximum(self.count - 1, 0)
        pair, at = self._spread(of, count)
        other = to[pair]
        # Gaps of all conversations on one line too, each pushed beyond the longest there is.
        finite = np.where(np.isfinite(self.gaps), self.gaps, self.step_s / 2)
        line = finite + self.step_s * self.arrivals.owner
        place = finite[at] + self.step_s * other
        low = np.searchsorted(line, place - TOLERANCE_S, side="left")
        high = np.searchsorted(line, place + TOLERANCE_S, side="right")
        hits = np.bincount(pair, high - low, minlength=len(of))
        chance: FloatArray = hits / np.maximum(count[of] * count[to], 1)
        return chance

    def overlap_s(self, of: Int64Array, to: Int64Array) -> FloatArray:
        """Time at which both are known."""
        total = np.zeros(len(of))
        for i in (0, 2):
            for j in (0, 2):
                begin = np.maximum(self.seen_s[of, i], self.seen_s[to, j])
                end = np.minimum(self.seen_s[of, i + 1], self.seen_s[to, j + 1])
                total += np.maximum(end - begin, 0.0)
        return total


def _inside(moment: FloatArray, begin: FloatArray, end: FloatArray) -> BoolArray:
    inside: BoolArray = (
        (moment >= begin - TOLERANCE_S) & (moment <= end + TOLERANCE_S) & (end > begin)
    )
    return inside
