# SPDX-License-Identifier: Apache-2.0
"""Recall and false alarms, with intervals that know that conversations of one capture are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.types import FloatArray

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


def rate(hits: FloatArray, sizes: FloatArray, seed: int = 0) -> Rate:
    """Return a share with its interval from resampling whole captures.

    Where every capture agrees (all flagged, or none) resampling would claim certainty, so the
    bound on that side is the exact binomial one with one trial a capture.

    Parameters
    ----------
    hits : conversations flagged in each capture, shape (n_captures,).
    sizes : conversations in each capture, above 0, shape (n_captures,).
    seed : of the resampling.

    Examples
    --------
    >>> none = rate(np.array([0, 0, 0]), np.array([5, 1, 9]))
    >>> none.share, none.low, round(none.high, 2)
    (0.0, 0.0, 0.71)
    """
    n, flagged, total = len(sizes), int(hits.sum()), int(sizes.sum())
    if not n:
        return Rate(0, 0, 0, float("nan"), float("nan"))
    if flagged in (0, total):
        # One-sided Clopper-Pearson at half of what is left, as a two-sided interval has.
        edge = ((1 - CONFIDENCE) / 2) ** (1 / n)
        low, high = (0.0, 1 - edge) if flagged == 0 else (edge, 1.0)
        return Rate(flagged, total, n, low, high)
    chosen = np.random.default_rng(seed).integers(0, n, (RESAMPLES, n))
    shares = hits[chosen].sum(axis=1) / sizes[chosen].sum(axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = (float(edge) for edge in np.quantile(shares, (tail, 1 - tail)))
    return Rate(flagged, total, n, low, high)


def threshold_for(normal: FloatArray, allowed: int) -> float:
    """Return the score above which at most so many normal conversations lie.

    Parameters
    ----------
    normal : scores of normal conversations, higher is more suspicious, shape (n,), n above 0.
    allowed : how many may lie above.

    Examples
    --------
    >>> threshold_for(np.array([0.2, 0.3, 0.4, 0.8]), 1)
    0.4
    """
    ordered = np.sort(normal)[::-1]
    return float(ordered[min(allowed, len(ordered) - 1)])
