# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.detectors.sequence import SequenceDetector
from minewatch.models.card import FeatureCard, ModelCard
from minewatch.models.model_file import Model
from minewatch.testing import check_detector, conversations
from minewatch.types import Float32Array
from talks import heard

CARD = ModelCard(
    name="sequence",
    schema_version=1,
    feature_set="opening",
    features=(
        FeatureCard("is_sent_1", "1", 0.5, 0.0, 1.0),
        FeatureCard("gap_2", "s", 1.0, 0.1, 2.0),
    ),
    metering={"interval_s": 60.0},
    algorithm="none",
    prevalence=0.5,
    base_rate=0.5,
    pass_share=1.0,
    min_known=2,
)


class Session:
    """Odds of mining are the seconds to the second message."""

    def run(self, names: list[str], inputs: dict[str, Float32Array]) -> list[Float32Array]:
        gap = inputs["features"][:, 1]
        return [np.stack([1 / (1 + gap), gap / (1 + gap)], axis=1)]


@pytest.fixture
def detector():
    return SequenceDetector([Model("test.onnx", CARD, Session())])


def test_the_detector_conforms(detector):
    check_detector(detector)


def test_a_conversation_is_scored_by_its_first_messages(detector):
    given = heard([(0, True, 60), (3, False, 90)], [(0, True, 60), (1, False, 90)], [(0, True, 60)])
    np.testing.assert_allclose(detector.score(given).probability, [0.75, 0.5, np.nan])
    (reason,) = detector.explain(given, 0)
    assert reason.text.startswith("Time to the one before of message 2: 3 s, above the usual")
    assert reason.contribution == pytest.approx(np.log(3), rel=1e-5)
    assert detector.explain(given, 2) == []


def test_without_packets_it_is_silent(detector):
    assert np.isnan(detector.score(conversations(3)).probability).all()


def test_what_it_is_called_is_what_ships():
    assert SequenceDetector.parts == (SequenceDetector.name,) == ("sequence",)
