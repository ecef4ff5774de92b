# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from minewatch import schema
from minewatch.features.volume import PaperFeatures
from minewatch.testing import check_detector, check_feature_set, conversations, payload
from minewatch.types import Conversations, Evidence, FeatureMatrix, Scores


def test_built_conversations_have_exactly_the_schema():
    frame = conversations(3).frame
    assert dict(frame.schema) == schema.polars_schema(schema.CONVERSATION)
    assert frame.get_column("flow_id").to_list() == [1, 2, 3]
    assert frame.null_count().sum_horizontal().item() == 0


def test_built_payload_counts_sequence_numbers_by_direction():
    built = payload((True, b"abc"), (False, b"xy"), (True, b"d"), gap_s=2)
    assert [segment.sequence for segment in built.segments] == [1, 1, 4]
    assert built.segments[2].time_ns - built.segments[0].time_ns == 4_000_000_000
    assert built.packets.payload_octets.tolist() == [3, 2, 1]


class Features(PaperFeatures):
    """The paper's features with a defect."""

    def __init__(self, defect):
        self.defect = defect

    def transform(self, given: Conversations) -> FeatureMatrix:
        values = super().transform(given).values
        return FeatureMatrix(self.defect(values, given.frame), self.feature_names, ())


def ranked(values, frame):
    return (values - values.mean(axis=0)).astype(np.float32)


def by_port(values, frame):
    ports = frame.get_column("destination_transport_port").to_numpy()
    return values + ports[:, None].astype(np.float32)


@pytest.mark.parametrize(
    ("defect", "complaint"),
    [
        (lambda values, frame: values.astype(np.float64), "float32"),
        (lambda values, frame: values[:, :2], "names, or the shape"),
        (lambda values, frame: np.zeros_like(values), "constant"),
        (ranked, "batch mates"),
        (by_port, "time of day, address or port"),
    ],
)
def test_the_suite_of_features_finds_defects(defect, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_feature_set(Features(defect))


class Speechless(PaperFeatures):
    feature_phrases = PaperFeatures.feature_phrases[1:]


class Guessing(PaperFeatures):
    """Features that do without one of the columns that they require."""

    def transform(self, given: Conversations) -> FeatureMatrix:
        frame = given.frame
        if "octet_delta_count" not in frame.columns:
            frame = frame.with_columns(octet_delta_count=pl.lit(0, pl.Int64))
        return super().transform(Conversations(frame))


@pytest.mark.parametrize(
    ("features", "complaint"),
    [(Speechless(), "unit or a phrase"), (Guessing(), "without octet_delta_count")],
)
def test_the_suite_of_features_reads_what_they_declare(features, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_feature_set(features)


class Detector:
    """A detector with a defect."""

    name = "defective"
    requires = ()
    uses = ()

    def __init__(self, score, text="Because."):
        self._score = score
        self._text = text

    def score(self, given: Conversations) -> Scores:
        return Scores(self.name, self._score(given.frame))

    def explain(self, given, row):
        return [Evidence("x", None, "1", 0.0, self._text)]


def share(frame: pl.DataFrame):
    packets = frame.get_column("packet_delta_count").to_numpy()
    return packets / packets.sum()


def by_hour(frame: pl.DataFrame):
    return frame.get_column("flow_start_nanoseconds").to_numpy() // (3600 * 10**9) % 24 / 24


class Needy(Detector):
    requires = ("packet_delta_count",)


def test_a_detector_that_scores_without_what_it_requires_is_a_defect():
    with pytest.raises(AssertionError, match="not silent without packet_delta_count"):
        check_detector(Needy(lambda frame: np.full(frame.height, 0.25)))


@pytest.mark.parametrize(
    ("score", "complaint"),
    [
        (lambda frame: np.zeros(1), "one probability a row"),
        (lambda frame: np.full(frame.height, 1.5), "outside"),
        (lambda frame: np.arange(frame.height) / 100, "order of rows"),
        (share, "batch mates"),
        (by_hour, "time of day"),
    ],
)
def test_the_suite_of_detectors_finds_defects(score, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_detector(Detector(score))


def test_evidence_without_a_sentence_is_a_defect():
    with pytest.raises(AssertionError, match="sentence"):
        check_detector(Detector(lambda frame: np.zeros(frame.height), text=""))


def test_a_sound_detector_passes():
    check_detector(Detector(lambda frame: np.full(frame.height, 0.25)))
