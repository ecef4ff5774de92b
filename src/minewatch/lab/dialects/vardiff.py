# SPDX-License-Identifier: Apache-2.0
"""How pools change a worker's difficulty so that its shares come at the gap they aim at."""

from __future__ import annotations

from minewatch.lab.dialects.contract import PoolSettings

TOLERANCE = 0.3
"""A difficulty that far from the wanted one is left alone; as in NOMP."""
MOST_CHANGE = 2.0
"""One change is at most by this factor, up or down."""


class Retarget:
    """One worker's difficulty.

    Parameters
    ----------
    settings : the first difficulty and the gap that the pool aims at.
    least : least difficulty that the dialect can say.

    Attributes
    ----------
    difficulty : of the next job.

    Examples
    --------
    >>> from minewatch.lab.dialects.contract import PoolSettings
    >>> retarget = Retarget(PoolSettings(difficulty=1000.0, share_target_s=10.0, retarget_s=60.0))
    >>> retarget.is_changed(0.0)
    False
    >>> for _ in range(60):
    ...     retarget.count(1000.0)
    >>> retarget.is_changed(60.0), retarget.difficulty
    (True, 2000.0)
    """

    def __init__(self, settings: PoolSettings, least: float = 1.0) -> None:
        if not settings.difficulty >= least:
            raise ValueError(f"the least difficulty here is {least}, not {settings.difficulty}")
        self.difficulty = settings.difficulty
        self._settings = settings
        self._least = least
        self._since_s: float | None = None
        self._hashes = 0.0

    def count(self, difficulty: float) -> None:
        """Credit one share."""
        self._hashes += difficulty

    def is_changed(self, now_s: float) -> bool:
        """Look whether a change is due, make it, and tell; the first call starts the clock."""
        settings = self._settings
        if settings.share_target_s is None:
            return False
        if self._since_s is None:
            self._since_s = now_s
        elapsed_s = now_s - self._since_s
        if elapsed_s < settings.retarget_s or elapsed_s <= 0:
            return False
        ratio = self._hashes / elapsed_s * settings.share_target_s / self.difficulty
        self._since_s, self._hashes = now_s, 0.0
        if abs(ratio - 1) <= TOLERANCE:
            return False
        bounded = min(max(ratio, 1 / MOST_CHANGE), MOST_CHANGE)
        before = self.difficulty
        self.difficulty = max(float(round(before * bounded)), self._least)
        return self.difficulty != before
