# SPDX-License-Identifier: Apache-2.0
"""The ``block-clock`` detector: jobs follow blocks, whatever the payload looks like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.detectors.block_times import BlockTimes
from minewatch.detectors.fusion import BASE_RATE
from minewatch.features.block_similarity import BlockSimilarity, block_similarity
from minewatch.features.matrix import is_complete
from minewatch.features.pool_clock import PoolClock, pool_clock
from minewatch.odds import from_log_odds, logit
from minewatch.types import Conversations, Evidence, FloatArray, Scores

ALERT_SIMILARITY: Final = 0.6
"""Mean similarity above which MineHunter gives an alert."""
MAX_PROBABILITY: Final = 0.4
"""Nodes, wallets and Electrum clients of the same chain hear of its blocks as well, so that this
must never be enough alone."""
RATIO_OF_BLOCKS: Final = math.log(1000.0)
"""Log-likelihood ratio at which following the blocks is as likely as chance: one conversation in a
thousand is tied to a chain."""
MAX_BLIND_PROBABILITY: Final = 0.004
"""Without blocks: job queues and long polls that give up after a while keep the same time. Six
times as many miners as normal conversations of the simulator pass ``BLIND_RATIO`` (46 and 8 %), but
``synchrony`` and ``rhythm`` see the same pushes, and together they must not count them twice: with
the best that ``synchrony`` gives it stays below a verdict."""
BLIND_RATIO: Final = -1.5
"""Log-likelihood ratio at which a pool's clock is as likely as not. It is below 0 because chance at
a rate of its own explains a pool without refreshes just as well, and needs no list of chains. Of
real miners 48 in 74 pass it, of real normal conversations 4 in 357."""


@dataclass(frozen=True, slots=True)
class _Found:
    blocks: BlockSimilarity | None
    clock: PoolClock
    probability: FloatArray


class BlockClockDetector:
    """Whether the server speaks when the blocks of a chain are found.

    With block times (MineHunter): for each block the first packet with payload that the client
    receives after it; how soon it comes, against how soon one of as many packets would by chance.
    The similarity is shown as in the paper, which gives an alert above 0.6; the probability comes
    of the log-likelihood ratio of the same ranks, so that it also says how many blocks there were.

    Without them, and where it says more than they do (blind form): the gaps between the server's
    unasked messages, under a pool's clock (blocks at one of the usual rates, and a refresh when
    none comes for a while) against a fixed beat, a log-normal law, and chance at a rate of its own.
    That is a hint and never more (probability of at most 0.004).

    Assumes that the clocks of capture and node agree to some seconds. Blind spots: chains that
    no block times were given for; blocks timed by their miners and not by a node that heard of
    them; proxies and pools that hold jobs back; conversations of less than a quarter of an hour;
    busy miners, whose answers are as near to each block as jobs are; inputs without packet times.
    Confuses nodes, wallets and Electrum clients of the same chain with miners when it knows the
    blocks; and, when it does not, whatever else happens by chance and has a time-out.

    Parameters
    ----------
    blocks : of a chain; None for the blind form alone.

    Notes
    -----
    Cost: two look-ups for each of the latest 59 blocks of a conversation; 33 densities for each
    gap. Rows never affect each other.

    References
    ----------
    .. [1] S. Zhang et al., "MineHunter: A Practical Cryptomining Traffic Detection Algorithm Based
       on Time Series Tracking", ACSAC 2021.
    """

    name = "block-clock"
    requires = ("flow_id",)
    uses: tuple[str, ...] = ()

    def __init__(self, blocks: BlockTimes | None = None) -> None:
        self.blocks = blocks

    def score(self, conversations: Conversations) -> Scores:
        """Return a probability for each row; NaN where too few blocks or gaps are known."""
        if not is_complete(conversations.frame, self.requires):
            return Scores(self.name, np.full(len(conversations), np.nan))
        return Scores(self.name, self._found(conversations).probability)

    def explain(self, conversations: Conversations, row: int) -> Sequence[Evidence]:
        """Return what was seen of the blocks, or of the gaps where blocks are not known."""
        if not is_complete(conversations.frame, self.requires):
            return []
        found = self._found(conversations)
        probability = float(found.probability[row])
        if math.isnan(probability):
            return []
        contribution = logit(probability) - logit(BASE_RATE)
        hint = _probability(found.clock.ratio[row : row + 1], BLIND_RATIO, MAX_BLIND_PROBABILITY)
        if found.blocks is not None and not probability <= hint[0]:
            return [_of_blocks(found.blocks, row, contribution)]
        return [_of_gaps(found.clock, row, contribution)]

    def _found(self, conversations: Conversations) -> _Found:
        known = conversations.memory.get("block-clock")
        if isinstance(known, tuple) and known[0] is self and isinstance(known[1], _Found):
            return known[1]
        clock = pool_clock(conversations)
        probability = _probability(clock.ratio, BLIND_RATIO, MAX_BLIND_PROBABILITY)
        blocks = None
        if self.blocks is not None:
            blocks = block_similarity(conversations, self.blocks.time_ns)
            informed = _probability(blocks.ratio, RATIO_OF_BLOCKS, MAX_PROBABILITY)
            # Not to follow one chain says nothing of the others, so the hint stands.
            probability = np.fmax(probability, informed)
        found = _Found(blocks, clock, probability)
        conversations.memory["block-clock"] = (self, found)
        return found


def _of_blocks(blocks: BlockSimilarity, row: int, contribution: float) -> Evidence:
    similarity = float(blocks.similarity[row])
    side = "above" if similarity > ALERT_SIMILARITY else "not above"
    text = (
        f"After {blocks.blocks[row] - blocks.missed[row]} of {blocks.blocks[row]} blocks "
        f"something came, in the median {blocks.lag_s[row]:.1f} s later; the similarity with "
        f"the chain's clock is {similarity:.2f}, {side} the {ALERT_SIMILARITY:g} from which "
        "the method gives an alert. A node or a wallet of the chain on this host would explain "
        "it as well."
    )
    return Evidence("block_similarity", similarity, "1", contribution, text)


def _of_gaps(clock: PoolClock, row: int, contribution: float) -> Evidence:
    refresh = float(clock.refresh_s[row])
    again = f", and again after {refresh:.0f} s without one" if math.isfinite(refresh) else ""
    text = (
        f"The server's {clock.gaps[row] + 1} unasked messages are "
        f"{'timed' if contribution > 0 else 'hardly timed'} like jobs of a pool whose chain has a "
        f"block every {clock.block_mean_s[row]:.0f} s{again} (a guess from their gaps alone: a job "
        "queue or a long poll with a time-out keeps the same time)."
    )
    return Evidence("pool_clock_ratio", float(clock.ratio[row]), "1", contribution, text)


def _probability(ratio: FloatArray, even: float, most: float) -> FloatArray:
    """Probabilities of log-likelihood ratios, the base rate where these are far below ``even``."""
    weight = from_log_odds(np.clip(ratio - even, -50, 50))
    probability: FloatArray = BASE_RATE + (most - BASE_RATE) * weight
    return probability
