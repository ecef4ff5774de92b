# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest

from minewatch.contracts import Detector
from minewatch.detectors import learnt
from minewatch.detectors.learnt import (
    MAX_EVIDENCE,
    LearntDetector,
    ModelInput,
    feature_set_for,
    features_of,
    readable,
)
from minewatch.errors import ModelError
from minewatch.features.timing import TimingFeatures
from minewatch.features.volume import VolumeFeatures
from minewatch.models.card import FeatureCard, ModelCard
from minewatch.models.model_file import Model
from minewatch.testing import check_detector, conversations
from talks import heard

CARD = ModelCard(
    name="clock",
    schema_version=1,
    feature_set="timing",
    features=(
        FeatureCard("asked_gap_median", "s", 10.0, 5.0, 20.0),
        FeatureCard("push_gap_median", "s", 30.0, 10.0, 50.0),
    ),
    metering={},
    algorithm="none",
    prevalence=0.5,
    base_rate=0.5,
    pass_share=1.0,
    min_known=2,
)
VOLUME_CARD = dataclasses.replace(
    CARD,
    name="clock-flows",
    feature_set="volume",
    features=(FeatureCard("packets_ratio", "1", 1.0, 0.5, 2.0),),
    min_known=1,
)


class Session:
    """Log-odds are the sum of what is known, over a scale; how many rows it was asked is kept."""

    def __init__(self, scale=100.0):
        self.scale = scale
        self.asked = []

    def run(self, names, inputs):
        rows = inputs["features"]
        self.asked.append(len(rows))
        log_odds = np.nansum(rows.astype(np.float64), axis=1) / self.scale
        mining = 1 / (1 + np.exp(-log_odds))
        return [np.stack([1 - mining, mining], axis=1)]


class Clock(LearntDetector):
    name = "clock"
    parts = ("clock", "clock-flows")
    feature_sets = (TimingFeatures(), VolumeFeatures())


def clock(first=CARD, second=VOLUME_CARD):
    """A detector of two models, and their sessions."""
    sessions = [Session(), Session(1.0)]
    models = [
        Model(f"{card.name}.onnx", card, session)
        for card, session in zip((first, second), sessions, strict=True)
    ]
    return Clock(models), sessions


# The client asks every 40 s and the server pushes every 60 s; or nobody is pushed to.
TALK = sorted(
    [(40.0 * n, True, 9) for n in range(9)] + [(60.0 * n + 7, False, 9) for n in range(6)]
)
ASKED = [said for said in TALK if said[1]]


def probability(log_odds):
    return pytest.approx(1 / (1 + np.exp(-log_odds)), rel=1e-6)


@pytest.fixture
def given():
    """The second conversation has no pushes, the third no packets, the fourth no answer either."""
    return heard(
        TALK, ASKED, [], [], packet_delta_count=30, reverse_packet_delta_count=[10, 10, 10, 0]
    )


def test_it_is_a_detector_and_conforms():
    detector, _ = clock()
    assert isinstance(detector, Detector)
    check_detector(detector)
    assert np.isfinite(detector.score(heard(TALK)).probability).all()


def test_the_first_model_that_knows_enough_scores(given):
    """Of the first row both gaps are known: (40 + 60) / 100; the others have a ratio of 3."""
    detector, _ = clock()
    found = detector.score(given)
    assert found.detector == "clock"
    assert found.probability[0] == probability(1.0)
    assert found.probability[1] == probability(3.0)
    assert found.probability[2] == probability(3.0)
    assert np.isnan(found.probability[3])


def test_how_much_must_be_known_is_the_cards(given):
    """With one gap enough, the second row is the first model's: 40 / 100."""
    detector, _ = clock(dataclasses.replace(CARD, min_known=1))
    found = detector.score(given).probability
    assert found[1] == probability(0.4)
    assert found[2] == probability(3.0)


def test_a_model_is_asked_of_its_own_rows_alone(given):
    detector, (first, second) = clock()
    detector.score(given)
    assert (first.asked, second.asked) == ([1], [2])
    detector, (first, second) = clock()
    detector.score(heard(TALK, TALK))
    assert (first.asked, second.asked) == ([2], [])


def test_calibration_and_base_rate_are_the_cards(given):
    """Half the log-odds less 1, at one in a hundred instead of a half."""
    detector, _ = clock(dataclasses.replace(CARD, calibration=(0.5, -1.0), base_rate=0.01))
    found = detector.score(given).probability
    assert found[0] == probability(0.5 * 1.0 - 1 + np.log(0.01 / 0.99))


def test_it_requires_what_all_of_its_models_require(given):
    """Without counters the first model goes on; without times neither can."""
    detector, _ = clock()
    both = set(TimingFeatures().requires) & set(VolumeFeatures().requires)
    assert set(detector.requires) == both == {"flow_start_nanoseconds", "flow_end_nanoseconds"}
    given.frame = given.frame.drop("octet_delta_count")
    found = detector.score(given).probability
    assert found[0] == probability(1.0)
    assert np.isnan(found[1:]).all()
    (alone,) = detector.models[:1]
    assert set(Clock([alone]).requires) == set(TimingFeatures().requires)


def test_reasons_are_of_the_model_that_scored(given):
    """Put back to 10 s, a gap of 40 s takes 0.3 off; put back to 30 s, one of 60 s as well."""
    detector, _ = clock()
    reasons = detector.explain(given, 0)
    assert {one.feature for one in reasons} == {"asked_gap_median", "push_gap_median"}
    assert [one.contribution for one in reasons] == pytest.approx([0.3, 0.3], rel=1e-4)
    assert {one.feature: one.value for one in reasons} == {
        "asked_gap_median": 40,
        "push_gap_median": 60,
    }
    (other,) = detector.explain(given, 1)
    assert (other.feature, other.value) == ("packets_ratio", 3)
    assert other.contribution == pytest.approx(2, rel=1e-4)
    assert detector.explain(given, 3) == []


