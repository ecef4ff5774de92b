# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from minewatch.odds import from_log_odds, log_odds, logit


def test_log_odds_of_a_probability():
    assert logit(0.9) == pytest.approx(math.log(9))
    assert log_odds(np.array([0.9]), 1e-9).item() == pytest.approx(logit(0.9))


def test_certainty_is_kept_finite_and_the_unknown_unknown():
    found = log_odds(np.array([0.0, 1.0, np.nan]), 1e-6)
    assert found[:2] == pytest.approx([-logit(1 - 1e-6), logit(1 - 1e-6)])
    assert np.isnan(found[2])


def test_there_and_back_again():
    given = np.array([0.001, 0.5, 0.999])
    assert from_log_odds(log_odds(given, 1e-9)) == pytest.approx(given)
