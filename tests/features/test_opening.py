# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.features.opening import N_MESSAGES, OpeningFeatures
from minewatch.testing import check_feature_set
from talks import heard

FEATURES = OpeningFeatures()
TALK = [(0.0, True, 180), (0.2, False, 410), (5.0, True, 166), (5.2, False, 63), (9.0, False, 378)]


def values_of(*talks, **columns):
    matrix = FEATURES.transform(heard(*talks, **columns))
    return {name: matrix.column(name) for name in matrix.names}


def test_the_feature_set_conforms():
    check_feature_set(FEATURES)


def test_each_message_is_told():
    found = values_of(TALK)
    for i, (_, is_sent, octets) in enumerate(TALK, 1):
        assert (found[f"octets_{i}"][0], found[f"is_sent_{i}"][0]) == (octets, is_sent)
    gaps = [found[f"gap_{i}"][0] for i in range(2, 6)]
    np.testing.assert_allclose(gaps, [0.2, 4.8, 0.2, 3.8], rtol=1e-5)
    steps = [found[f"step_{i}"][0] for i in range(2, 6)]
    np.testing.assert_array_equal(steps, [np.nan, -14, -347, 315])


def test_nothing_is_after_the_last_message():
    found = values_of(TALK, [], TALK[:2])
    for i in range(1, N_MESSAGES + 1):
        known = [i <= 5, False, i <= 2]
        assert np.isfinite(found[f"octets_{i}"]).tolist() == known
        assert np.isfinite(found[f"is_sent_{i}"]).tolist() == known


def test_nothing_is_before_the_first_message():
    assert {"gap_1", "step_1"}.isdisjoint(FEATURES.feature_names)
    assert len(FEATURES.feature_names) == 4 * N_MESSAGES - 2


def test_packets_of_one_write_are_one_message():
    found = values_of([(0.0, True, 1448), (0.001, True, 52), (1.0, False, 60)])
    assert found["octets_1"][0] == 1500
    assert found["octets_2"][0] == 60
    assert np.isnan(found["octets_3"][0])


def test_a_longer_conversation_is_cut():
    talk = [(float(at), at % 2 == 0, 100 + at) for at in range(N_MESSAGES + 20)]
    assert values_of(talk)[f"octets_{N_MESSAGES}"][0] == 100 + N_MESSAGES - 1


def test_the_latest_packets_are_no_opening():
    assert np.isnan(values_of(TALK, first=3)["octets_4"][0])


def test_a_constant_on_all_sizes_leaves_the_steps():
    plain, tunnelled = values_of(TALK), values_of([(at, sent, n + 29) for at, sent, n in TALK])
    for i in range(2, 6):
        np.testing.assert_array_equal(plain[f"step_{i}"], tunnelled[f"step_{i}"])
        assert tunnelled[f"octets_{i}"][0] == plain[f"octets_{i}"][0] + 29
