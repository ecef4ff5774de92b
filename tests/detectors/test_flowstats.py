# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest

from minewatch.detectors import learnt
from minewatch.detectors.flowstats import FEATURE_SETS, FlowStatsDetector
from minewatch.detectors.learnt import feature_set_for, readable
from minewatch.errors import ModelError
from minewatch.models.card import FeatureCard, ModelCard
from minewatch.models.model_file import Model
from minewatch.testing import check_detector, check_feature_set, conversations
from minewatch.types import Conversations, Float32Array

CARD = ModelCard(
    name="flowstats",
    schema_version=1,
    feature_set="volume",
    features=(
        FeatureCard("packets_ratio", "1", 1.0, 0.5, 2.0),
        FeatureCard("duration", "s", 10.0, 1.0, 100.0),
    ),
    metering={"interval_s": 60.0},
    algorithm="none",
    prevalence=0.5,
    base_rate=0.5,
    pass_share=1.0,
    min_known=2,
)


class Session:
    """Mining where more is sent than received: log-odds are the logarithm of the ratio."""

    def run(self, names: list[str], inputs: dict[str, Float32Array]) -> list[Float32Array]:
        ratio = inputs["features"][:, 0]
        mining = ratio / (1 + ratio)
        return [np.stack([1 - mining, mining], axis=1)]


@pytest.fixture
def detector():
    return FlowStatsDetector([Model("test.onnx", CARD, Session())])


@pytest.fixture(scope="module")
def shipped():
    return FlowStatsDetector()


@pytest.mark.parametrize("features", FEATURE_SETS, ids=lambda features: features.name)
def test_feature_sets_conform(features):
    check_feature_set(features)


def test_the_shipped_detector_conforms(shipped):
    check_detector(shipped)


def test_the_models_features_are_taken_by_name(detector):
    given = conversations(2, packet_delta_count=[30, 10], reverse_packet_delta_count=10)
    np.testing.assert_allclose(detector.score(given).probability, [0.75, 0.5], rtol=1e-6)


def test_a_missing_feature_is_not_ready_and_not_benign(detector):
    given = conversations(2, packet_delta_count=[30, 30], reverse_packet_delta_count=[10, 0])
    found = detector.score(given).probability
    assert found[0] == pytest.approx(0.75)
    assert np.isnan(found[1])
    assert detector.explain(given, 1) == []


def test_a_missing_column_is_not_ready(shipped):
    given = conversations(3)
    for name in shipped.requires:
        found = shipped.score(Conversations(given.frame.drop(name))).probability
        assert np.isnan(found).all()


def test_no_conversation_gives_no_score(shipped):
    assert shipped.score(Conversations(conversations(1).frame.clear())).probability.shape == (0,)


def test_evidence_is_what_changes_when_a_value_becomes_ordinary(detector):
    given = conversations(2, packet_delta_count=[30, 1], reverse_packet_delta_count=[10, 10])
    (reason,) = detector.explain(given, 0)
    assert (reason.feature, reason.value, reason.unit) == ("packets_ratio", 3.0, "1")
    assert reason.contribution == pytest.approx(np.log(3), rel=1e-5)
    assert reason.text == (
        "Packets sent per packet received: 3, above the usual 0.5 to 2; combined with the rest "
        "it pushes towards mining."
    )
    (against,) = detector.explain(given, 1)
    assert against.contribution < 0
    assert "0.1, below the usual" in against.text
    assert "pushes away from mining" in against.text


def test_the_bounds_of_what_is_usual_are_usual(detector):
    given = conversations(2, packet_delta_count=[20, 5], reverse_packet_delta_count=10)
    for row in range(2):
        assert "within the usual 0.5 to 2" in detector.explain(given, row)[0].text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "1", "0"),
        (-0.5, "1", "-0.5"),
        (99.96, "octets", "100 octets"),
        (100.4, "bit", "100 bit"),
        (1234567.8, "bit/s", "1,234,568 bit/s"),
        (0.000012345, "s", "0.0000123 s"),
        (1e-30, "1", "0"),
        (3.14159, "1/s", "3.14 per s"),
    ],
)
def test_numbers_are_for_people(value, unit, text):
    assert readable(value, unit) == text


def test_explaining_is_the_same_alone_and_among_others(shipped):
    given = conversations(3, packet_delta_count=[30, 300, 3000])
    for row in range(3):
        alone = given.filter(np.arange(3) == row)
        assert shipped.explain(given, row) == shipped.explain(alone, 0)


def test_the_shipped_model_explains_itself_strongest_first(shipped, monkeypatch):
    found = [abs(item.contribution) for item in shipped.explain(conversations(1), 0)]
    assert found == sorted(found, reverse=True)
    monkeypatch.setattr(learnt, "MAX_EVIDENCE", 2)
    few = [abs(item.contribution) for item in shipped.explain(conversations(1), 0)]
    assert few == found[:2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feature_set": "rhythm"}, "feature set 'rhythm'"),
        ({"features": (FeatureCard("novel", "1", 0, 0, 0),)}, "feature 'novel' is unknown"),
        ({"features": (FeatureCard("duration", "ms", 0, 0, 0),)}, "has another unit"),
    ],
)
def test_a_model_of_other_features_is_refused(change, message):
    model = Model("test.onnx", dataclasses.replace(CARD, **change), Session())
    with pytest.raises(ModelError, match=rf"test\.onnx: .*{message}"):
        feature_set_for(model, FEATURE_SETS)
