# SPDX-License-Identifier: Apache-2.0
"""What is found of miners that hide, by how they hide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from minewatch.experiments.benchmark.intervals import Draws, share
from minewatch.experiments.benchmark.scores import FUSED
from minewatch.experiments.benchmark.units import Units
from minewatch.experiments.paper.metrics import Interval
from minewatch.training.corpus.views import InputKind
from minewatch.types import BoolArray, FloatArray

BUDGET: Final = 10
WANTED: Final = 0.80
NOT_HIDING: Final = "none"
EVASIONS: Final = {
    "tls": "TLS",
    "proxy": "proxy",
    "padding": "padding",
    "throttle": "throttle",
    "port": "other port",
    "websocket": "web socket",
    "ssh": "SSH tunnel",
    "socks5": "SOCKS5",
    "hopping": "hopping",
    "jitter": "jitter",
}
"""Names that labels have for ways of hiding, and what the report calls them."""
ROWS: Final = {**EVASIONS, NOT_HIDING: "none of them"}
INPUTS: Final = (
    InputKind.NO_PAYLOAD,
    InputKind.PACKETS,
    InputKind.FLOWS_60,
    InputKind.FLOWS_600,
)


@dataclass(frozen=True, slots=True)
class Hidden:
    """Miners that hide in one way (and perhaps in others too), seen by one input."""

    mining: int
    found_trained: int | None
    """By the thresholds chosen in training; None if there are none."""
    trained: Interval | None
    found_own: int | None
    """By the threshold that spends the budget on real normal traffic; None without any."""
    own: Interval | None

    @property
    def recall(self) -> Interval:
        """Return the recall that the targets are about."""
        return self.own or self.trained or Interval(float("nan"))

    @property
    def found(self) -> int:
        """Return how many are found by the threshold of ``recall``."""
        return self.found_trained or 0 if self.found_own is None else self.found_own

    @property
    def reaches(self) -> bool | None:
        """Return whether the recall is what is wanted; None if there was nobody to find."""
        return None if np.isnan(self.recall.value) else self.recall.value >= WANTED


def hides_by(frame: pl.DataFrame, name: str) -> BoolArray:
    """Return which conversations hide in a way, shape (n,).

    Parameters
    ----------
    frame : with ``evasion`` and ``transport``, n rows.
    name : in ``ROWS``.

    Examples
    --------
    >>> frame = pl.DataFrame({"evasion": [None, "port+ssh", None], "transport": ["tcp", "tcp",
    ...     "tls1.3"]})
    >>> [hides_by(frame, name).tolist() for name in ("ssh", "tls", "none")]
    [[False, True, False], [False, False, True], [True, False, False]]
    """
    ways = pl.col("evasion").fill_null("").str.split("+").list
    in_tls = pl.col("transport").fill_null("").str.starts_with("tls")
    if name == NOT_HIDING:
        chosen = ~in_tls & (pl.col("evasion").fill_null("") == "")
    else:
        chosen = ways.contains(name) | (in_tls if name == "tls" else pl.lit(value=False))
    found: BoolArray = frame.select(chosen).to_series().to_numpy()
    return found


def hidden(units: Units, name: str, own_threshold: float, draws: Draws) -> Hidden:
    """Return what the joint verdict finds of those that hide in one way.

    Parameters
    ----------
    units : all conversations of one input.
    name : in ``ROWS``.
    own_threshold : that spends the budget on real normal traffic; NaN without any.
    draws : of the units' clusters.
    """
    asked = units.is_mining & hides_by(units.frame, name)
    scores, chosen = units.whole(FUSED), units.thresholds[FUSED, BUDGET]
    found_trained, trained = _found(units, asked, scores, chosen, draws)
    found_own, own = _found(units, asked, scores, np.full(len(units), own_threshold), draws)
    total = round(float(units.weight[asked].sum()))
    return Hidden(total, found_trained, trained, found_own, own)


def _found(
    units: Units, asked: BoolArray, scores: FloatArray, threshold: FloatArray, draws: Draws
) -> tuple[int | None, Interval | None]:
    if np.isnan(threshold).all():
        return None, None
    flagged = asked & (scores > threshold)
    hits = units.per_cluster(units.weight * flagged)
    recall = share(hits, units.per_cluster(units.weight * asked), draws)
    return round(float(hits.sum())), recall
