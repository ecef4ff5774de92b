# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.features.stratum_messages import MESSAGE_FEATURES, message_columns
from minewatch.testing import conversations
from minewatch.types import PacketSeries

_S = 1_000_000_000


def features_of(*talks):
    """Features of conversations, each a list of (seconds, octets, whether the client sends)."""
    given = conversations(len(talks))
    for number, talk in enumerate(talks, 1):
        time_s, octets, is_sent = (np.array(column) for column in zip(*talk, strict=True))
        given.packets[number] = PacketSeries(
            (time_s * _S).astype(np.int64), octets.astype(np.int64), is_sent, len(talk)
        )
    names = [name for name, _, _ in MESSAGE_FEATURES]
    return dict(zip(names, message_columns(given), strict=True))


def stratum(more=0, pushes_at=(5, 65, 95, 185)):
    """A login, then a share of 200 octets each 40 s with its answer of 60, and jobs of 300."""
    talk = [(0, 400, True), (0.1, 350, False)]
    for i in range(6):
        talk += [(10 + 40 * i, 200, True), (10.2 + 40 * i, 60, False)]
    talk += [(at, 300, False) for at in pushes_at]
    return [(at, octets + more, is_sent) for at, octets, is_sent in sorted(talk)]


def test_requests_answers_and_notices_are_told_apart():
    found = features_of(stratum())
    assert found["notices_per_request"][0] == pytest.approx(4.5 / 7.5)
    assert found["answered_share"][0] == 1
    assert found["replied_share"][0] == 0
    assert found["answer_s"][0] == pytest.approx(0.2)
    minutes = 210.2 / 60
    assert found["requests_per_minute"][0] == pytest.approx(7 / minutes)
    assert found["notices_per_minute"][0] == pytest.approx(4 / minutes)


def test_sizes_are_those_of_each_role_after_the_opening():
    found = features_of(stratum())
    assert found["request_over_answer"][0] == 140
    assert found["notice_over_answer"][0] == 240
    assert found["notice_over_request"][0] == 100
    assert found["request_spread"][0] == found["answer_spread"][0] == 0
    assert found["sent_message"][0] == 200
    assert found["sent_same_share"][0] == 1


def test_tls_shifts_medians_and_nothing_else():
    plain, shifted = features_of(stratum()), features_of(stratum(more=22))
    moved = {name for name in plain if plain[name][0] != pytest.approx(shifted[name][0])}
    assert moved == {"sent_message", "received_message", "mean_message"}


def test_a_clock_varies_less_than_chance():
    found = features_of(stratum(), stratum(pushes_at=(5, 8, 100, 225)))
    steady, bursts = found["notice_gap_variation"]
    assert bursts > steady > 0


def test_what_is_not_there_is_unknown():
    quiet = [(0, 100, True), (30, 110, True), (60, 120, True)]
    found = features_of(quiet)
    assert found["answered_share"][0] == 0
    for name in ("replied_share", "answer_s", "request_over_answer", "notice_spread"):
        assert np.isnan(found[name][0]), name
    nothing = message_columns(conversations(2))
    assert all(np.isnan(column).all() for column in nothing)
