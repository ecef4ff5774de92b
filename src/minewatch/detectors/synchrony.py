# SPDX-License-Identifier: Apache-2.0
"""The ``synchrony`` detector: two miners of one pool convict each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.address import text_of
from minewatch.detectors.fusion import BASE_RATE
from minewatch.features.arrivals import REQUIRES, Arrivals, arrivals_of, together
from minewatch.features.matrix import is_complete
from minewatch.features.synchrony import TOLERANCE_S, Synchrony, synchrony_of
from minewatch.odds import from_log_odds, logit
from minewatch.types import Conversations, Evidence, FloatArray, Scores

MAX_PROBABILITY: Final = 0.3
"""What a shared clock gives at most: chat rooms, tickers and Electrum servers have one as well."""
MAX_OF_A_FAST_CLOCK: Final = 0.01
SLOW_CLOCK_S: Final = 15.0
"""Mean gap of common pushes below which the lesser limit holds: brokers and tickers send every few
seconds (4 to 8 s in the lab, with ten subscribers), pools of the common coins every 20 to 60 s."""
RATIO_OF_A_CLOCK: Final = math.log(1000.0)
"""Log-likelihood ratio at which a shared clock is as likely as none: of 1,000 conversations about
one has a partner. Between simulated strangers the ratio reached 3.5, between miners 200."""


@dataclass(frozen=True, slots=True)
class _Found:
    arrivals: Arrivals
    synchrony: Synchrony
    number: dict[int, int]
    """Number among the arrivals, by row."""


class SynchronyDetector:
    """Whether another host's server spoke at the same moments as this one's.

    A pool tells its miners of new work all at once. For each conversation the partner at another
    host is sought whose server speaks unasked at the same moments (within 1 s); the log-likelihood
    ratio of one clock against two is weighed against chance, which is what shifted clocks and
    rhythms of the same length would give, and against the number of partners that were tried.

    Assumes one clock for all captured packets: hosts whose capture clocks are seconds apart are
    not found. Compares conversations with 8 pushes or more, at most 20 a minute, whose client
    speaks too, known at the same time for 5 minutes. Hosts are compared for being different, and
    nothing else is made of addresses: both may talk to other far ends (proxies, pool gateways).

    Blind spots: a lone miner of a pool; miners behind one address; pushes delayed at random by
    seconds; inputs without packet times (flow logs); miners so fast that nearly all jobs come
    within a second of a result; conversations so long over that their kept packets (first 64,
    latest 192) do not meet. Confuses whatever else tells many hosts of something irregular at once:
    chat rooms, message brokers, tickers, watchers of one cluster, Electrum servers (which follow
    blocks). That is why its probability never passes 0.3, and 0.01 for a clock faster than 15 s.

    Parameters
    ----------
    remember : pushes of earlier conversations that are kept to compare later ones with, the newest;
        0 keeps none, so that a score depends on the conversations given alone.

    Notes
    -----
    Cost O(16 p log p) for p pushes to find partners, and 36 look-ups for each push of at most 4
    partners a conversation and 2,048 pairs in all. NaN where nothing could be compared.

    References
    ----------
    .. [1] S. Zhang et al., "MineHunter", ACSAC 2021 (pushes follow blocks, which all pools of a
       chain have in common).
    """

    name = "synchrony"
    requires = REQUIRES
    uses: tuple[str, ...] = ()
    is_collective = True

    def __init__(self, remember: int = 0) -> None:
        if remember < 0:
            raise ValueError(f"remember {remember}: a number of pushes, 0 or more")
        self.remember = remember
        self._past: Arrivals | None = None

    def score(self, conversations: Conversations) -> Scores:
        """Return a probability for each row; NaN where there is nobody to compare with."""
        probability = np.full(len(conversations), np.nan)
        if is_complete(conversations.frame, self.requires):
            found = self._found(conversations)
            now = found.arrivals.row >= 0
            probability[found.arrivals.row[now]] = _probability(found)[now]
            self._keep(found.arrivals)
        return Scores(self.name, probability)

    def explain(self, conversations: Conversations, row: int) -> Sequence[Evidence]:
        """Return the partner of one row, or nothing without one."""
        if not is_complete(conversations.frame, self.requires):
            return []
        found = self._found(conversations)
        number = found.number.get(row)
        if number is None or found.synchrony.partner[number] < 0:
            return []
        contribution = logit(float(_probability(found)[number])) - logit(BASE_RATE)
        share = float(found.synchrony.share[number])
        return [
            Evidence("push_coincidence", share, "1", contribution, _sentence(found, number)),
        ]

    def _found(self, conversations: Conversations) -> _Found:
        """Compare the conversations; once for the same ones."""
        known = conversations.memory.get("synchrony")
        if isinstance(known, tuple) and known[0] is self and isinstance(known[1], _Found):
            return known[1]
        arrivals = arrivals_of(conversations)
        if self._past is not None and len(arrivals):
            arrivals = together(arrivals, self._past.meeting(arrivals).without(arrivals))
        number = {row: i for i, row in enumerate(arrivals.row.tolist()) if row >= 0}
        found = _Found(arrivals, synchrony_of(arrivals), number)
        conversations.memory["synchrony"] = (self, found)
        return found

    def _keep(self, arrivals: Arrivals) -> None:
        if self.remember:
            now = arrivals.take(arrivals.row >= 0).forgotten()
            past = now if self._past is None else together(now, self._past.without(now))
            self._past = past.newest(self.remember)


def _probability(found: _Found) -> FloatArray:
    """Probabilities of all arrivals: the base rate where no clock is shared."""
    synchrony = found.synchrony
    is_shared = from_log_odds(np.clip(synchrony.ratio - RATIO_OF_A_CLOCK, -50, 50))
    most = np.where(_mean_gap_s(found) < SLOW_CLOCK_S, MAX_OF_A_FAST_CLOCK, MAX_PROBABILITY)
    probability: FloatArray = BASE_RATE + (most - BASE_RATE) * is_shared
    return probability


def _mean_gap_s(found: _Found) -> FloatArray:
    """Mean gap of each conversation's pushes [s]."""
    arrivals = found.arrivals
    count = np.diff(arrivals.stops, prepend=0)
    seen = np.diff(arrivals.seen_ns, axis=1)[:, ::2].sum(axis=1)
    gap: FloatArray = seen / 1e9 / np.maximum(count, 1)
    return gap


def _sentence(found: _Found, number: int) -> str:
    arrivals, synchrony = found.arrivals, found.synchrony
    partner = int(synchrony.partner[number])
    host, far = (text_of(*map(int, one[partner])) for one in (arrivals.host, arrivals.far))
    is_same = bool((arrivals.far[partner] == arrivals.far[number]).all())
    others = int(synchrony.partners[number]) - 1
    more = f" (and {others} more)" if others > 0 else ""
    return (
        f"{synchrony.share[number]:.0%} of the server's unasked messages came within "
        f"{TOLERANCE_S:g} s of those that {host}{more} had from {far}, "
        f"{'the same' if is_same else 'another'} far end; chance would give "
        f"{synchrony.chance[number]:.0%}. One clock drives both, as a pool's jobs do; a chat room, "
        "a broker or a ticker that both hosts subscribe to would disprove it."
    )
