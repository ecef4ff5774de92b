# SPDX-License-Identifier: Apache-2.0
"""Makes one calibrated probability of what the detectors say, and keeps who said how much.

Additive in log-odds::

    logit(p) = logit(prior) + sum over ready detectors of
               clip(weight * (logit(p_detector) - logit(prior)), floor, ceiling)

Each detector gives a probability that is already right at the base rate ``prior``. Weights are
never negative, so more suspicion from a detector never lowers the verdict. A detector that is not
ready (NaN) or absent adds nothing. The label threshold is 0.5: at a prior of 2 in 1,000 the
evidence must weigh 6.2 in log-odds to reach it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np

from minewatch.odds import from_log_odds, log_odds, logit
from minewatch.types import FloatArray

BASE_RATE: Final = 0.002
"""Mining conversations among all; the seed paper's servers had 0.0019 (157 of 84,344)."""
LABEL_THRESHOLD: Final = 0.5
CERTAIN: Final = 1e-9
"""Probabilities are kept this far from 0 and 1, so that log-odds are finite."""


@dataclass(frozen=True, slots=True)
class Part:
    """How far one detector may move the verdict, in log-odds away from the prior."""

    weight: float
    """Factor on its evidence, 0 or more; 1 takes its probability at its word."""
    floor: float
    """Most that it can speak against mining, 0 or less."""
    ceiling: float
    """Most that it can speak for mining, 0 or more; alone it is enough if above 6.2."""

    def __post_init__(self) -> None:
        """Refuse what would make the fusion fall where a detector rises, or be infinite."""
        if not 0 <= self.weight < math.inf:
            raise ValueError(f"weight {self.weight}: not a finite number of 0 or more")
        if not -math.inf < self.floor <= 0 <= self.ceiling < math.inf:
            raise ValueError(
                f"floor {self.floor} and ceiling {self.ceiling}: must be finite and enclose 0"
            )


# Chosen by hand from what each detector can know; docs/models/fusion.md tells what fitting gave.
DEFAULT_PARTS: Final[Mapping[str, Part]] = MappingProxyType(
    {
        # A decoded mining session is proof; its absence says little (TLS, no payload).
        "signature": Part(1.0, -1.0, 14.0),
        # Lists are stale and addresses shared: never enough alone, and not listed says nothing.
        "intel": Part(1.0, 0.0, 4.0),
        # The main statistical detector, and the only learnt one that may decide alone.
        "rhythm": Part(1.0, -3.0, 9.0),
        # Other views of the same packets: they support.
        "sequence": Part(0.3, -2.0, 4.0),
        "one-class": Part(0.3, -2.0, 4.0),
        # Others hear of blocks and share a clock too: never enough alone, and silence says nothing.
        "block-clock": Part(1.0, 0.0, 5.0),
        "synchrony": Part(1.0, 0.0, 5.5),
        # Systems of others, to compare with.
        "flowstats": Part(0.0, 0.0, 0.0),
        "netflow": Part(0.0, 0.0, 0.0),
        "naive-bayes": Part(0.0, 0.0, 0.0),
        "weak-indicators": Part(0.0, 0.0, 0.0),
        "spectrum": Part(0.0, 0.0, 0.0),
    }
)
OWN_MODEL: Final = Part(0.5, -1.0, 4.0)
"""Of ``flowstats`` with a model of the user's own: volume confuses heartbeats with miners."""
TOGETHER: Final = (("block-clock", "synchrony"), 6.0)
"""Detectors that look at the same pushes, and the most that they may add together [log-odds]: two
clients of Electrum on two hosts follow the blocks in step, and are no verdict."""
STRANGER: Final = Part(0.5, -2.0, 4.0)
"""What a detector that is not listed may do: help, but never decide alone."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """Adds up log-odds.

    Parameters
    ----------
    prior : share of mining among conversations, to which every detector is calibrated.
    parts : weight and limits by detector.
    stranger : weight and limits of detectors that are not in ``parts``.

    Examples
    --------
    >>> def fuse(**scores: float) -> float:
    ...     arrays = {name: np.array([p]) for name, p in scores.items()}
    ...     return Fusion().probability(arrays, 1).round(3).item()
    >>> fuse(rhythm=math.nan), fuse()
    (0.002, 0.002)
    >>> fuse(rhythm=0.2), fuse(intel=1.0), fuse(rhythm=0.2, intel=1.0)
    (0.2, 0.099, 0.932)
    >>> fuse(signature=0.999)
    0.999
    """

    prior: float = BASE_RATE
    parts: Mapping[str, Part] = field(default_factory=lambda: DEFAULT_PARTS)
    stranger: Part = STRANGER

    def __post_init__(self) -> None:
        """Refuse a prior outside (0, 1)."""
        if not 0 < self.prior < 1:
            raise ValueError(f"prior {self.prior}: not between 0 and 1")

    def contributions(self, scores: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return what each detector adds to the log-odds; 0 where it is not ready.

        Parameters
        ----------
        scores : probabilities by detector, each of shape (n,), NaN where not ready.
        """
        result = {}
        for name, probability in scores.items():
            part = self.parts.get(name, self.stranger)
            moved = part.weight * (log_odds(probability, CERTAIN) - logit(self.prior))
            clipped = np.clip(moved, part.floor, part.ceiling)
            result[name] = np.where(np.isnan(clipped), 0.0, clipped)
        return _limited(result)

    def probability(self, scores: Mapping[str, FloatArray], n_rows: int) -> FloatArray:
        """Return the fused probability of each conversation; the prior where none was ready.

        Parameters
        ----------
        scores : probabilities by detector, each of shape (n_rows,), NaN where not ready.
        n_rows : how many conversations there are.
        """
        total = np.full(n_rows, logit(self.prior))
        for contribution in self.contributions(scores).values():
            total += contribution
        return from_log_odds(total)


def _limited(contributions: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Scale what detectors of one group add, where their sum is above the group's limit."""
    names, most = TOGETHER
    here = [name for name in names if name in contributions]
    if len(here) < 2:
        return contributions
    total = np.sum([contributions[name] for name in here], axis=0)
    factor = np.where(total > most, most / np.maximum(total, most), 1.0)
    return contributions | {name: contributions[name] * factor for name in here}
