# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.features.ragged import Ragged
from minewatch.features.timing import TimingFeatures, exponential_distance, memory
from minewatch.testing import check_feature_set, conversations
from talks import heard


def features(given, row=0):
    """Return the features of one row by name."""
    found = TimingFeatures().transform(given)
    return dict(zip(found.names, found.values[row].tolist(), strict=True))


def near(**wanted):
    return {name: pytest.approx(value, rel=1e-5, nan_ok=True) for name, value in wanted.items()}


def only(found, wanted):
    return {name: found[name] for name in wanted}


NAN = float("nan")

HEARTBEAT = [one for n in range(11) for one in ((60 * n, True, 2), (60 * n + 0.05, False, 2))]
"""The client asks every minute from 0 to 600 s, and is answered after 50 ms; seen for 660 s."""


def test_it_conforms():
    check_feature_set(TimingFeatures())


def test_a_heartbeat():
    found = features(heard(HEARTBEAT, seconds=660))
    wanted = near(
        asked_gap_median=60,
        asked_gap_low=60,
        asked_gap_high=60,
        asked_gap_variation=0,
        asked_beat_share=1,
        # all gaps at the mean of an exponential law, of which 1 - 1/e lie below
        asked_exponential_distance=1 - np.exp(-1),
        asked_gap_memory=NAN,
        asked_rate=1,
        push_gap_median=NAN,
        push_beat_share=NAN,
        push_rate=0,
        push_share=0,
        asked_share=1,
        asked_answered_share=1,
        push_answered_share=NAN,
        answer_lag=0.05,
        answer_lag_above=0,
        answer_lag_below=0,
        message_rate=2,
        # 10 silences of 59.95 s between beats, and one after the last
        silent_share=11 * 59.95 / 660,
        long_silent_share=11 * 59.95 / 660,
        longest_silence_share=59.95 / 660,
        idle_share=59.95 / 660,
        # of 21 gaps 11 are lags
        burst_share=11 / 21,
        message_gap=0.05,
        asked_seen=11,
        answers_seen=11,
        pushes_seen=0,
    )
    wanted["answer_lag_above"] = wanted["answer_lag_below"] = pytest.approx(0, abs=1e-6)
    wanted["asked_gap_variation"] = pytest.approx(0, abs=1e-6)
    assert only(found, wanted) == wanted


def test_a_miner():
    """Shares at 0, 10, 40 and 120 s, answered after 0.1 s; jobs at 5, 25, 85 and 145 s."""
    shares = [one for at in (0, 10, 40, 120) for one in ((at, True, 150), (at + 0.1, False, 60))]
    jobs = [(at, False, 350) for at in (5, 25, 85, 145)]
    found = features(heard(sorted(shares + jobs), seconds=150))
    wanted = near(
        asked_gap_median=30,
        asked_gap_low=14,
        asked_gap_high=70,
        asked_gap_variation=np.std([10, 30, 80]) / 40,
        asked_beat_share=1 / 3,
        push_gap_median=60,
        push_gap_low=28,
        push_gap_high=60,
        # jobs 20, 60 and 60 s apart: two of three gaps are the median
        push_beat_share=2 / 3,
        asked_rate=4 * 60 / 150,
        push_rate=4 * 60 / 150,
        push_share=0.5,
        asked_share=1,
        push_answered_share=0,
        asked_answered_share=1,
        answer_lag=0.1,
        message_rate=12 * 60 / 150,
        # silences above 10 s: 10.1-25, 25-40, 40.1-85, 85-120, 120.1-145 s
        silent_share=(14.9 + 15 + 44.9 + 35 + 24.9) / 150,
        long_silent_share=0,
        longest_silence_share=44.9 / 150,
        idle_share=5 / 150,
        burst_share=4 / 11,
        asked_seen=4,
        answers_seen=4,
        pushes_seen=4,
    )
    wanted["long_silent_share"] = pytest.approx(0, abs=1e-9)
    assert only(found, wanted) == wanted


def test_a_heartbeat_of_the_server_is_pushes_that_are_answered():
    beat = [one for n in range(5) for one in ((60 * n, False, 2), (60 * n + 0.05, True, 2))]
    found = features(heard(beat))
    wanted = near(push_beat_share=1, push_answered_share=1, push_share=1, asked_share=0)
    assert only(found, wanted) == wanted
    assert found["pushes_seen"] == 5
    assert np.isnan(found["answer_lag"])


