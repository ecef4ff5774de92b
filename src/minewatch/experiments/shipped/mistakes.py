# SPDX-License-Identifier: Apache-2.0
"""Conversations that were labelled wrongly, each with what one needs to look it up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl

from minewatch.output.records import facts, printable, with_time_text
from minewatch.types import BoolArray, FloatArray

MAX_LISTED: Final = 10_000
"""Of each kind of mistake; the others are counted."""
_DIGITS: Final = 6
_FACTS: Final = (
    "source_address",
    "source_transport_port",
    "destination_address",
    "destination_transport_port",
    "protocol_identifier",
    "flow_start",
    "flow_end",
    "community_id",
    "capture",
)


@dataclass(slots=True)
class Mistakes:
    """Mistakes of one kind: false alarms, or miners that were missed."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    """The first ``MAX_LISTED``."""
    total: int = 0

    def add(
        self,
        frame: pl.DataFrame,
        wrong: BoolArray,
        sources: list[str],
        capture: str,
        probability: FloatArray | None = None,
    ) -> None:
        """Add those of some conversations that are mistakes.

        Parameters
        ----------
        frame : the conversations; those that the gate stopped have ``gate_reason``.
        wrong : which are mistakes, shape (n,).
        sources : of each mistake, who recorded it.
        capture : name of the input.
        probability : of each conversation; None if they were not scored.
        """
        places = np.flatnonzero(wrong)
        self.total += len(places)
        places = places[: max(MAX_LISTED - len(self.rows), 0)]
        chosen = frame[places.tolist()]
        told = pl.DataFrame(
            {
                "source": sources[: len(places)],
                "probability": [None] * len(places)
                if probability is None
                else np.round(probability[places], _DIGITS),
                "gate_reason": chosen.get_column("gate_reason") if probability is None else None,
            },
            schema={"source": pl.String, "probability": pl.Float64, "gate_reason": pl.String},
        )
        table = with_time_text(facts(chosen, printable(capture))).select(_FACTS)
        self.rows += table.hstack(told).to_dicts()
