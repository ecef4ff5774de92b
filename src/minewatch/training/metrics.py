# SPDX-License-Identifier: Apache-2.0
"""Recall and false alarms, with intervals that know that conversations of one capture are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from minewatch.types import BoolArray, FloatArray

ObjectArray = npt.NDArray[np.object_]

CONFIDENCE: Final = 0.95
RESAMPLES: Final = 1000
PER: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of some conversations were flagged, and how sure that share is."""

    flagged: int
    total: int
    n_captures: int
    """Captures that the conversations come from: the independent observations, at most."""
    low: float
    high: float

    @property
    def share(self) -> float:
        """Return the share flagged; NaN if there were none to flag."""
        return self.flagged / self.total if self.total else float("nan")

    def as_percent(self) -> str:
        """Return the share as text.

        Examples
        --------
        >>> Rate(3, 4, 2, 0.25, 1.0).as_percent()
        '75 % (3 of 4; 25 to 100)'
        """
        if not self.total:
            return "none"
        low, high = 100 * self.low, 100 * self.high
        return f"{100 * self.share:.0f} % ({self.flagged} of {self.total}; {low:.0f} to {high:.0f})"

    def per_ten_thousand(self) -> str:
        """Return the share per 10,000 conversations as text.

        Examples
        --------
        >>> Rate(3, 2000, 9, 0.0, 0.004).per_ten_thousand()
        '15.0 (3 of 2000; 0.0 to 40.0)'
        """
        if not self.total:
            return "none"
        low, high = PER * self.low, PER * self.high
        text = f"{PER * self.share:.1f} ({self.flagged} of {self.total}; {low:.1f} to {high:.1f})"
        return text


def rate(is_flagged: BoolArray, captures: ObjectArray, seed: int = 0) -> Rate:
    """Return a share with its interval from resampling whole captures.

    Where every capture agrees (all flagged, or none) resampling would claim certainty, so the
    bound on that side is the exact binomial one with one trial a capture.

    Parameters
    ----------
    is_flagged : answer for each conversation, shape (n,).
    captures : capture of each conversation, shape (n,).
    seed : of the resampling.

    Examples
    --------
    >>> captures = np.array(["a", "b", "c"], dtype=object)
    >>> none = rate(np.array([False, False, False]), captures)
    >>> none.share, none.low, round(none.high, 2)
    (0.0, 0.0, 0.71)
    """
    total, flagged = len(is_flagged), int(is_flagged.sum())
    if not total:
        return Rate(0, 0, 0, float("nan"), float("nan"))
    _, index = np.unique(captures, return_inverse=True)
    hits, sizes = np.bincount(index, is_flagged), np.bincount(index)
    n = len(sizes)
    if flagged in (0, total):
        # One-sided Clopper-Pearson at half of what is left, as a two-sided interval has.
        edge = ((1 - CONFIDENCE) / 2) ** (1 / n)
        low, high = (0.0, 1 - edge) if flagged == 0 else (edge, 1.0)
        return Rate(flagged, total, n, low, high)
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, n, (RESAMPLES, n))
    shares = hits[chosen].sum(axis=1) / sizes[chosen].sum(axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = (float(edge) for edge in np.quantile(shares, (tail, 1 - tail)))
    return Rate(flagged, total, n, low, high)


def threshold_for(scores: FloatArray, is_mining: BoolArray, false_alarm_share: float) -> float:
    """Return the score above which at most a share of the normal conversations lies.

    Parameters
    ----------
    scores : higher is more suspicious, shape (n,).
    is_mining : labels, shape (n,).
    false_alarm_share : of the normal conversations, at most.

    Examples
    --------
    >>> scores = np.array([0.9, 0.2, 0.3, 0.4, 0.8])
    >>> threshold_for(scores, np.array([True, False, False, False, False]), 0.25)
    0.4
    """
    normal = np.sort(scores[~is_mining])[::-1]
    allowed = int(len(normal) * false_alarm_share)
    return float(normal[min(allowed, len(normal) - 1)])
