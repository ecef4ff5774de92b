# SPDX-License-Identifier: Apache-2.0
"""How far a verdict on sampled packets is to be believed."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from minewatch.odds import from_log_odds, log_odds, logit
from minewatch.schema import SAMPLING
from minewatch.types import FloatArray

HALF_PACKETS: Final = 20.0
"""Packets really seen at which thinly sampled evidence counts half. Chosen with sight of logs of
one packet in ten: docs/models/fusion.md."""
_CERTAIN: Final = 1e-9


def believed_share(frame: pl.DataFrame) -> FloatArray:
    """Return which part of its evidence each conversation keeps, in (0, 1], shape (n,).

    With ``n`` packets seen, each standing for ``N``: ``n / (n + HALF_PACKETS * (1 - 1 / N))``. It
    is 1 where all packets were counted, and where it is not known that they were not.

    Parameters
    ----------
    frame : columns of ``schema.CONVERSATION``, and ``SAMPLING`` if the input tells of it.

    Examples
    --------
    >>> counts = {"packet_delta_count": [2000, 2000], "reverse_packet_delta_count": [0, None]}
    >>> believed_share(pl.DataFrame({**counts, SAMPLING: [1, 100]})).round(3)
    array([1.   , 0.503])
    """
    if SAMPLING not in frame.columns:
        return np.ones(frame.height)
    interval = frame[SAMPLING].cast(pl.Float64).fill_null(1.0).to_numpy()
    interval = np.maximum(interval, 1.0)
    counted = np.zeros(frame.height)
    for name in ("packet_delta_count", "reverse_packet_delta_count"):
        counted += frame[name].cast(pl.Float64).fill_null(0.0).to_numpy()
    seen = counted / interval
    missed = HALF_PACKETS * (1.0 - 1.0 / interval)
    share: FloatArray = np.where(missed > 0, seen / np.maximum(seen + missed, 1e-12), 1.0)
    return share


def with_sampling(probability: FloatArray, frame: pl.DataFrame, prior: float) -> FloatArray:
    """Return probabilities drawn towards the prior as far as sampling left packets out.

    Parameters
    ----------
    probability : fused, shape (n,).
    frame : the same n conversations; see ``believed_share``.
    prior : share of mining among all conversations, in (0, 1).

    Examples
    --------
    >>> counts = {"packet_delta_count": [2000], "reverse_packet_delta_count": [0]}
    >>> frame = pl.DataFrame({**counts, SAMPLING: [100]})
    >>> with_sampling(np.array([0.9]), frame, 0.002).round(3)
    array([0.121])
    """
    share = believed_share(frame)
    moved = log_odds(probability, _CERTAIN) - logit(prior)
    drawn: FloatArray = np.where(
        share < 1.0, from_log_odds(logit(prior) + share * moved), probability
    )
    return drawn
