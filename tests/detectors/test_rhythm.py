# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.detectors.rhythm import RhythmDetector
from minewatch.errors import ModelError
from minewatch.features.rhythm import RhythmFeatures
from minewatch.models.card import FeatureCard, ModelCard
from minewatch.models.model_file import Model
from minewatch.testing import check_detector, conversations
from minewatch.types import Conversations
from stratum_talk import conversations_and_labels
from talks import heard

UNITS = dict(zip(RhythmFeatures.feature_names, RhythmFeatures.feature_units, strict=True))
CHAT = [(3.0 * i, i % 3 == 0, 60 + 7 * i % 50) for i in range(190)]


class Session:
    """Gives every row the same probability, whatever its features."""

    def __init__(self, probability):
        self.probability = probability

    def run(self, names, inputs):
        mining = np.full(len(inputs["features"]), self.probability, np.float32)
        return [np.stack([1 - mining, mining], axis=1)]


def model(part, feature, probability, **changes):
    told = {
        "name": part,
        "schema_version": 1,
        "feature_set": "rhythm",
        "features": (FeatureCard(feature, UNITS.get(feature, "1"), 1.0, 0.5, 2.0),),
        "metering": {"interval_s": 60.0},
        "algorithm": "none",
        "prevalence": 0.5,
        "base_rate": 0.5,
        "pass_share": 1.0,
        "min_known": 1,
    }
    return Model(f"{part}.onnx", ModelCard(**(told | changes)), Session(probability))


@pytest.fixture
def detector():
    return RhythmDetector(
        [model("rhythm", "push_gap_median", 0.9), model("rhythm-flows", "packets_ratio", 0.6)]
    )


def test_the_detector_conforms(detector):
    check_detector(detector)


def test_what_it_is_called_is_what_ships():
    assert RhythmDetector.name == "rhythm"
    assert RhythmDetector.parts == ("rhythm", "rhythm-flows")
    assert [one.name for one in RhythmDetector.feature_sets] == ["rhythm"]


def test_packets_are_scored_by_one_model_and_flow_logs_by_the_other(detector):
    given, _ = conversations_and_labels(1)
    np.testing.assert_allclose(detector.score(given).probability, 0.9, rtol=1e-6)
    flows, _ = conversations_and_labels(1, with_packets=False)
    np.testing.assert_allclose(detector.score(flows).probability, 0.6, rtol=1e-6)
    # a row each: the second says nothing, so its gaps are not known
    mixed = heard(CHAT, [])
    np.testing.assert_allclose(detector.score(mixed).probability, [0.9, 0.6], rtol=1e-6)


def test_where_too_little_is_known_it_is_silent(detector):
    given = conversations(2, reverse_packet_delta_count=[10, 0])
    found = detector.score(given).probability
    assert found[0] == pytest.approx(0.6)
    assert np.isnan(found[1])
    assert detector.explain(given, 1) == []


def test_a_missing_column_is_not_ready(detector):
    given, _ = conversations_and_labels(1)
    assert detector.requires
    for name in detector.requires:
        found = detector.score(Conversations(given.frame.drop(name))).probability
        assert np.isnan(found).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"feature_set": "volume"}, "feature set 'volume'"),
        ({"features": (FeatureCard("novel", "1", 0, 0, 0),)}, "feature 'novel' is unknown"),
    ],
)
def test_a_model_of_other_features_is_refused(changes, message):
    with pytest.raises(ModelError, match=message):
        RhythmDetector([model("rhythm", "push_gap_median", 0.9, **changes)])
