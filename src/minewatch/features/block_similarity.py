# SPDX-License-Identifier: Apache-2.0
"""How a conversation's arrivals lie to the blocks of a chain: MineHunter's similarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.features.arrivals import first_packet_ns, known_spans_s
from minewatch.features.series import packets_of
from minewatch.types import BoolArray, Conversations, FloatArray, Int64Array

MAX_BLOCKS: Final = 59
"""Latest blocks that are looked at: 118 minutes of Monero's, the longer window of the paper."""
MIN_BLOCKS: Final = 8
"""Fewer blocks say nothing."""
FOLLOWING: Final = 0.7
"""Share of blocks that a miner's next packet follows by no chance; the rest is as chance has it."""
SHARPNESS: Final = 6.0
"""How near to 1 the rank of such a packet is: its density is 6 r^5 for the rank r."""
LEAST_MISSED: Final = 0.05
"""Share of blocks after which a miner hears nothing until the next one."""
_NS: Final = 1e9


@dataclass(frozen=True, slots=True)
class BlockSimilarity:
    """Arrays of shape (n,), NaN where fewer than ``MIN_BLOCKS`` blocks fell into what is known."""

    similarity: FloatArray
    """Mean over the blocks of (1 - lag / interval) (1 - chance), -1 for a block that nothing
    followed; MineHunter gives an alert above 0.6."""
    ratio: FloatArray
    """Log-likelihood ratio of arrivals that follow the blocks against arrivals by chance."""
    lag_s: FloatArray
    """Median time from a block to the next arrival [s]."""
    blocks: Int64Array
    """Blocks that were looked at."""
    missed: Int64Array
    """Blocks that nothing followed before the next one."""


def block_similarity(conversations: Conversations, block_ns: Int64Array) -> BlockSimilarity:
    """Return how conversations follow the blocks of a chain.

    For each block the first packet with payload that the client receives after it: its *rank* is
    the chance that none of the interval's m packets, thrown at random, had come as early,
    (1 - lag / interval)^m, which is uniform in [0, 1] for whatever is not tied to the chain.

    Parameters
    ----------
    conversations : n of them.
    block_ns : when blocks were found, rising.
    """
    block, following_ns, owner, n = _blocks(conversations, block_ns)
    packets = packets_of(conversations)
    received = packets.where(~packets.is_sent)
    starts_ns = first_packet_ns(conversations)
    begin_s = (block - starts_ns[owner]) / _NS
    interval_s = (following_ns - block) / _NS
    # All conversations on one line, so that one search answers all.
    step = 2 * float(np.max(packets.time_s, initial=0.0)) + 2 * np.max(interval_s, initial=0.0) + 1
    holder = np.repeat(np.arange(n), received.count())
    line = received.time_s + step * holder
    at = np.searchsorted(line, begin_s + step * owner)
    after = np.searchsorted(line, begin_s + interval_s + step * owner)
    m = after - at
    first = np.r_[line, np.inf][at] - step * owner
    lag_s = np.where(m > 0, first - begin_s, interval_s)
    early = 1 - lag_s / interval_s
    rank = np.maximum(early, 1e-12) ** m
    similarity = np.where(m > 0, early * rank, -1.0)
    law = FOLLOWING * SHARPNESS * rank ** (SHARPNESS - 1) + 1 - FOLLOWING
    ratio = np.where(
        m > 0, np.log(law), _missed(received.count(), conversations, owner, interval_s)
    )
    return _summary(similarity, ratio, np.where(m > 0, lag_s, np.nan), m == 0, owner, n)


def _blocks(
    conversations: Conversations, block_ns: Int64Array
) -> tuple[Int64Array, Int64Array, Int64Array, int]:
    """The latest blocks with their successors within what is known of each conversation."""
    packets = packets_of(conversations)
    starts_ns, n = first_packet_ns(conversations), len(conversations)
    seen = np.nan_to_num(known_spans_s(packets))
    seen_ns = np.rint(seen * _NS).astype(np.int64) + starts_ns[:, None]
    left = np.full(n, MAX_BLOCKS)
    parts = []
    for begin, end in ((2, 3), (0, 1)):  # the latest first
        low = np.searchsorted(block_ns, seen_ns[:, begin], side="left")
        high = np.searchsorted(block_ns, seen_ns[:, end], side="right") - 1
        count = np.minimum(np.maximum(high - low, 0), left)
        left = left - count
        owner = np.repeat(np.arange(n), count)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        parts.append((owner, (high - count)[owner] + within))
    owner, index = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return block_ns[index], block_ns[index + 1], owner, n


def _missed(
    received: Int64Array, conversations: Conversations, owner: Int64Array, interval_s: FloatArray
) -> FloatArray:
    """Log-likelihood ratio of a block that nothing followed, by the conversation's own rate."""
    seen = np.nan_to_num(known_spans_s(packets_of(conversations)))
    length_s = (seen[:, 1] - seen[:, 0]) + (seen[:, 3] - seen[:, 2])
    rate = received / np.maximum(length_s, 1.0)
    by_chance = np.exp(-rate[owner] * interval_s)
    ratio: FloatArray = np.log(LEAST_MISSED / np.maximum(by_chance, LEAST_MISSED))
    return ratio


def _summary(
    similarity: FloatArray,
    ratio: FloatArray,
    lag_s: FloatArray,
    missed: BoolArray,
    owner: Int64Array,
    n: int,
) -> BlockSimilarity:
    count = np.bincount(owner, minlength=n)
    enough = np.where(count >= MIN_BLOCKS, 1.0, np.nan)
    order = np.lexsort((lag_s, owner))  # NaN last
    heard = np.bincount(owner, np.isfinite(lag_s), minlength=n).astype(np.int64)
    middle = np.cumsum(count) - count + np.maximum(heard - 1, 0) // 2
    lags = np.r_[lag_s[order], np.nan][np.minimum(middle, len(lag_s))]
    return BlockSimilarity(
        np.bincount(owner, similarity, minlength=n) / np.maximum(count, 1) * enough,
        np.bincount(owner, ratio, minlength=n).astype(np.float64) * enough,
        np.where(heard > 0, lags, np.nan) * enough,
        count.astype(np.int64),
        np.bincount(owner, missed, minlength=n).astype(np.int64),
    )
