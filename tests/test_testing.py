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


class PacketDetector(Detector):
    """A detector over what is beside the frame, given the conversations whole."""

    def score(self, given: Conversations) -> Scores:
        return Scores(self.name, np.array([self._score(given, row) for row in range(len(given))]))

    def explain(self, given, row):
        return []


def first_packet(given, row):
    return given.packets[given.frame["flow_id"][row]].time_ns[0]


def span(given, row):
    series = given.packets[given.frame["flow_id"][row]]
    return (series.time_ns[-1] - series.time_ns[0]) / 1e13


def since_start(given, row):
    return (first_packet(given, row) - given.frame["flow_start_nanoseconds"][row]) / 1e13


def minutes(given, row):
    of_row = pl.col("flow_id") == given.frame["flow_id"][row]
    records = given.intervals.filter(of_row)
    begin = records["flow_start_nanoseconds"].min() - given.frame["flow_start_nanoseconds"][row]
    return records.height / 100 + begin / 1e13


@pytest.mark.parametrize("score", [span, since_start, minutes])
def test_packets_and_intervals_stay_beside_their_rows(score):
    """These read both tables of every row: any that was lost or not moved along would show."""
    check_detector(PacketDetector(score))


def test_a_detector_that_goes_by_the_time_of_packets_is_a_defect():
    def score(given, row):
        return first_packet(given, row) // (3600 * 10**9) % 24 / 24

    with pytest.raises(AssertionError, match="time of day"):
        check_detector(PacketDetector(score))


def test_a_detector_that_goes_by_the_time_of_intervals_is_a_defect():
    def score(given, row):
        return given.intervals["flow_start_nanoseconds"].min() // (3600 * 10**9) % 24 / 24

    with pytest.raises(AssertionError, match="time of day"):
        check_detector(PacketDetector(score))


def by_number(frame: pl.DataFrame):
    return frame["destination_transport_port"].to_numpy() / 65_535


def by_host(frame: pl.DataFrame):
    return frame["source_address_low"].to_numpy() % 256 / 256


@pytest.mark.parametrize("score", [by_number, by_host])
def test_going_by_addresses_is_a_defect_unless_it_is_said(score):
    with pytest.raises(AssertionError, match="address or port"):
        check_detector(Detector(score))
    check_detector(Detector(score), goes_by_address=True)


class Collective(Detector):
    is_collective = True


def test_a_collective_detector_may_compare_but_not_judge_one_alone():
    def compared(frame: pl.DataFrame):
        return share(frame) if frame.height > 1 else np.array([np.nan])

    check_detector(Collective(compared))
    with pytest.raises(AssertionError, match="judges a conversation alone"):
        check_detector(Collective(share))
