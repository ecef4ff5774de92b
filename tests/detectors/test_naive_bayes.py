# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from minewatch.detectors import signature
from minewatch.detectors.naive_bayes import MATCHED, NaiveBayesDetector
from minewatch.models.card import FeatureCard, ModelCard
from minewatch.models.model_file import Model
from minewatch.schema import KIND_JSON
from minewatch.testing import check_detector, conversations
from minewatch.types import Conversations, Float32Array

CARD = ModelCard(
    name="naive-bayes",
    schema_version=1,
    feature_set="volume",
    features=(FeatureCard("packets_ratio", "1", 1.0, 0.5, 2.0),),
    metering={"interval_s": 60.0},
    algorithm="none",
    prevalence=0.5,
    base_rate=0.5,
    pass_share=1.0,
    min_known=1,
)
SESSION = {
    "stratum_dialect": "cryptonote",
    "stratum_state": "session",
    "stratum_requests": 3,
    "stratum_jobs": 2,
    "stratum_submits": 1,
    "stratum_results_ok": 1,
}


class Session:
    """Odds are the ratio of packets."""

    def run(self, names: list[str], inputs: dict[str, Float32Array]) -> list[Float32Array]:
        ratio = inputs["features"][:, 0]
        return [np.stack([1 / (1 + ratio), ratio / (1 + ratio)], axis=1)]


@pytest.fixture
def detector():
    return NaiveBayesDetector([Model("test.onnx", CARD, Session())])


def read(n: int, *states: dict[str, object] | None, **columns: object) -> Conversations:
    """Conversations of which naive Bayes says 0.75, and what the decoder read of each."""
    packets = {"packet_delta_count": 30, "reverse_packet_delta_count": 10}
    values = {
        name: pl.Series([None if state is None else state[name] for state in states])
        for name in SESSION
    }
    given = conversations(n, **packets | columns)
    given.frame = given.frame.with_columns(**values)
    return given


def test_the_detector_conforms(detector):
    check_detector(detector)


def test_it_conforms_where_payload_was_read(detector):
    poll = SESSION | {"stratum_state": "poll", "stratum_dialect": "getblocktemplate"}
    states = [SESSION, None, poll] * 4
    counts = {"packet_delta_count": list(range(10, 34, 2)), "reverse_packet_delta_count": 20}
    check_detector(detector, read(12, *states, **counts))


def test_what_the_signature_is_sure_of_stands_and_the_rest_is_naive_bayes(detector):
    attempt = SESSION | {"stratum_state": "attempt", "stratum_submits": 0}
    template = SESSION | {"stratum_state": "poll", "stratum_dialect": "getblocktemplate"}
    given = read(4, SESSION, attempt, template, None)
    expected = [signature.ACCEPTED, signature.ATTEMPT, 0.75, 0.75]
    np.testing.assert_allclose(detector.score(given).probability, expected, rtol=1e-6)
    assert signature.TEMPLATE_POLLED < MATCHED < signature.ATTEMPT


def test_harmless_payload_clears_nothing(detector):
    given = read(1, None, payload_kinds=KIND_JSON)
    assert signature.SignatureDetector().score(given).probability[0] < 0.001
    assert detector.score(given).probability[0] == pytest.approx(0.75)


def test_without_decoders_the_second_stage_speaks_alone(detector):
    given = conversations(1, packet_delta_count=30, reverse_packet_delta_count=10)
    assert detector.score(given).probability[0] == pytest.approx(0.75)


def test_where_naive_bayes_is_not_ready_the_signature_may_be(detector):
    given = read(2, SESSION, None, reverse_packet_delta_count=0)
    found = detector.score(given).probability
    assert found[0] == signature.ACCEPTED
    assert np.isnan(found[1])
    assert detector.explain(given, 0)[0].feature == "stratum_state"
    assert detector.explain(given, 1) == []


def test_without_a_required_column_it_is_silent_whatever_was_read(detector):
    given = read(1, SESSION)
    given.frame = given.frame.drop("octet_delta_count")
    assert np.isnan(detector.score(given).probability).all()
    assert detector.explain(given, 0) == []


def test_the_stage_that_gave_the_score_explains_it(detector):
    given = read(2, SESSION, None)
    first, second = detector.explain(given, 0), detector.explain(given, 1)
    assert first[0].feature == "stratum_state"
    assert "CryptoNote Stratum" in first[0].text
    assert [item.feature for item in second] == ["packets_ratio"]
    assert second[0].contribution == pytest.approx(np.log(3), rel=1e-5)


def test_decoders_are_asked_for_what_the_signature_looks_at(detector):
    assert detector.uses == signature.SignatureDetector.uses
    assert NaiveBayesDetector.parts == ("naive-bayes",)
