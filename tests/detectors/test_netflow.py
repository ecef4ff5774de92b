# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.detectors.netflow import NetflowDetector
from minewatch.features.volume import COUNTER_COLUMNS
from minewatch.models.card import FeatureCard, ModelCard
from minewatch.models.model_file import Model
from minewatch.testing import check_detector, conversations
from minewatch.types import Float32Array

CARD = ModelCard(
    name="netflow",
    schema_version=1,
    feature_set="volume",
    features=(
        FeatureCard("octets_ratio", "1", 1.0, 0.5, 2.0),
        FeatureCard("sent_packets_per_minute", "1/min", 10.0, 1.0, 100.0),
    ),
    metering={"interval_s": 60.0},
    algorithm="none",
    prevalence=0.5,
    base_rate=0.5,
    pass_share=1.0,
    min_known=1,
)


class Session:
    """Mining where more octets are sent than received: odds are the ratio, even if unknown."""

    def run(self, names: list[str], inputs: dict[str, Float32Array]) -> list[Float32Array]:
        ratio = np.nan_to_num(inputs["features"][:, 0], nan=1.0)
        return [np.stack([1 / (1 + ratio), ratio / (1 + ratio)], axis=1)]


@pytest.fixture
def detector():
    return NetflowDetector([Model("test.onnx", CARD, Session())])


def test_the_detector_conforms(detector):
    check_detector(detector)


def test_a_conversation_is_scored_by_what_its_record_tells(detector):
    given = conversations(2, octet_delta_count=[900, 100], reverse_octet_delta_count=300)
    np.testing.assert_allclose(detector.score(given).probability, [0.75, 0.25], rtol=1e-6)
    (reason,) = detector.explain(given, 0)
    assert (reason.feature, reason.value) == ("octets_ratio", 3.0)
    assert reason.contribution == pytest.approx(np.log(3), rel=1e-5)


def test_it_needs_nothing_that_a_flow_log_does_not_have(detector):
    assert set(detector.requires) <= set(COUNTER_COLUMNS)
    assert detector.uses == ()
    frame = conversations(1, packet_delta_count=9).frame
    for name in set(frame.columns) - {*COUNTER_COLUMNS, "is_source_home", "is_initiator_known"}:
        frame = frame.drop(name)
    given = conversations(1, packet_delta_count=9)
    given.frame = frame
    expected = detector.score(conversations(1, packet_delta_count=9)).probability
    np.testing.assert_array_equal(detector.score(given).probability, expected)


def test_what_it_is_called_is_what_ships():
    assert NetflowDetector.parts == (NetflowDetector.name,) == ("netflow",)
