# SPDX-License-Identifier: Apache-2.0
"""JSON Lines: one object of the contract a conversation."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from minewatch.output.destination import Destination
from minewatch.output.records import gated_records, records, with_time_text
from minewatch.types import Verdict


class JsonlWriter:
    """Writes one JSON object a line, ASCII only, without NaN.

    Parameters
    ----------
    destination : where the lines go.
    detectors : names of all detectors.
    prior : the base rate, for conversations that the gate stopped.
    """

    def __init__(self, destination: Destination, detectors: Sequence[str], prior: float) -> None:
        self._destination = destination
        self._detectors = detectors
        self._prior = prior

    def write(self, frame: pl.DataFrame, verdicts: Sequence[Verdict], capture: str) -> None:
        """Write conversations with their verdicts."""
        lines = [
            json.dumps(record, allow_nan=False, separators=(",", ":"))
            for record in records(frame, verdicts, capture)
        ]
        if lines:
            self._destination.write(("\n".join(lines) + "\n").encode("ascii"))

    def write_gated(self, gated: pl.DataFrame, capture: str) -> None:
        """Write conversations that the gate stopped."""
        table = gated_records(gated, self._prior, self._detectors, capture)
        self._destination.write(with_time_text(table).write_ndjson().encode())

    def finish(self) -> None:
        """Write what is left: nothing."""
