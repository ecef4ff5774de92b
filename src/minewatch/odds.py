# SPDX-License-Identifier: Apache-2.0
"""Probabilities and their log-odds, the scale on which evidence adds up."""

from __future__ import annotations

import math

import numpy as np

from minewatch.types import FloatArray


def logit(probability: float) -> float:
    """Return the log-odds of a probability between 0 and 1.

    Examples
    --------
    >>> logit(0.5)
    0.0
    """
    return math.log(probability / (1 - probability))


def log_odds(probability: FloatArray, margin: float) -> FloatArray:
    """Return the log-odds of probabilities, NaN where they are.

    Parameters
    ----------
    probability : in [0, 1].
    margin : how far from 0 and 1 they are kept, so that log-odds are finite.

    Examples
    --------
    >>> log_odds(np.array([0.0, 0.5, np.nan]), 0.01).round(3)
    array([-4.595,  0.   ,    nan])
    """
    inside = np.clip(probability, margin, 1 - margin)
    result: FloatArray = np.log(inside / (1 - inside))
    return result


def from_log_odds(values: FloatArray) -> FloatArray:
    """Return the probabilities of log-odds.

    Examples
    --------
    >>> from_log_odds(np.array([-np.inf, 0.0, np.inf]))
    array([0. , 0.5, 1. ])
    """
    result: FloatArray = 1 / (1 + np.exp(-values))
    return result
