# SPDX-License-Identifier: Apache-2.0
"""How records become conversations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ArrangeSettings:
    """Lengths and limits.

    Parameters
    ----------
    interval_s : records that begin within so long belong to one interval [s]; longer records are
        intervals of their own.
    conversation_timeout_s : a silence longer than this ends a conversation [s].
    memory_octets : records that are held in memory; more go to a temporary file.
    folder : where temporary files go; None for the system's place.

    Raises
    ------
    ValueError : a value outside its domain.

    Examples
    --------
    >>> ArrangeSettings(interval_s=0)
    Traceback (most recent call last):
    ValueError: interval_s 0: must be more than 0 and a day at most
    """

    interval_s: float = 60.0
    conversation_timeout_s: float = 3600.0
    memory_octets: int = 320 << 20
    folder: str | None = None

    def __post_init__(self) -> None:
        """Refuse values outside their domain."""
        if not 0 < self.interval_s <= 86_400:
            raise ValueError(f"interval_s {self.interval_s}: must be more than 0 and a day at most")
        if not 0 < self.conversation_timeout_s <= 1e9:
            raise ValueError(
                f"conversation_timeout_s {self.conversation_timeout_s}: must be more than 0 and "
                "10**9 at most"
            )
        if self.memory_octets < 1 << 20:
            raise ValueError(f"memory_octets {self.memory_octets}: at least 1 MiB")

    @property
    def interval_ns(self) -> int:
        """Return ``interval_s`` in nanoseconds."""
        return int(self.interval_s * _NS)

    @property
    def timeout_ns(self) -> int:
        """Return ``conversation_timeout_s`` in nanoseconds."""
        return int(self.conversation_timeout_s * _NS)
