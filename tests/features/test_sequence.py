# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.features.ragged import Ragged
from minewatch.features.sequence import SequenceFeatures, most_frequent
from minewatch.testing import check_feature_set, conversations
from talks import heard

NAN = float("nan")

OPENING = [(0, True, 500), (0.1, False, 900), (1, True, 77), (1.1, False, 33)]
SIZES = [(150, 60), (150, 60), (152, 60), (150, 64)]
JOBS = (350, 350, 350, 358)
ROUNDS = [
    one
    for n, ((share, result), job) in enumerate(zip(SIZES, JOBS, strict=True))
    for one in (
        (10 * n + 10, True, share),
        (10 * n + 10.1, False, result),
        (10 * n + 15, False, job),
    )
]
TALK = [*OPENING, *ROUNDS]
"""16 messages, of which the first four are left out."""


def features(given, row=0):
    found = SequenceFeatures().transform(given)
    return dict(zip(found.names, found.values[row].tolist(), strict=True))


def check(found, **wanted):
    near = {name: pytest.approx(value, rel=1e-5, nan_ok=True) for name, value in wanted.items()}
    assert {name: found[name] for name in wanted} == near


def test_it_conforms():
    check_feature_set(SequenceFeatures())


def test_a_ladder_of_sizes():
    check(
        features(heard(TALK)),
        asked_octets=150,
        # of 150, 150, 150, 152 the ninth tenth is 151.4
        asked_octets_spread=1.4,
        asked_octets_same_share=3 / 4,
        asked_octets_distinct_share=2 / 4,
        # 150, 150, 152, 150: one of four is as large as the one before
        asked_octets_repeat_share=1 / 4,
        answer_octets=60,
        answer_octets_spread=2.8,
        answer_octets_repeat_share=2 / 4,
        push_octets=350,
        push_octets_spread=0.7 * 8,
        push_octets_same_share=3 / 4,
        push_over_answer=290,
        asked_over_answer=90,
        push_over_asked=200,
        first_sent_over_rest=500 - 150,
        # received after the opening: 60, 350, 60, 350, 60, 350, 64, 358
        first_received_over_rest=900 - (64 + 350) / 2,
        # 2 + 4 of 4 + 12 messages are the client's
        sent_share=6 / 16,
        message_octets_ratio=(500 + 77 + 602) / (900 + 33 + 244 + 1408),
        largest_over_median=358 - (150 + 150) / 2,
    )


def test_turns_count_from_the_first_message_on():
    """Client, server, client, server, then four times client, server, server.

    The first has none before it, which counts as a turn; only a job after a result is none.
    """
    check(features(heard(TALK)), turn_share=12 / 16)


def test_entropy_is_told_over_the_most_there_can_be():
    """After the opening: 150 and 60 three times each, 152, 64, 350 three times, 358."""
    shares = np.array([3, 3, 3, 1, 1, 1]) / 12
    bits = -(shares * np.log2(shares)).sum()
    check(features(heard(TALK)), octets_entropy=bits / np.log2(12))
    check(features(heard([(n, True, 5) for n in range(6)])), octets_entropy=0)
    check(features(heard([(2 * n, True, n + 5) for n in range(6)])), octets_entropy=1)


@pytest.mark.parametrize("shift", [22, 29, 48])
def test_a_tunnel_that_adds_a_constant_leaves_the_ladder(shift):
    plain = features(heard(TALK))
    shifted = features(heard([(at, forth, octets + shift) for at, forth, octets in TALK]))
    moved = {name for name in plain if shifted[name] != pytest.approx(plain[name], rel=1e-5)}
    assert moved == {"asked_octets", "answer_octets", "push_octets", "message_octets_ratio"}
    for role in ("asked", "answer", "push"):
        assert shifted[f"{role}_octets"] == plain[f"{role}_octets"] + shift


def test_short_talks_are_taken_whole():
    """Nine messages: the opening is not left out, since little would remain."""
    talk = [(10.0 * n, True, 500 if n < 4 else 100) for n in range(9)]
    check(features(heard(talk)), asked_octets=100, asked_octets_same_share=5 / 9)
    ten = [*talk, (90.0, True, 100)]
    check(features(heard(ten)), asked_octets=100, asked_octets_same_share=1)
    check(features(heard(ten)), first_sent_over_rest=400)


def test_one_message_of_a_role_has_a_size_and_no_ladder():
    found = features(heard([(0, True, 100), (0.1, False, 40)]))
    check(found, asked_octets=100, answer_octets=40, asked_over_answer=60, push_octets=NAN)
    names = ("spread", "same_share", "distinct_share", "repeat_share")
    assert np.isnan([found[f"asked_octets_{name}"] for name in names]).all()


def test_a_server_that_says_nothing_has_no_ratio():
    found = features(heard([(0, True, 100), (5, True, 100)]))
    check(found, message_octets_ratio=NAN, sent_share=1, push_octets=NAN, answer_octets=NAN)


def test_inputs_without_packets_tell_nothing():
    assert np.isnan(SequenceFeatures().transform(conversations(2)).values).all()


def test_repeats_are_counted_within_each_list():
    lists = Ragged(np.array([5.0, 7, 5, 7, 7, 9]), np.array([3, 3, 6]))
    assert most_frequent(lists).tolist() == pytest.approx([2, NAN, 2], nan_ok=True)
