# SPDX-License-Identifier: Apache-2.0
"""Belief in mining after Dempster and Shafer: masses for, against, and for not knowing.

A source of evidence divides a mass of 1 among *mining*, *normal* and *either*. What it gives to
*either* it does not know. Dempster's rule joins sources that are independent of each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from minewatch.types import FloatArray


@dataclass(frozen=True, slots=True)
class Mass:
    """What one source believes of n conversations; the three add up to 1 in each.

    Parameters
    ----------
    mining : mass for mining, shape (n,).
    normal : mass for normal, shape (n,).
    either : mass that decides nothing, shape (n,).

    References
    ----------
    .. [1] G. Shafer, "A Mathematical Theory of Evidence", Princeton University Press, 1976.
    .. [2] P. Smets, R. Kennes, "The transferable belief model", Artificial Intelligence 66, 1994
       (the pignistic probability).
    """

    mining: FloatArray
    normal: FloatArray
    either: FloatArray

    def pignistic(self) -> FloatArray:
        """Return the probability of mining to bet on, shape (n,): what is open is halved.

        Examples
        --------
        >>> Mass(np.array([0.5]), np.array([0.1]), np.array([0.4])).pignistic()
        array([0.7])
        """
        probability: FloatArray = self.mining + self.either / 2
        return probability

    def log_odds(self) -> FloatArray:
        """Return the log-odds of the pignistic probability, exact near 0 and 1, shape (n,).

        Examples
        --------
        >>> Mass(np.array([0.0]), np.array([0.0]), np.array([1.0])).log_odds()
        array([0.])
        """
        for_mining, for_normal = self.mining + self.either / 2, self.normal + self.either / 2
        with np.errstate(divide="ignore"):
            difference: FloatArray = np.log(for_mining) - np.log(for_normal)
        return difference


def certain(probability: FloatArray) -> Mass:
    """Return the masses of a source that takes its probability for the whole truth.

    Parameters
    ----------
    probability : of mining, shape (n,); NaN where the source is silent, and nothing is known.

    Examples
    --------
    >>> mass = certain(np.array([0.9, np.nan]))
    >>> mass.mining, mass.either
    (array([0.9, 0. ]), array([0., 1.]))
    """
    is_silent = np.isnan(probability)
    mining = np.where(is_silent, 0.0, probability)
    return Mass(mining, np.where(is_silent, 0.0, 1 - probability), is_silent.astype(np.float64))


def supporting(mining: FloatArray, normal: FloatArray) -> Mass:
    """Return the masses of a source that leaves open what it does not give to either side.

    Parameters
    ----------
    mining : mass for mining, shape (n,).
    normal : mass for normal, shape (n,).

    Examples
    --------
    >>> supporting(np.array([0.75]), np.array([0.0])).either
    array([0.25])
    """
    return Mass(mining, normal, 1 - mining - normal)


def conflict(one: Mass, other: Mass) -> FloatArray:
    """Return the mass that two sources give to contradictions, shape (n,).

    Parameters
    ----------
    one : a source.
    other : another.

    Examples
    --------
    >>> conflict(certain(np.array([0.9])), certain(np.array([0.25]))).round(3)
    array([0.7])
    """
    against: FloatArray = one.mining * other.normal + one.normal * other.mining
    return against


def combined(sources: Iterable[Mass]) -> Mass:
    """Return what independent sources believe together, by Dempster's rule.

    Contradictions are left out and the rest scaled to 1 again. Where sources contradict each other
    wholly nothing is left, the rule is undefined, and every mass is NaN.

    Parameters
    ----------
    sources : one or more, of as many conversations each.

    Examples
    --------
    By hand: 0.9 for and 0.1 against, with 0.6 for and 0.4 open. For mining
    0.9 * 0.6 + 0.9 * 0.4 = 0.9, for normal 0.1 * 0.4 = 0.04, contradiction 0.1 * 0.6 = 0.06;
    0.9 / 0.94 and 0.04 / 0.94:

    >>> rule = certain(np.array([0.9]))
    >>> mass = combined([rule, supporting(np.array([0.6]), np.array([0.0]))])
    >>> mass.mining.round(4), mass.normal.round(4), mass.either
    (array([0.9574]), array([0.0426]), array([0.]))

    Who knows nothing changes nothing; two who are sure of opposites leave nothing:

    >>> combined([rule, certain(np.array([np.nan]))]).pignistic()
    array([0.9])
    >>> combined([certain(np.array([1.0])), certain(np.array([0.0]))]).pignistic()
    array([nan])
    """
    return reduce(_joined, sources)


def _joined(one: Mass, other: Mass) -> Mass:
    """Dempster's rule for two sources."""
    kept = 1 - conflict(one, other)
    kept = np.where(kept > 0, kept, np.nan)
    return Mass(
        (one.mining * (other.mining + other.either) + one.either * other.mining) / kept,
        (one.normal * (other.normal + other.either) + one.either * other.normal) / kept,
        one.either * other.either / kept,
    )
