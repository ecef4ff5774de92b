# SPDX-License-Identifier: Apache-2.0
"""Openings of conversations as they might have been: what the sequence network is fitted to.

A network that has seen the few dialects there are learns their sizes by heart. So each row is
varied anew whenever it is drawn, mining and normal alike.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.features.opening import N_MESSAGES
from minewatch.training.sequence_layers import channels_of, kinds_of
from minewatch.types import Float32Array

SHORTENED: Final = 0.5
"""Share of rows of which only so many messages have been seen."""
LEAST_MESSAGES: Final = 6
SHIFTED: Final = 0.5
MOST_SHIFT: Final = 64
"""Octets that a tunnel adds to each message, at most: TLS 17 to 29, SSH 36 to 52."""
SIZE_SPREAD: Final = 0.3
"""Of the logarithm by which each side's messages are longer or shorter: other dialects, other
names of workers."""
PACE_SPREAD: Final = 0.4
"""Of the logarithm by which all gaps are longer or shorter."""


def varied_channels(values: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Return ``channels_of`` the rows, varied.

    Parameters
    ----------
    values : shape (n, n_features), NaN after the last message.
    rng : of the draws.
    """
    n = len(values)
    octets, is_sent, gap, step = kinds_of(values)
    count = np.isfinite(octets).sum(axis=1)
    shorter = rng.integers(LEAST_MESSAGES, np.maximum(count, LEAST_MESSAGES) + 1)
    kept = np.where(rng.random(n) < SHORTENED, shorter, N_MESSAGES)
    gone = np.arange(N_MESSAGES) >= kept[:, None]
    shift = np.where(rng.random(n) < SHIFTED, rng.integers(0, MOST_SHIFT + 1, n), 0)[:, None]
    factor = np.exp(rng.normal(0, SIZE_SPREAD, (n, 2, 1)))
    side = np.where(is_sent == 1, factor[:, 0], factor[:, 1])
    pace = np.exp(rng.normal(0, PACE_SPREAD, (n, 1)))
    changed = (octets * side + shift, is_sent, gap * pace, step * side)
    kinds = [np.where(gone, np.nan, one).astype(np.float32) for one in changed]
    return channels_of(np.hstack([kinds[0], kinds[1], kinds[2][:, 1:], kinds[3][:, 1:]]))
