# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.lab.simulator.laws import (
    Choice,
    Exponential,
    Law,
    Lognormal,
    LogUniform,
    Pareto,
    Uniform,
)

RNG = np.random.default_rng(3)
N = 40_000


@pytest.mark.parametrize(
    ("law", "low", "high", "median"),
    [
        (Lognormal(2.0, 0.5, 0.1, 100), 0.1, 100, 2.0),
        (Uniform(1.0, 3.0), 1, 3, 2.0),
        (LogUniform(1.0, 100.0), 1, 100, 10.0),
        (Pareto(10.0, 1.2, 1e5), 10, 1e5, 10 * 2 ** (1 / 1.2)),
        (Exponential(10.0, 0.5, 60.0), 0.5, 60, 10 * np.log(2)),
    ],
)
def test_a_law_keeps_its_bounds_and_its_middle(law: Law, low: float, high: float, median: float):
    values = law.draw(RNG, N)
    assert values.shape == (N,)
    assert low <= values.min()
    assert values.max() <= high
    assert np.median(values) == pytest.approx(median, rel=0.03)


def test_a_choice_follows_its_weights():
    values = Choice({1460: 3.0, 1400: 1.0}).draw(RNG, N)
    assert set(values) == {1460.0, 1400.0}
    assert (values == 1460).mean() == pytest.approx(0.75, abs=0.01)
    assert str(Choice({1460: 3.0, 1400: 1.0})) == "1460 (75 %), 1400 (25 %)"
