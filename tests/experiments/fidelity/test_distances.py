# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest
from scipy.stats import ks_2samp

from minewatch.experiments.fidelity.distances import (
    MOST_A_CONVERSATION,
    distance,
    kolmogorov_smirnov,
    sample,
    spread,
)


def _observed(values_by_conversation, measure="job gap"):
    return pl.concat(
        [
            pl.DataFrame(
                {
                    "measure": measure,
                    "source": "s",
                    "capture": f"c{number}",
                    "conversation": number,
                    "value": np.asarray(values, float),
                }
            )
            for number, values in enumerate(values_by_conversation)
        ]
    )


@pytest.mark.parametrize("shift", [0.0, 0.3, 5.0])
def test_the_statistic_is_scipys(shift):
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=200), rng.normal(shift, 2, size=333).round(1)
    assert kolmogorov_smirnov(a, b) == pytest.approx(ks_2samp(a, b).statistic)


def test_a_long_conversation_does_not_outweigh_the_others():
    observed = _observed([np.zeros(10_000), np.ones(100)])
    found = sample(observed, "job gap")
    assert len(found) == MOST_A_CONVERSATION + 100


def test_too_little_to_tell_is_none():
    few, many = _observed([np.arange(5)]), _observed([np.arange(50)])
    assert distance(few, many, "job gap") is None
    assert distance(many, many, "share gap") is None
    assert distance(many, many, "job gap") == 0


def test_spread_compares_captures():
    same, other = np.arange(30), np.arange(30) + 100
    found = spread(_observed([same, same, other]), "job gap")
    assert (found.pairs, found.median, found.highest) == (3, 1.0, 1.0)
    assert spread(_observed([same, same]), "job gap") is None
