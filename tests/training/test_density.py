# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from scipy.stats import norm

from minewatch.training.density import BANDWIDTH, FLOOR, GAIN, MiningDensity


def clusters(n, seed):
    """Two kinds of mining in three features, the last of which the second kind does not know."""
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(0, 0.1, (n, 3))) * [200.0, 0.5, 30.0]
    values[n // 2 :] *= [6, 8, 1]
    values[n // 2 :, 2] = np.nan
    return values.astype(np.float32)


def ones(values):
    return np.ones(len(values), np.int64)


@pytest.fixture(scope="module")
def fitted():
    values = clusters(400, 0)
    return MiningDensity(4).fit(values, ones(values))


def test_mining_not_seen_is_dense_and_all_else_is_not(fitted):
    mining = fitted.predict_proba(clusters(400, 1))[:, 1]
    between = fitted.predict_proba(np.float32([[500, 1.5, 30], [200, 0.5, 3000], [0, 0, 0]]))[:, 1]
    assert np.quantile(mining, 0.1) > between.max()
    assert np.quantile(mining, 0.05) == pytest.approx(0.5, abs=0.2)
    assert (mining < 1).all()


def test_shares_for_and_against_are_one_together(fitted):
    both = fitted.predict_proba(clusters(10, 2))
    assert both.shape == (10, 2)
    np.testing.assert_allclose(both.sum(axis=1), 1)


def test_what_is_unknown_is_left_out(fitted):
    """With its strange last feature hidden, mining is mining again."""
    strange = clusters(400, 3)[:200]
    strange[:, 2] *= 100
    hidden = strange.copy()
    hidden[:, 2] = np.nan
    before, after = (fitted.predict_proba(values)[:, 1] for values in (strange, hidden))
    assert before.max() < 0.05
    assert np.median(after) > 0.5
    nothing = fitted.predict_proba(np.full((1, 3), np.nan, np.float32))
    assert np.isfinite(nothing).all()


def test_far_outliers_are_all_the_same(fitted):
    """Mining of a kind that was not learnt from is never out of the question."""
    found = fitted.predict_proba(np.float32([[2e6, 9e3, 4e6], [1e-3, 9e7, 4e9]]))[:, 1]
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-FLOOR)), rtol=1e-3)


def test_one_prototype_is_a_normal_law_of_the_logarithms():
    rng = np.random.default_rng(4)
    values = np.exp(rng.normal(3, 0.5, (500, 1))).astype(np.float32)
    fitted = MiningDensity(1).fit(values, ones(values))
    logs = np.log1p(values[:, 0] / np.median(values))
    z = (logs - logs.mean()) / logs.std()
    expected = norm.logpdf(z, scale=np.sqrt(1 + BANDWIDTH**2))
    zero = np.quantile(expected, 0.05)
    assert fitted.mixture.zero == pytest.approx(zero, rel=1e-3)
    expected_odds = np.logaddexp(GAIN * (expected - zero), FLOOR)
    found = fitted.predict_proba(values)[:, 1]
    np.testing.assert_allclose(np.log(found / (1 - found)), expected_odds, atol=1e-2)


def test_a_heavy_row_counts_as_many_light_ones():
    values = np.concatenate([np.full((50, 1), 10.0), np.full((50, 1), 1000.0)]).astype(np.float32)
    values *= np.linspace(0.9, 1.1, 100, dtype=np.float32)[:, None]
    weight = np.where(np.arange(100) < 50, 99.0, 1.0)
    fitted = MiningDensity(2).fit(values, ones(values), weight)
    low, high = fitted.predict_proba(np.float32([[10], [1000]]))[:, 1]
    assert low > high
    assert sorted(np.exp(fitted.mixture.weight).round(2)) == [0.01, 0.99]


def test_a_feature_never_known_in_mining_does_not_count():
    values = clusters(100, 5)
    values[:, 2] = np.nan
    fitted = MiningDensity(4).fit(values, ones(values))
    row = np.float32([[200, 0.5, 7], [200, 0.5, np.nan]])
    with_it, without = fitted.predict_proba(row)[:, 1]
    assert with_it == without


def test_normal_rows_are_refused():
    values = clusters(20, 6)
    with pytest.raises(ValueError, match="mining alone"):
        MiningDensity(2).fit(values, np.arange(20) % 2)


def test_the_same_rows_give_the_same_model():
    values = clusters(100, 7)
    one, two = (MiningDensity(4, seed=1).fit(values, ones(values)) for _ in range(2))
    np.testing.assert_array_equal(one.predict_proba(values), two.predict_proba(values))
