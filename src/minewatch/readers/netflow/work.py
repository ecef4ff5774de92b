# SPDX-License-Identifier: Apache-2.0
"""Records of one template on their way: as they were sent, what they become, what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from minewatch.records import RecordArray
from minewatch.types import BoolArray, Int64Array

MAX_COUNT: Final = 1 << 62
"""Counts from here on are no counts, and sums of them would overflow."""
MAX_TIME_NS: Final = 1 << 62
UNKNOWN_UPTIME: Final = -1


@dataclass(slots=True)
class Sampling:
    """How many packets one counted packet stands for, as an exporter told it."""

    interval: int | None = None
    """Of records that name no sampler; None if nothing was told."""
    by_sampler: dict[int, int] = field(default_factory=dict)
    by_interface: dict[int, int] = field(default_factory=dict)
    """By the interface that looked at the packets."""

    def default(self) -> int:
        """Return the interval of records that name no sampler.

        Where only one sampler is known, that is the one.
        """
        if self.interval is not None:
            return self.interval
        known = set(self.by_sampler.values())
        return known.pop() if len(known) == 1 else 1


@dataclass(slots=True)
class Work:
    """n records of one template and one observation domain."""

    rows: npt.NDArray[np.void]
    """As they were sent, in the type of their template."""
    records: RecordArray
    export_ns: Int64Array
    """When each record's datagram was sent, by the exporter's clock."""
    uptime_ms: Int64Array
    """What the exporter's uptime was then; ``UNKNOWN_UPTIME`` if the header does not tell."""
    starts: Int64Array
    """Places of the first record of each set."""
    sampling: Sampling
    system_start_ns: int | None
    """When the exporter started, if options told it."""
    points: npt.NDArray[np.uint32]
    """``observation_point`` of ingress, of egress, and if the direction is not told."""
    faults: dict[str, BoolArray] = field(default_factory=dict)
    """Records that cannot be used, by reason."""
    repairs: dict[str, BoolArray] = field(default_factory=dict)
    """Records that were put right, by what."""

    def fault(self, reason: str, where: BoolArray) -> None:
        """Mark records that cannot be used, if there are any."""
        if where.any():
            before = self.faults.get(reason)
            self.faults[reason] = where if before is None else before | where

    def repair(self, what: str, where: BoolArray) -> None:
        """Mark records that were put right, if there are any."""
        if where.any():
            before = self.repairs.get(what)
            self.repairs[what] = where if before is None else before | where