def test_what_is_not_known_is_no_reason(given):
    detector, _ = clock(dataclasses.replace(CARD, min_known=1))
    (reason,) = detector.explain(given, 1)
    assert reason.feature == "asked_gap_median"
    assert reason.text == (
        "Median gap between messages that the client sends unasked: 40 s, above the usual 5 to "
        "20 s; combined with the rest it pushes towards mining."
    )


def test_the_strongest_reasons_come_first_and_weak_ones_not_at_all():
    """Eight features, each worth its distance from its median; 0.04 is below what is told."""
    names = VolumeFeatures().feature_names[:8]
    units = VolumeFeatures().feature_units[:8]
    worth = [0.5, -3.0, 1.0, 0.04, 0.2, -0.3, 2.0, 0.1]
    given = conversations(1)
    values = VolumeFeatures().transform(given).values[0, :8].astype(float)
    cards = tuple(
        FeatureCard(name, unit, value - by, value - 1, value + 1)
        for name, unit, value, by in zip(names, units, values, worth, strict=True)
    )
    scale = float(np.abs(values).sum())  # keeps the sum in reach of a float32's digits
    card = dataclasses.replace(VOLUME_CARD, features=cards)

    class Off(Session):
        """Log-odds are the distances from the medians."""

        def run(self, names, inputs):
            off = inputs["features"].astype(np.float64) - (values - np.array(worth))
            mining = 1 / (1 + np.exp(-off.sum(axis=1)))
            return [np.stack([1 - mining, mining], axis=1)]

    reasons = Clock([Model("x.onnx", card, Off(scale))]).explain(given, 0)
    assert len(reasons) == MAX_EVIDENCE
    found = {one.feature: one.contribution for one in reasons}
    order = [names[i] for i in (1, 6, 2, 0, 5, 4)]
    assert list(found) == order
    assert list(found.values()) == pytest.approx([-3, 2, 1, 0.5, -0.3, 0.2], abs=0.02)
    assert "pushes away from mining" in reasons[0].text


def test_weak_reasons_are_not_told(given):
    card = dataclasses.replace(
        VOLUME_CARD, features=(FeatureCard("packets_ratio", "1", 2.96, 0.5, 4.0),)
    )
    detector, _ = clock(second=card)
    assert detector.explain(given, 1) == []
    assert np.isfinite(detector.score(given).probability[1])


def test_features_are_computed_once_for_the_same_conversations(given, monkeypatch):
    calls = []

    class Counting(TimingFeatures):
        def transform(self, some):
            calls.append(len(some))
            return super().transform(some)

    monkeypatch.setattr(Clock, "feature_sets", (Counting(), VolumeFeatures()))
    detector, _ = clock()
    detector.score(given)
    detector.score(given)
    detector.explain(given, 0)
    assert calls == [4]
    detector.score(given.filter(np.array([True, False, False, False])))
    assert calls == [4, 1]
    assert features_of(given, Counting()) is features_of(given, Counting())
    assert features_of(given, VolumeFeatures()).shape[1] == len(VolumeFeatures().feature_names)


def test_models_that_ship_are_loaded_by_the_names_of_its_parts(monkeypatch):
    asked = []

    def load(path):
        asked.append(path)
        return Model(path, CARD if len(asked) == 1 else VOLUME_CARD, Session())

    monkeypatch.setattr(learnt, "shipped_model", lambda part: f"shipped/{part}.onnx")
    monkeypatch.setattr(learnt, "load_model", load)
    assert [model.card for model in Clock().models] == [CARD, VOLUME_CARD]
    assert asked == ["shipped/clock.onnx", "shipped/clock-flows.onnx"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"feature_set": "spectrum"}, "made for the feature set 'spectrum'"),
        ({"features": (FeatureCard("mood", "1", 0, 0, 0),)}, "feature 'mood' is unknown"),
        (
            {"features": (FeatureCard("asked_gap_median", "ms", 0, 0, 0),)},
            "'asked_gap_median' is unknown or has another unit",
        ),
    ],
)
def test_a_model_for_something_else_is_refused(changes, told):
    model = Model("a.onnx", dataclasses.replace(CARD, **changes), Session())
    with pytest.raises(ModelError, match=f"a.onnx: .*{told}"):
        Clock([model])
    with pytest.raises(ModelError, match=told):
        feature_set_for(model, Clock.feature_sets)


def test_a_models_features_are_taken_in_its_own_order(given):
    card = dataclasses.replace(CARD, features=CARD.features[::-1])
    one = ModelInput(Model("a.onnx", card, Session()), Clock.feature_sets)
    assert one.values(given)[0].tolist() == [60, 40]
    assert one.is_ready(one.values(given)).tolist() == [True, False, False, False]


def test_no_conversations_have_no_scores(given):
    detector, (first, _) = clock()
    assert detector.score(given.filter(np.zeros(4, bool))).probability.shape == (0,)
    assert first.asked == []


def test_infinite_values_are_not_known():
    """A float32 that overflowed says nothing."""
    one = ModelInput(Model("a.onnx", CARD, Session()), Clock.feature_sets)
    rows = np.array([[1, np.inf], [1, 2], [np.nan, -np.inf]], np.float32)
    assert one.is_ready(rows).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.05, "s", "0.05 s"), (1500.4, "octets", "1,500 octets"), (2.0, "1/min", "2 per min")],
)
def test_numbers_are_for_people(value, unit, text):
    assert readable(value, unit) == text
