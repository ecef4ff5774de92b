# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.detectors.spectrum import SpectrumDetector
from minewatch.models.card import FeatureCard, ModelCard
from minewatch.models.model_file import Model
from minewatch.testing import check_detector, conversations
from minewatch.types import Float32Array
from talks import heard

CARD = ModelCard(
    name="spectrum",
    schema_version=1,
    feature_set="spectrum",
    features=(
        FeatureCard("sent_empty", "1", 0.5, 0.4, 0.6),
        FeatureCard("sent_count_echo", "1", 0.5, 0.0, 1.0),
    ),
    metering={"interval_s": 60.0},
    algorithm="none",
    prevalence=0.5,
    base_rate=0.5,
    pass_share=1.0,
    min_known=1,
)
SLOW = [(10.0 * i, True, 60) for i in range(60)]
FAST = [(1.0 * i, True, 60) for i in range(600)]


class Session:
    """As likely mining as seconds are empty."""

    def run(self, names: list[str], inputs: dict[str, Float32Array]) -> list[Float32Array]:
        empty = inputs["features"][:, 0]
        return [np.stack([1 - empty, empty], axis=1)]


@pytest.fixture
def detector():
    return SpectrumDetector([Model("test.onnx", CARD, Session())])


def test_the_detector_conforms(detector):
    check_detector(detector)


def test_a_conversation_is_scored_by_its_rhythm(detector):
    found = detector.score(heard(SLOW, FAST, [])).probability
    np.testing.assert_allclose(found, [0.9, 0.0, np.nan], atol=0.01)
    (reason,) = detector.explain(heard(SLOW, FAST), 0)
    assert reason.text.startswith("Share of seconds without packets sent: 0.898, above the usual")
    assert reason.contribution == pytest.approx(np.log(9), abs=0.1)


def test_without_packets_it_is_silent(detector):
    assert np.isnan(detector.score(conversations(3)).probability).all()


def test_what_it_is_called_is_what_ships():
    assert SpectrumDetector.parts == (SpectrumDetector.name,) == ("spectrum",)
