# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.detectors.dempster_shafer import Mass, certain, combined, conflict, supporting
from minewatch.odds import log_odds


def one(mining: float, normal: float) -> Mass:
    return supporting(np.array([mining]), np.array([normal]))


def parts(mass: Mass) -> list[float]:
    return [float(part[0]) for part in (mass.mining, mass.normal, mass.either)]


# By hand. 1: 0.5*0.4 + 0.5*0.3 + 0.2*0.4 = 0.43 for, 0.3*0.3 + 0.3*0.3 + 0.2*0.3 = 0.24 against,
# 0.2*0.3 = 0.06 open, 0.5*0.3 + 0.3*0.4 = 0.27 contradiction. 2: none contradicts. 3: Zadeh's.
BY_HAND = [
    (one(0.5, 0.3), one(0.4, 0.3), [0.43 / 0.73, 0.24 / 0.73, 0.06 / 0.73]),
    (one(0.6, 0.0), one(0.5, 0.0), [0.8, 0.0, 0.2]),
    (one(0.99, 0.0), one(0.0, 0.99), [0.0099 / 0.0199, 0.0099 / 0.0199, 0.0001 / 0.0199]),
]


@pytest.mark.parametrize(("left", "right", "expected"), BY_HAND)
def test_what_was_reckoned_by_hand(left, right, expected):
    np.testing.assert_allclose(parts(combined([left, right])), expected, rtol=1e-12)
    np.testing.assert_allclose(parts(combined([right, left])), expected, rtol=1e-12)


def test_the_order_of_sources_does_not_matter_and_masses_add_up():
    rng = np.random.default_rng(3)
    masses = [Mass(*rng.dirichlet((1, 1, 1), 50).T) for _ in range(4)]
    forward, backward = combined(masses), combined(masses[::-1])
    np.testing.assert_allclose(forward.mining, backward.mining, rtol=1e-9)
    np.testing.assert_allclose(forward.mining + forward.normal + forward.either, 1.0)


def test_certain_sources_multiply_odds():
    left, right = np.array([0.9, 0.2, 0.5]), np.array([0.7, 0.4, 0.1])
    joint = combined([certain(left), certain(right)])
    np.testing.assert_allclose(
        joint.log_odds(), log_odds(left, 1e-9) + log_odds(right, 1e-9), atol=1e-12
    )
    np.testing.assert_array_equal(joint.either, 0.0)


def test_full_conflict_is_undefined_in_its_row_alone():
    left, right = certain(np.array([1.0, 1.0])), certain(np.array([0.0, 0.5]))
    joint = combined([left, right])
    np.testing.assert_array_equal(conflict(left, right), [1.0, 0.5])
    assert np.isnan([joint.mining[0], joint.normal[0], joint.either[0]]).all()
    assert parts(Mass(joint.mining[1:], joint.normal[1:], joint.either[1:])) == [1.0, 0.0, 0.0]


def test_log_odds_stay_exact_where_the_probability_is_rounded_to_one():
    mass = supporting(np.array([1.0]), np.array([0.0]))
    assert mass.log_odds() == np.inf
    close = Mass(np.array([1.0]), np.array([1e-20]), np.array([0.0]))
    assert close.log_odds()[0] == pytest.approx(20 * np.log(10))


def test_a_silent_source_leaves_all_open():
    assert parts(certain(np.array([np.nan]))) == [0.0, 0.0, 1.0]
