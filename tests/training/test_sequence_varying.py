# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.features.opening import N_MESSAGES, OpeningFeatures
from minewatch.training.sequence_layers import GAP_S, GAP_SCALE, SIZE_SCALE, channels_of
from minewatch.training.sequence_varying import LEAST_MESSAGES, MOST_SHIFT, varied_channels
from talks import heard

TALK = [(3.0 * at, at % 2 == 0, 200 + 50 * (at % 3)) for at in range(N_MESSAGES)]
VALUES = np.repeat(OpeningFeatures().transform(heard(TALK)).values, 400, axis=0)


def _varied(seed: int = 0) -> np.ndarray:
    return varied_channels(VALUES, np.random.default_rng(seed))


def test_half_of_the_rows_are_shorter_and_none_too_short():
    count = _varied()[:, 0].sum(axis=1)
    assert 0.4 < (count < N_MESSAGES).mean() < 0.6
    assert count.min() == LEAST_MESSAGES


def test_what_is_cut_off_is_not_known():
    found = _varied()
    assert (found[:, 1:] * (1 - found[:, :1]) == 0).all()


def test_short_conversations_stay_as_long_as_they_are():
    given = OpeningFeatures().transform(heard(TALK[:4])).values
    for seed in range(20):
        found = varied_channels(given, np.random.default_rng(seed))
        assert found[0, 0].sum() == 4


def test_who_speaks_and_which_sizes_repeat_stays():
    plain, found = channels_of(VALUES), _varied()
    for channel in (2, 5, 6):
        np.testing.assert_array_equal(found[:, channel], plain[:, channel] * found[:, 0])


def test_sizes_gaps_and_steps_differ_from_row_to_row():
    found = _varied()
    sizes = np.exp(found[:, 1, :LEAST_MESSAGES] * SIZE_SCALE) - 1
    gaps = np.expm1(found[:, 3, 1:LEAST_MESSAGES] * GAP_SCALE) * GAP_S
    assert len(np.unique(sizes[:, 0])) == len(np.unique(gaps[:, 0].round(6))) == 400
    np.testing.assert_allclose(gaps, np.repeat(gaps[:, :1], gaps.shape[1], axis=1), rtol=1e-3)
    assert 2.0 < np.median(gaps) < 4.5
    assert 200 < np.median(sizes[:, 0]) < 200 + MOST_SHIFT
    # Messages 1 and 3 of a side differ in size by what the step says, whatever was added to both.
    steps = np.sign(found[:, 4, 2]) * np.expm1(np.abs(found[:, 4, 2]) * SIZE_SCALE)
    np.testing.assert_allclose(sizes[:, 2] - sizes[:, 0], steps, rtol=1e-2)


def test_the_same_draws_give_the_same_rows():
    np.testing.assert_array_equal(_varied(), _varied())
    assert (_varied() != _varied(1)).any()
