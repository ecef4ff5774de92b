# SPDX-License-Identifier: Apache-2.0
"""The paper's measures, and intervals from resampling whole hosts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.experiments.paper.samples import IntArray
from minewatch.types import BoolArray, FloatArray

RESAMPLES: Final = 1000
CONFIDENCE: Final = 0.95
_AT_A_TIME: Final = 100


def f1_of(hits: FloatArray, predicted: FloatArray, actual: FloatArray) -> FloatArray:
    """Return the paper's equation 3 for each class; 0 where nothing was, or should have been, hit.

    Parameters
    ----------
    hits : true positives of each class, shape (..., n_classes).
    predicted : how often each class was said, same shape.
    actual : how often it was right to say, same shape.
    """
    total = predicted + actual
    return np.divide(2 * hits, total, out=np.zeros_like(total), where=total > 0)


def confusion(actual: IntArray, predicted: IntArray, n_classes: int) -> FloatArray:
    """Return how often each class (row) was called each class (column).

    Parameters
    ----------
    actual : right classes, 0 to ``n_classes`` - 1, shape (n,).
    predicted : classes said, shape (n,).
    n_classes : number of classes.
    """
    places = actual * n_classes + predicted
    counts = np.bincount(places, minlength=n_classes * n_classes)
    return counts.reshape(n_classes, n_classes).astype(np.float64)


def class_f1(matrix: FloatArray) -> FloatArray:
    """Return the F1 of each class of confusion matrices, shape (..., n_classes)."""
    return f1_of(np.einsum("...ii->...i", matrix), matrix.sum(axis=-2), matrix.sum(axis=-1))


def macro_f1(matrix: FloatArray) -> FloatArray:
    """Return the mean of the classes' F1 over classes that occur.

    Examples
    --------
    All called normal, at the paper's composition:

    >>> actual = np.array([0] * 84_187 + [1] * 157)
    >>> round(100 * float(macro_f1(confusion(actual, np.zeros_like(actual), 2))), 3)
    49.953
    """
    occurs = (matrix.sum(axis=-2) + matrix.sum(axis=-1)) > 0
    result: FloatArray = (class_f1(matrix) * occurs).sum(axis=-1) / occurs.sum(axis=-1)
    return result


def ranks(scores: FloatArray) -> FloatArray:
    """Return the rank of each score, 1 for the lowest; equal scores share their mean rank.

    Examples
    --------
    >>> ranks(np.array([0.1, 0.9, 0.1])).tolist()
    [1.5, 3.0, 1.5]
    """
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[place]


def auc(is_positive: BoolArray, scores: FloatArray) -> float:
    """Return the paper's equation 4 in the form that its source has: ``n_p (n_p + 1) / 2``.

    Parameters
    ----------
    is_positive : labels, both of them present, shape (n,).
    scores : higher is more suspicious, shape (n,); labels said, 0 or 1, will do.

    References
    ----------
    .. [1] Huang and Ling, "Using AUC and accuracy in evaluating learning algorithms", 2005, eq. 1.

    Examples
    --------
    >>> auc(np.array([False, True, False, True]), np.array([0.1, 0.4, 0.6, 0.9]))
    0.75
    >>> auc(np.array([False, True, False]), np.zeros(3))
    0.5
    """
    n_p = int(is_positive.sum())
    n_n = len(is_positive) - n_p
    s_p = float(ranks(scores)[is_positive].sum())
    return (s_p - n_p * (n_p + 1) / 2) / (n_p * n_n)


def auc_as_printed(is_positive: BoolArray, scores: FloatArray) -> float:
    """Return equation 4 to the letter: with ``n_p (n_n + 1) / 2``, which is no AUC.

    Parameters
    ----------
    is_positive : labels, both of them present, shape (n,).
    scores : higher is more suspicious, shape (n,).

    Examples
    --------
    A perfect ranking of 31 miners among 16,838 others:

    >>> is_positive = np.arange(16_869) >= 16_838
    >>> round(auc_as_printed(is_positive, is_positive.astype(float)), 4)
    0.5009
    """
    n_p = int(is_positive.sum())
    n_n = len(is_positive) - n_p
    s_p = float(ranks(scores)[is_positive].sum())
    return (s_p - n_p * (n_n + 1) / 2) / (n_p * n_n)


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its bounds; NaN where it cannot be told."""

    value: float
    low: float = float("nan")
    high: float = float("nan")


def drawn_hosts(n_hosts: int, seed: int) -> FloatArray:
    """Return how often each host is drawn in each resample, shape (RESAMPLES, n_hosts)."""
    drawn = np.random.default_rng(seed).integers(0, n_hosts, (RESAMPLES, n_hosts))
    return np.apply_along_axis(np.bincount, 1, drawn, minlength=n_hosts).astype(np.float64)


def by_host(
    value: float,
    matrices: FloatArray,
    measure: Callable[[FloatArray], FloatArray],
    seed: int,
) -> Interval:
    """Return a measure of confusion matrices with its interval over hosts.

    Parameters
    ----------
    value : the estimate itself.
    matrices : confusion matrix of each host, shape (n_hosts, n_classes, n_classes).
    measure : from matrices to numbers, such as ``macro_f1``.
    seed : of the resampling.
    """
    resampled = np.tensordot(drawn_hosts(len(matrices), seed), matrices, axes=1)
    is_whole = (resampled.sum(axis=2) > 0).sum(axis=1) == (matrices.sum(axis=(0, 2)) > 0).sum()
    return _with_bounds(value, measure(resampled[is_whole]))


def auc_by_host(is_positive: BoolArray, scores: FloatArray, hosts: IntArray, seed: int) -> Interval:
    """Return the AUC with its interval over hosts; resamples without both labels are left out.

    Parameters
    ----------
    is_positive : labels, shape (n,).
    scores : higher is more suspicious, shape (n,).
    hosts : host of each row as a number from 0, shape (n,).
    seed : of the resampling.
    """
    if not 0 < is_positive.sum() < len(is_positive):
        return Interval(float("nan"))
    _, place = np.unique(scores, return_inverse=True)
    n_hosts, n_scores = int(hosts.max()) + 1, int(place.max()) + 1
    table = np.zeros((2, n_hosts, n_scores))
    np.add.at(table, (is_positive.astype(np.int64), hosts, place), 1.0)
    results = []
    weights = drawn_hosts(n_hosts, seed)
    for start in range(0, RESAMPLES, _AT_A_TIME):
        chosen = weights[start : start + _AT_A_TIME]
        negative, positive = chosen @ table[0], chosen @ table[1]
        below = np.cumsum(negative, axis=1) - negative / 2
        area = (positive * below).sum(axis=1)
        whole = positive.sum(axis=1) * negative.sum(axis=1)
        results.append(area[whole > 0] / whole[whole > 0])
    return _with_bounds(auc(is_positive, scores), np.concatenate(results))


def _with_bounds(value: float, resampled: FloatArray) -> Interval:
    if len(resampled) < RESAMPLES // 10:
        return Interval(value)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(resampled, (tail, 1 - tail))
    return Interval(value, float(low), float(high))
