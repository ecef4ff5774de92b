# SPDX-License-Identifier: Apache-2.0
"""How fast a lab's clocks tick: as in life where there is time, else fast enough to be seen.

In a lab of one minute each miner shall log in, get a job and hand in a share all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

SHORT_S: Final = 120.0
"""Labs up to this long have faster clocks [s]."""

_BLOCKS, _REFRESHES, _SHARES = 3, 5, 10
"""How many of each a short lab shows at least, on average."""

_THROTTLED: Final = 0.1
"""Share of its hash rate that a throttled miner uses over all (``minewatch.lab.pace``)."""

_EASIER: Final = 8.0
_HARDER: Final = 4.0
"""How far from fitting a first difficulty may be."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of a lab.

    Parameters
    ----------
    seconds : how long the lab runs [s].

    Examples
    --------
    >>> Clocks(60.0).block_mean_s(120.0), Clocks(3600.0).block_mean_s(120.0)
    (20.0, 120.0)
    """

    seconds: float

    @property
    def is_short(self) -> bool:
        """Whether life is too slow for this lab."""
        return self.seconds <= SHORT_S

    @property
    def hop_mean_s(self) -> float:
        """Mean time that a hopping miner stays with a pool [s]."""
        return min(300.0, self.seconds / 5)

    def block_mean_s(self, usual_s: float) -> float:
        """Return the mean gap of blocks [s]."""
        return min(usual_s, self.seconds / _BLOCKS) if self.is_short else usual_s

    def refresh_s(self, usual_s: float) -> float:
        """Return the gap of template refreshes [s]."""
        return min(usual_s, self.seconds / _REFRESHES) if self.is_short else usual_s

    def share_gap_s(self, usual_s: float, is_throttled: bool) -> float:
        """Return the mean gap of shares at a miner's full hash rate [s]."""
        if not self.is_short:
            return usual_s
        wanted_s = min(usual_s, self.seconds / _SHARES)
        return wanted_s * _THROTTLED if is_throttled else wanted_s

    def first_difficulty(self, fitting: float, usual: float) -> float:
        """Return the difficulty that a pool which changes it begins with [hashes].

        A pool does not know a new miner: it begins with the same for all, and gets near in a few
        steps. Within bounds, so that a slow miner finds its first share before the lab is over.

        Examples
        --------
        >>> Clocks(60.0).first_difficulty(500.0, 20_000.0)
        500.0
        >>> Clocks(3600.0).first_difficulty(500.0, 20_000.0)
        2000.0
        """
        if self.is_short:
            return fitting
        return min(max(usual, fitting / _EASIER), fitting * _HARDER)

    def draw_life(self, rng: Random) -> tuple[float, float | None]:
        """Draw when a miner starts, and when it stops if before the end [s]."""
        late, early = (0.1, 0.85) if self.is_short else (0.5, 0.6)
        start_s = self.seconds * rng.uniform(0.0, late) if rng.random() < 0.25 else 0.0
        stop_s = self.seconds * rng.uniform(early, 0.95) if rng.random() < 0.2 else None
        return start_s, stop_s

    def draw_drop_mean_s(self, rng: Random) -> float:
        """Draw the mean time after which a pool hangs up; 0, for never, with most pools [s]."""
        return max(self.seconds * rng.uniform(0.5, 2.0), 20.0) if rng.random() < 0.15 else 0.0
