# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest

from minewatch.detectors.weak_indicators import (
    DIALOGUE,
    THRESHOLD_WITH_NAME,
    THRESHOLD_WITHOUT_NAME,
    WORD,
    WeakIndicatorsDetector,
    words_in,
)
from minewatch.models.card import FeatureCard, ModelCard
from minewatch.models.model_file import Model
from minewatch.odds import logit
from minewatch.testing import check_detector, conversations
from minewatch.types import Conversations, Float32Array

CARD = ModelCard(
    name="weak-indicators",
    schema_version=1,
    feature_set="volume",
    features=(FeatureCard("packets_ratio", "1", 1.0, 0.5, 2.0),),
    metering={"interval_s": 60.0},
    algorithm="none",
    prevalence=0.5,
    base_rate=0.002,
    pass_share=1.0,
    min_known=1,
)
INNOCENT, ONE_WORD, TWO_KINDS = "cdn.example", "carpool.example", "xmr-pool.example"


class Session:
    """Odds, where half is mining, are the ratio of packets."""

    def run(self, names: list[str], inputs: dict[str, Float32Array]) -> list[Float32Array]:
        ratio = inputs["features"][:, 0]
        return [np.stack([1 / (1 + ratio), ratio / (1 + ratio)], axis=1)]


@pytest.fixture
def detector():
    return WeakIndicatorsDetector([Model("test.onnx", CARD, Session())])


def seen(*names: str | None, sent: int = 30, received: int = 10, dialect: str | None = None):
    """Conversations with these names, the odds of the model being sent by received."""
    return conversations(
        len(names),
        packet_delta_count=sent,
        reverse_packet_delta_count=received,
        tls_sni=[*names],
        stratum_dialect=[dialect] * len(names),
    )


def moved(detector: WeakIndicatorsDetector, given: Conversations) -> np.ndarray:
    """How far the log-odds are from what the model says alone at the base rate."""
    odds = given.frame["packet_delta_count"] / given.frame["reverse_packet_delta_count"]
    probability = detector.score(given).probability
    return np.log(probability / (1 - probability)) - np.log(odds.to_numpy()) - logit(0.002)


def test_the_detector_conforms(detector):
    check_detector(detector)


def test_it_conforms_with_names_and_dialects(detector):
    names = [None, INNOCENT, ONE_WORD, TWO_KINDS, "", "jasmine.example"] * 2
    dialects = [None] * 6 + ["cryptonote", None, "bitcoin", None, None, None]
    sent = [3, 20, 25, 40, 50, 60, 70, 80, 90, 100, 110, 120]
    given = conversations(12, tls_sni=names, stratum_dialect=dialects, packet_delta_count=sent)
    check_detector(detector, given)


def test_a_name_moves_the_log_odds_by_what_its_thresholds_are_apart(detector):
    apart = logit(THRESHOLD_WITHOUT_NAME) - logit(THRESHOLD_WITH_NAME)
    given = seen(None, "", INNOCENT, ONE_WORD, TWO_KINDS)
    np.testing.assert_allclose(moved(detector, given), [0, 0, -apart, apart, 2 * apart], atol=1e-6)


def test_the_two_thresholds_of_the_original_are_one_here(detector):
    without = seen(None, sent=99, received=1)
    with_word = seen(ONE_WORD, sent=3, received=97)
    both = [detector.score(given).probability[0] for given in (without, with_word)]
    assert both[0] == pytest.approx(both[1], rel=1e-6)
    assert both[0] == pytest.approx(0.166, abs=0.001)


def test_two_kinds_of_words_convict_whatever_the_model_says(detector):
    assert detector.score(seen(TWO_KINDS, sent=1, received=999)).probability[0] > 0.9


def test_an_innocent_name_clears_whatever_the_model_says(detector):
    assert detector.score(seen(INNOCENT, sent=999, received=1)).probability[0] < 0.01


