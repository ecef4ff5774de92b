# SPDX-License-Identifier: Apache-2.0
"""A share of conversations with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Final

CONFIDENCE: Final = 0.95
_Z: Final = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some conversations were labelled mining.

    Parameters
    ----------
    hits : how many were.
    total : of how many.
    """

    hits: int
    total: int

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not 0 <= self.hits <= self.total:
            raise ValueError(f"{self.hits} of {self.total}")

    @property
    def value(self) -> float | None:
        """Return the share; None of nothing."""
        return self.hits / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % interval of Wilson (1927), as if conversations were independent.

        None of nothing: nothing is known then.

        Examples
        --------
        >>> [round(bound, 3) for bound in Share(0, 10).interval]
        [0.0, 0.278]
        >>> [round(bound, 3) for bound in Share(1, 2).interval]
        [0.095, 0.905]
        """
        if not self.total:
            return None
        n, square = self.total, _Z * _Z
        middle = (self.hits + square / 2) / (n + square)
        half = math.sqrt(self.hits * (n - self.hits) / n + square / 4) * _Z / (n + square)
        # At the ends the bound is exact, and rounding would miss it.
        low = 0.0 if self.hits == 0 else middle - half
        high = 1.0 if self.hits == n else middle + half
        return low, high

    @property
    def text(self) -> str:
        """Return the counts and the share with its interval.

        Examples
        --------
        >>> Share(1, 2).text, Share(3, 40_000).text, Share(0, 0).text
        ('1 of 2: 50 % (9.5 to 91)', '3 of 40,000: 0.0075 % (0.0026 to 0.022)', 'none')
        """
        bounds = self.interval
        if bounds is None:
            return "none"
        low, high = (_percent(bound) for bound in bounds)
        share = _percent(self.hits / self.total)
        return f"{self.hits:,} of {self.total:,}: {share} % ({low} to {high})"


def _percent(share: float) -> str:
    """Two digits; what is nearly all is not told as all."""
    if 0.99 < share < 1:
        return f"{100 - Decimal(f'{100 * (1 - share):.2g}'):f}"
    return f"{Decimal(f'{100 * share:.2g}'):f}" if share < 1 else "100"
