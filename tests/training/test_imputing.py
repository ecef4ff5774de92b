# SPDX-License-Identifier: Apache-2.0
import numpy as np
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler

from minewatch.training.imputing import with_medians

VALUES = np.array([[1.0], [2.0], [2.0], [9.0], [10.0], [11.0]], np.float32)
LABELS = np.array([0, 0, 0, 1, 1, 1])


def test_unknown_is_scored_as_the_median():
    fitted = with_medians(StandardScaler(), GaussianNB()).fit(VALUES, LABELS, np.ones(6))
    unknown, median = fitted.predict_proba(np.array([[np.nan], [5.5]], np.float32))
    np.testing.assert_array_equal(unknown, median)


def test_a_feature_that_is_never_known_stays_a_column():
    values = np.column_stack([VALUES[:, 0], np.full(6, np.nan, np.float32)])
    fitted = with_medians(GaussianNB()).fit(values, LABELS, np.ones(6))
    assert fitted.predict_proba(values)[:, 1].round(2).tolist() == [0, 0, 0, 1, 1, 1]
    assert fitted.steps[-1][1].n_features_in_ == 2


def test_weights_reach_the_last_step():
    weights = np.array([1.0, 1.0, 1.0, 9.0, 9.0, 9.0])
    fitted = with_medians(GaussianNB()).fit(VALUES, LABELS, weights)
    np.testing.assert_allclose(fitted.steps[-1][1].class_prior_, [0.1, 0.9])