def test_a_dialect_decides_alone(detector):
    given = seen(None, INNOCENT, TWO_KINDS, sent=1, received=999, dialect="cryptonote")
    found = detector.score(given).probability
    assert len(set(found.tolist())) == 1
    odds = (1 + DIALOGUE) / (1 - DIALOGUE) * 0.002 / 0.998
    assert found[0] == pytest.approx(odds / (1 + odds), rel=1e-9)


def test_a_name_alone_is_no_evidence_and_a_dialect_alone_is(detector):
    unknown = seen(TWO_KINDS, None, sent=30, received=0)
    assert np.isnan(detector.score(unknown).probability).all()
    assert detector.explain(unknown, 0) == []
    spoken = seen(None, sent=30, received=0, dialect="bitcoin")
    assert detector.score(spoken).probability[0] > 0.99
    assert len(detector.explain(spoken, 0)) == 1


def test_without_decoders_the_model_speaks_alone(detector):
    given = conversations(1, packet_delta_count=30, reverse_packet_delta_count=10)
    assert detector.score(given).probability[0] == pytest.approx(3 * 0.002 / (0.998 + 3 * 0.002))


def test_without_a_required_column_it_is_silent_whatever_was_read(detector):
    given = seen(TWO_KINDS, dialect="cryptonote")
    given.frame = given.frame.drop("octet_delta_count")
    assert np.isnan(detector.score(given).probability).all()
    assert detector.explain(given, 0) == []


def test_what_passed_the_gate_counts_in_the_base_rate():
    card = dataclasses.replace(CARD, pass_share=0.1)
    detector = WeakIndicatorsDetector([Model("test.onnx", card, Session())])
    found = detector.score(seen(None, sent=10, received=10)).probability[0]
    assert found == pytest.approx(0.002 / (0.002 + 0.998 * 0.1), rel=1e-6)


def test_evidence_adds_up_to_the_score(detector):
    given = seen(ONE_WORD, INNOCENT)
    for row in range(2):
        reasons = detector.explain(given, row)
        total = sum(reason.contribution for reason in reasons)
        probability = detector.score(given).probability[row]
        assert total == pytest.approx(logit(probability) - logit(0.002), rel=1e-5)
        assert [reason.feature for reason in reasons] == ["tls_sni", "packets_ratio"]
    assert detector.explain(given, 0)[0].text == (
        "The client asked for carpool.example, which holds pool."
    )
    assert "no word is of mining" in detector.explain(given, 1)[0].text


def test_the_reason_of_a_dialect_is_the_dialect(detector):
    given = seen(ONE_WORD, dialect="eth-proxy")
    (reason,) = detector.explain(given, 0)
    probability = detector.score(given).probability[0]
    assert reason.value == "eth-proxy"
    assert reason.contribution == pytest.approx(logit(probability) - logit(0.002), rel=1e-6)


def test_a_name_from_the_wire_does_not_act_on_a_terminal(detector):
    reason = detector.explain(seen("pool\x1b[31m" + "a" * 300), 0)[0]
    assert "\x1b" not in reason.text + str(reason.value)
    assert len(str(reason.value)) == 128


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pool.supportxmr.com", ["xmr", "pool"]),
        ("eth-eu1.nanopool.org", ["eth", "pool"]),
        ("RVN.2miners.com", ["rvn", "mine"]),
        ("gulf.moneroocean.stream", ["monero"]),
        ("randomxmonero.auto.nicehash.com", ["monero"]),
        ("btcpay.example", []),
        ("ethernet.example", []),
        ("", []),
    ],
)
def test_words_are_those_of_the_original_and_two_more(name, words):
    assert words_in(name) == words


def test_the_mass_of_a_word_is_what_its_reason_says():
    assert pytest.approx(1 - (0.03 / 0.97) / (0.99 / 0.01)) == WORD
    assert round(WORD, 4) == 0.9997
