# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.detectors.fusion import DEFAULT_PARTS, Fusion
from minewatch.training.weights import fit_parts

N = 2000
IS_MINING = np.arange(N) < 200


def probability(log_odds):
    return 1 / (1 + np.exp(-log_odds))


@pytest.fixture
def calibrated(rng):
    """A detector that is right about its own odds at the base rate."""
    prior = np.log(0.002 / 0.998)
    return probability(prior + rng.normal(0, 2, N) + np.where(IS_MINING, 2, -2))


def test_a_calibrated_detector_is_taken_at_its_word(calibrated):
    fitted = fit_parts({"flowstats": calibrated}, IS_MINING, Fusion())
    assert fitted["flowstats"].weight == pytest.approx(1, abs=0.3)
    assert fitted["flowstats"].ceiling == DEFAULT_PARTS["flowstats"].ceiling
    assert fitted["signature"] == DEFAULT_PARTS["signature"]


def test_a_detector_that_is_wrong_gets_next_to_no_weight(calibrated):
    wrong = 1 - calibrated
    assert fit_parts({"flowstats": wrong}, IS_MINING, Fusion())["flowstats"].weight < 0.01


def test_two_that_say_the_same_share_the_weight(calibrated):
    scores = {"flowstats": calibrated, "rhythm": calibrated}
    fitted = fit_parts(scores, IS_MINING, Fusion())
    together = fitted["flowstats"].weight + fitted["rhythm"].weight
    assert together < 1.6
    assert min(fitted["flowstats"].weight, fitted["rhythm"].weight) >= 0


def test_unready_scores_are_silent(calibrated):
    scores = {"flowstats": calibrated, "rhythm": np.full(N, np.nan)}
    alone = fit_parts({"flowstats": calibrated}, IS_MINING, Fusion())
    fitted = fit_parts(scores, IS_MINING, Fusion())
    assert fitted["flowstats"].weight == pytest.approx(alone["flowstats"].weight, abs=1e-3)
    assert fitted["rhythm"].weight == pytest.approx(1)


def test_a_weight_is_never_below_zero():
    surely_wrong = probability(np.where(IS_MINING, -5.0, 5.0))
    fitted = fit_parts({"rhythm": surely_wrong}, IS_MINING, Fusion())
    assert fitted["rhythm"].weight == 0
