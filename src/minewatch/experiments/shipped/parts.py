# SPDX-License-Identifier: Apache-2.0
"""Parts of what was measured: one kind of input, one source, or all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from minewatch.experiments.shipped.counting import Counts, summed
from minewatch.experiments.shipped.inputs import PACKETS
from minewatch.experiments.shipped.measure import Measured
from minewatch.experiments.shipped.wilson import Share


@dataclass(frozen=True, slots=True)
class Part:
    """Mining and normal conversations of one kind of input, of one source, or of all."""

    mining: Counts
    normal: Counts

    @property
    def found(self) -> Share:
        """Return how much of the mining was found, each kind of input at its own threshold."""
        return Share(self.mining.flagged, self.mining.conversations)

    @property
    def false_alarms(self) -> Share:
        """Return how many of the normal conversations were labelled mining, likewise."""
        return Share(self.normal.flagged, self.normal.conversations)

    def at(self, place: int) -> tuple[Share, Share]:
        """Return the same at one of the thresholds that were tried.

        Parameters
        ----------
        place : of the threshold in ``Measured.thresholds``.
        """
        return (
            Share(self.mining.at[place], self.mining.conversations),
            Share(self.normal.at[place], self.normal.conversations),
        )


def part_of(measured: Measured, kind: str | None = None, source: str | None = None) -> Part:
    """Return what was measured of one kind of input, of one source, of both at once, or of all.

    Parameters
    ----------
    measured : everything.
    kind : of input; None for all.
    source : who recorded it; None for all.
    """
    cells = [
        cell
        for cell in measured.cells
        if kind in (None, cell.kind) and source in (None, cell.source)
    ]
    mining, normal = (
        summed(
            (cell.counts for cell in cells if cell.is_mining is is_mining),
            len(measured.thresholds),
        )
        for is_mining in (True, False)
    )
    return Part(mining, normal)


def kinds_of(measured: Measured, source: str | None = None) -> list[str]:
    """Return the kinds of input of which something is labelled, packets first.

    Parameters
    ----------
    measured : everything.
    source : whose; None for all.
    """
    kinds = {cell.kind for cell in measured.cells if source in (None, cell.source)}
    return sorted(kinds, key=lambda kind: (kind != PACKETS, kind))


def sources_of(measured: Measured) -> list[str]:
    """Return the sources of which something is labelled, sorted.

    Parameters
    ----------
    measured : everything.
    """
    return sorted({cell.source for cell in measured.cells})


def at_all(measured: Measured, part: Part) -> Iterable[tuple[float, tuple[Share, Share]]]:
    """Return each threshold that was tried, with what was found and the false alarms there.

    Parameters
    ----------
    measured : everything.
    part : of which conversations.
    """
    return [(one, part.at(place)) for place, one in enumerate(measured.thresholds)]
