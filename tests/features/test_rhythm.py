# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.contracts import FeatureSet
from minewatch.features.rhythm import FAMILIES, RhythmFeatures
from minewatch.testing import check_feature_set, conversations
from talks import heard

TALK = [one for n in range(20) for one in ((9 * n, True, 150), (9 * n + 0.1, False, 60))]


def test_it_conforms():
    assert isinstance(RhythmFeatures(), FeatureSet)
    check_feature_set(RhythmFeatures())


def test_it_is_its_families_side_by_side():
    rhythm = RhythmFeatures()
    found = rhythm.transform(heard(TALK, TALK[3:]))
    start = 0
    for part in FAMILIES:
        stop = start + len(part.feature_names)
        assert rhythm.feature_names[start:stop] == part.feature_names
        assert rhythm.feature_units[start:stop] == part.feature_units
        assert rhythm.feature_phrases[start:stop] == part.feature_phrases
        alone = part.transform(heard(TALK, TALK[3:])).values
        np.testing.assert_array_equal(found.values[:, start:stop], alone)
        start = stop
    assert start == found.values.shape[1]
    assert found.names == rhythm.feature_names


def test_no_name_stands_for_two_features():
    names = RhythmFeatures().feature_names
    assert len(set(names)) == len(names)


def test_a_flow_log_leaves_what_packets_tell_unknown():
    """Without packets and records only totals are known."""
    values = RhythmFeatures().transform(conversations(1)).values[0]
    known = {n for n, v in zip(RhythmFeatures().feature_names, values, strict=True) if v == v}
    assert known
    assert known <= set(FAMILIES[-1].feature_names)


def test_without_a_column_that_any_family_needs_nothing_is_told():
    given = heard(TALK)
    for name in RhythmFeatures.requires:
        other = heard(TALK)
        other.frame = given.frame.drop(name)
        assert np.isnan(RhythmFeatures().transform(other).values).all()
    assert np.isfinite(RhythmFeatures().transform(given).values).any()
