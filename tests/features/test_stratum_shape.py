# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.features.stratum_messages import MESSAGE_FEATURES
from minewatch.features.stratum_records import TOTALS
from minewatch.features.stratum_shape import StratumShapeFeatures
from minewatch.testing import check_feature_set, conversations


def test_the_feature_set_conforms():
    check_feature_set(StratumShapeFeatures())


def test_totals_alone_say_nothing_of_messages_or_of_variation():
    features = StratumShapeFeatures()
    values = features.transform(conversations(3)).values
    known = np.isfinite(values).all(axis=0)
    assert np.array(features.feature_names)[known].tolist() == [name for name, _, _ in TOTALS]
    assert np.isfinite(values).any(axis=0).sum() == len(TOTALS)
    assert not known[: len(MESSAGE_FEATURES)].any()


def test_no_feature_is_named_twice():
    names = StratumShapeFeatures().feature_names
    assert len(set(names)) == len(names)
