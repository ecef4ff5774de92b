# SPDX-License-Identifier: Apache-2.0
"""The checks themselves: a detector that accuses is found out, wherever it does so."""

from dataclasses import replace

import numpy as np
import pytest

import negative_check
from minewatch.features.matrix import duration_s
from minewatch.schema import KIND_TLS
from minewatch.types import Scores
from negative_check import (
    assert_normal,
    assert_stays_normal,
    assert_views_normal,
    beats,
    corpus_of,
    ordered,
    sealed,
    seen_of,
    spoken,
)


class Accuser:
    """Calls mining whatever a function of the conversations points at."""

    name = "rhythm"  # one that fusion lets decide alone
    requires = ()
    uses = ()

    def __init__(self, points_at):
        self.points_at = points_at

    def score(self, conversations):
        accused = np.broadcast_to(self.points_at(conversations), len(conversations))
        return Scores(self.name, np.where(accused, 0.9999, np.nan))

    def explain(self, conversations, row):
        return []


def heartbeat(rng, length):
    said = []
    for at in beats(rng, length, 20.0, 0.1):
        said += [(at, False, b"ping"), (at + 0.1, True, b"pong")]
    return ordered(said)


@pytest.fixture
def made():
    return spoken(heartbeat, 443, n=4)


@pytest.mark.parametrize(
    ("points_at", "told"),
    [
        (lambda given: True, "4 of 4 called mining"),
        (lambda given: not given.packets, "flow-log-60s after 600 s: 4 of 4 called mining"),
        (
            lambda given: not given.packets and duration_s(given.frame) > 3600,
            "flow-log-60s after all s: 4 of 4 called mining",
        ),
        (lambda given: given.intervals is None, "first-30-packets after 600 s: 4 of 4"),
        (lambda given: (given.frame["payload_kinds"] & KIND_TLS).to_numpy() > 0, "4 of 4"),
    ],
)
def test_an_accusation_is_found_wherever_it_is_made(monkeypatch, tmp_path, made, points_at, told):
    # The same conversations stay normal without it, or this would show nothing.
    (tmp_path / "without").mkdir()
    assert_stays_normal(tmp_path / "without", made, least=4)
    used = replace(negative_check.options(), detectors=[Accuser(points_at)])
    monkeypatch.setattr(negative_check, "options", lambda: used)
    with pytest.raises(AssertionError, match=told):
        assert_stays_normal(tmp_path, made, least=4)


def test_too_little_scored_shows_nothing(tmp_path, made):
    with pytest.raises(AssertionError, match="only 4 passed the gate"):
        assert_normal(seen_of(tmp_path, made), least=5)
    corpus = corpus_of(tmp_path)
    with pytest.raises(AssertionError, match="the test shows nothing"):
        assert_views_normal(corpus, least=5, long=4)
    with pytest.raises(AssertionError, match="nothing is shown of hours"):
        assert_views_normal(corpus, least=4, long=5)


def test_sealed_is_the_same_talk_in_tls(tmp_path, made):
    said, hidden = made.messages, sealed(made).messages
    assert len(hidden.octets) == len(said.octets) + 3 * 4
    first = hidden.conversation == 0
    own = said.conversation == 0
    assert hidden.octets[first][3:].tolist() == (said.octets[own] + 22).tolist()
    gaps = [np.diff(one) for one in (hidden.time_s[first][3:], said.time_s[own])]
    np.testing.assert_allclose(*gaps)
    found = seen_of(tmp_path, sealed(made))
    assert [seen.row["payload_kinds"] for seen in found] == [KIND_TLS] * 4


def test_half_seen_lacks_the_beginning(tmp_path, made):
    whole = seen_of(tmp_path, made)
    half = seen_of(tmp_path, made, half=True)
    assert [seen.row["is_initiator_known"] for seen in whole + half] == [True] * 4 + [False] * 4
    for one, other in zip(
        *(sorted(found, key=lambda s: s.ends) for found in (whole, half)), strict=True
    ):
        counts = [
            seen.row["packet_delta_count"] + seen.row["reverse_packet_delta_count"]
            for seen in (one, other)
        ]
        assert 0.65 < counts[1] / counts[0] < 0.75
