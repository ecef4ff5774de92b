# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.detectors.one_class import OneClassDetector
from minewatch.errors import ModelError
from minewatch.models.card import FeatureCard, ModelCard
from minewatch.models.model_file import Model
from minewatch.testing import check_detector, conversations
from stratum_talk import conversations_and_labels


class Session:
    """Gives every row the same probability, whatever its features."""

    def __init__(self, probability):
        self.probability = probability

    def run(self, names, inputs):
        mining = np.full(len(inputs["features"]), self.probability, np.float32)
        return [np.stack([1 - mining, mining], axis=1)]


def model(part, feature, unit, min_known, probability, feature_set="stratum-shape"):
    card = ModelCard(
        name=part,
        schema_version=1,
        feature_set=feature_set,
        features=(FeatureCard(feature, unit, 1.0, 0.5, 2.0),),
        metering={"interval_s": 60.0},
        algorithm="none",
        prevalence=0.5,
        base_rate=0.5,
        pass_share=1.0,
        min_known=min_known,
    )
    return Model(f"{part}.onnx", card, Session(probability))


@pytest.fixture
def detector():
    return OneClassDetector(
        [
            model("one-class", "sent_message", "octets", 1, 0.9),
            model("one-class-flows", "sent_packets_dispersion", "1", 1, 0.6),
        ]
    )


def test_the_detector_conforms(detector):
    check_detector(detector)


def test_packets_are_preferred_to_records_and_records_to_nothing(detector):
    given, _ = conversations_and_labels(0)
    assert detector.score(given).probability == pytest.approx(0.9)
    given, _ = conversations_and_labels(0, with_packets=False)
    assert detector.score(given).probability == pytest.approx(0.6)
    assert np.isnan(detector.score(conversations(3)).probability).all()
    assert detector.explain(conversations(3), 0) == []


def test_a_model_for_other_features_is_refused():
    with pytest.raises(ModelError, match="feature set"):
        OneClassDetector([model("one-class", "sent_message", "octets", 1, 0.5, "volume")])
    with pytest.raises(ModelError, match="made for 'flowstats', not for one-class"):
        OneClassDetector([model("flowstats", "sent_message", "octets", 1, 0.5)])


def test_the_models_that_ship_are_named_in_the_order_of_use():
    assert OneClassDetector.name == "one-class"
    assert OneClassDetector.parts == ("one-class", "one-class-flows")
