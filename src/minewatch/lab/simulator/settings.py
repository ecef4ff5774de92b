# SPDX-License-Identifier: Apache-2.0
"""What a simulated population shall be like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from minewatch.errors import ConfigError

Composition: TypeAlias = Literal["wild", "look-alikes", "paper", "f2pool", "xmrig-lab", "ethminer"]
"""``wild``: all dialects, transports and evasions, mining and business on the same servers.
``look-alikes``: the same miners among what is most easily taken for them, services that talk a
little for hours; to train on.
``paper``: servers that only mine, five coins with XMRig in the clear, and what comes to any server.
The others: miners and pools as in captures of real ones, to compare with these
(``minewatch.lab.simulator.circumstances``).
"""

MAX_CONVERSATIONS: Final = 5_000_000
MAX_DAYS: Final = 20.0
MAX_SERVERS: Final = 250
DAY_S: Final = 86_400.0
LEAD_S: Final = 21_600.0
"""Conversations in a capture began at most this long before it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A population; the defaults have the paper's numbers.

    Raises
    ------
    ConfigError : a value is out of its domain.

    Examples
    --------
    >>> Settings(days=0.5).horizon_s - Settings().start_s
    43200.0
    """

    conversations: int = 84_344
    """All of them."""
    mining: int = 157
    """How many of them are mining."""
    days: float = 1.0
    """Length of the capture."""
    servers: int = 10
    """Servers that are watched."""
    evasion: float = 0.3
    """Share of miners that hide; ``wild`` and ``look-alikes`` have some."""
    composition: Composition = "wild"
    start_s: float = 1_700_000_000.0
    """Begin of the capture, seconds since 1970."""

    def __post_init__(self) -> None:
        self._demand("conversations", 1, MAX_CONVERSATIONS)
        self._demand("mining", 0, self.conversations)
        self._demand("days", 0.001, MAX_DAYS)
        self._demand("servers", 1, MAX_SERVERS)
        self._demand("evasion", 0.0, 1.0)
        self._demand("start_s", 0.0, 4e9)
        if self.composition not in (names := get_args(Composition)):
            known = f"{', '.join(names[:-1])} or {names[-1]}"
            raise ConfigError(f"composition must be {known}, not {self.composition!r}")

    @property
    def horizon_s(self) -> float:
        """End of the capture, seconds since 1970."""
        return self.start_s + self.days * DAY_S

    @property
    def earliest_s(self) -> float:
        """When the first conversation may have begun, seconds since 1970."""
        return max(self.start_s - LEAD_S, 0.0)

    def _demand(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not low <= value <= high:
            raise ConfigError(f"{name} must be {low:g} to {high:g}, not {value!r}")
