# SPDX-License-Identifier: Apache-2.0
"""The conversation that is explained, and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from minewatch.types import Conversations, PacketSeries, Verdict


@dataclass(frozen=True)
class Subject:
    """The conversation that is explained."""

    frame: pl.DataFrame
    """One row, with the columns of decoders if it was scored."""
    verdict: Verdict
    capture: str
    intervals: pl.DataFrame | None = None
    packets: PacketSeries | None = None
    others: tuple[int, int] = (0, 0)
    """Other hosts of the watched side that talk to the same far end in the capture, and how many of
    them have a conversation with it that is called mining."""

    @cached_property
    def conversations(self) -> Conversations:
        """Return the conversation as feature sets take it."""
        flow_id = int(self.frame.item(0, "flow_id"))
        packets = {} if self.packets is None else {flow_id: self.packets}
        return Conversations(self.frame, self.intervals, packets)
