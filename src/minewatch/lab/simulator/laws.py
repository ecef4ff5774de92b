# SPDX-License-Identifier: Apache-2.0
"""Probability laws that can say what they are: the simulator's parameters use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Rng: TypeAlias = np.random.Generator
Floats: TypeAlias = npt.NDArray[np.float64]


class Law(Protocol):
    """A law of one number."""

    def draw(self, rng: Rng, n: int) -> Floats:
        """Return `n` independent values."""
        ...

    def __str__(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Lognormal:
    """Lognormal, cut to an interval (values outside land on its ends).

    Examples
    --------
    >>> law = Lognormal(0.03, 0.9, 0.001, 0.4)
    >>> str(law), bool((law.draw(np.random.default_rng(1), 100) <= 0.4).all())
    ('lognormal, median 0.03, sigma 0.9, 0.001 to 0.4', True)
    """

    median: float
    sigma: float
    low: float
    high: float

    def draw(self, rng: Rng, n: int) -> Floats:
        values = self.median * np.exp(self.sigma * rng.standard_normal(n))
        return np.clip(values, self.low, self.high)

    def __str__(self) -> str:
        return (
            f"lognormal, median {self.median:g}, sigma {self.sigma:g},"
            f" {self.low:g} to {self.high:g}"
        )


@dataclass(frozen=True, slots=True)
class Uniform:
    """Uniform between two ends.

    Examples
    --------
    >>> str(Uniform(1, 2))
    'uniform, 1 to 2'
    """

    low: float
    high: float

    def draw(self, rng: Rng, n: int) -> Floats:
        return rng.uniform(self.low, self.high, n)

    def __str__(self) -> str:
        return f"uniform, {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class LogUniform:
    """Uniform in the logarithm: every factor of ten is as likely as the next.

    Examples
    --------
    >>> str(LogUniform(1, 1000))
    'log-uniform, 1 to 1000'
    """

    low: float
    high: float

    def draw(self, rng: Rng, n: int) -> Floats:
        return np.exp(rng.uniform(np.log(self.low), np.log(self.high), n))

    def __str__(self) -> str:
        return f"log-uniform, {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class Pareto:
    """Heavy tail: P(X > x) = (low / x) ** alpha, cut at `high`.

    Examples
    --------
    >>> str(Pareto(1000, 1.2, 1e6))
    'Pareto, from 1000, alpha 1.2, at most 1e+06'
    """

    low: float
    alpha: float
    high: float

    def draw(self, rng: Rng, n: int) -> Floats:
        return np.minimum(self.low * (1.0 - rng.random(n)) ** (-1.0 / self.alpha), self.high)

    def __str__(self) -> str:
        return f"Pareto, from {self.low:g}, alpha {self.alpha:g}, at most {self.high:g}"


@dataclass(frozen=True, slots=True)
class Exponential:
    """Exponential, cut to an interval.

    Examples
    --------
    >>> str(Exponential(10, 0.1, 60))
    'exponential, mean 10, 0.1 to 60'
    """

    mean: float
    low: float
    high: float

    def draw(self, rng: Rng, n: int) -> Floats:
        return np.clip(rng.exponential(self.mean, n), self.low, self.high)

    def __str__(self) -> str:
        return f"exponential, mean {self.mean:g}, {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values, by weight.

    Examples
    --------
    >>> str(Choice({1460: 0.7, 1400: 0.3}))
    '1460 (70 %), 1400 (30 %)'
    """

    weights: dict[float, float]

    def draw(self, rng: Rng, n: int) -> Floats:
        shares = np.array(list(self.weights.values()))
        values = np.array(list(self.weights), np.float64)
        return rng.choice(values, n, p=shares / shares.sum())

    def __str__(self) -> str:
        total = sum(self.weights.values())
        return ", ".join(
            f"{v:g} ({w / total:.0%})".replace("%", " %") for v, w in self.weights.items()
        )


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same.

    Examples
    --------
    >>> str(Fixed(0.25))
    'always 0.25'
    """

    value: float

    def draw(self, rng: Rng, n: int) -> Floats:
        return np.full(n, float(self.value))

    def __str__(self) -> str:
        return f"always {self.value:g}"