def test_lags_are_told_with_their_spread():
    """Lags of 0.1 to 0.5 s: the tenths are 0.14 and 0.46."""
    lags = (0.1, 0.2, 0.3, 0.4, 0.5)
    talk = [
        one for n, lag in enumerate(lags) for one in ((10 * n, True, 2), (10 * n + lag, False, 2))
    ]
    wanted = near(answer_lag=0.3, answer_lag_above=0.16, answer_lag_below=0.16)
    assert only(features(heard(talk)), wanted) == wanted


def test_what_was_not_seen_is_no_gap_and_no_time():
    """Three beats, then nothing known until three beats at the end of ten hours."""
    late = [(at + 36_000, *one) for at, *one in HEARTBEAT[:6]]
    found = features(heard([*HEARTBEAT[:6], *late], first=6, seconds=36_121))
    wanted = near(asked_gap_median=60, asked_gap_high=60, asked_beat_share=1, asked_seen=6)
    assert only(found, wanted) == wanted
    # 120.05 s of each end were seen, and 0.95 s after the last message
    seen = 2 * 120.05 + 0.95
    assert found["message_rate"] == pytest.approx(60 * 12 / seen, rel=1e-5)
    assert found["longest_silence_share"] == pytest.approx(59.95 / seen, rel=1e-5)
    # were they all known, the ten hours would be a silence
    whole = features(heard([*HEARTBEAT[:6], *late], seconds=36_121))
    assert whole["longest_silence_share"] > 0.99


def test_two_gaps_make_no_clock():
    found = features(heard(HEARTBEAT[:6]))
    assert found["asked_gap_median"] == 60
    assert np.isnan([found["asked_beat_share"], found["asked_exponential_distance"]]).all()


def test_how_many_messages_there_were_is_told_up_to_32():
    many = [(3 * n, True, 9) for n in range(100)]
    found = features(heard(many))
    assert found["asked_seen"] == 32
    assert found["pushes_seen"] == 0


def test_inputs_without_packets_tell_nothing():
    found = TimingFeatures().transform(conversations(3)).values
    assert found.shape == (3, len(TimingFeatures().feature_names))
    assert np.isnan(found).all()


def test_one_message_tells_next_to_nothing():
    found = features(heard([(0, True, 9)], []), 0)
    assert found["asked_seen"] == 1
    assert found["idle_share"] == 1
    assert np.isnan([found["message_gap"], found["asked_gap_median"], found["burst_share"]]).all()
    none = features(heard([(0, True, 9)], []), 1)
    assert np.isnan(list(none.values())).all()


def test_sizes_do_not_matter():
    small = TimingFeatures().transform(heard(HEARTBEAT)).values
    large = [(at, forth, octets * 500) for at, forth, octets in HEARTBEAT]
    np.testing.assert_array_equal(TimingFeatures().transform(heard(large)).values, small)


def test_gaps_of_chance_are_near_the_exponential_law(rng):
    """Of 500 gaps drawn from the law 95 in 100 are nearer than 1.36 / sqrt(500) = 0.061."""
    gaps = rng.exponential(7, 500)
    assert exponential_distance(Ragged(gaps, np.array([500])))[0] < 0.06
    back = exponential_distance(Ragged(np.array([-9e4, 1.0, 5.0, 9e4]), np.array([4])))
    assert 0 < back[0] <= 1
    two = exponential_distance(Ragged(np.array([1.0, 3.0]), np.array([2, 2])))
    # steps at 1 and 3 of mean 2: the law there is 0.3935 and 0.7769
    assert two[0] == pytest.approx(max(1 - np.exp(-0.5), np.exp(-1.5), 0.7769 - 0.5), rel=1e-3)
    assert np.isnan(two[1])


def test_memory_is_the_correlation_with_the_gap_before():
    assert memory(Ragged(np.array([1.0, 1, 9, 9]), np.array([4])))[0] == pytest.approx(1 / 4)
    assert np.isnan(memory(Ragged(np.full(4, 5.0), np.array([4])))[0])
