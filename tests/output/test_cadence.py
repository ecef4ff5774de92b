# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from minewatch.output.cadence import (
    ANSWERS,
    ASKS,
    PUSHES,
    RECEIVED,
    REPLIES,
    SENT,
    Track,
    cadence_lines,
    cadence_of,
    filled_bins,
    short_time,
)
from minewatch.output.subject import Subject
from minewatch.schema import FLOW, polars_schema
from minewatch.testing import conversations
from minewatch.types import PacketSeries

NS = 10**9
START = 1_600_000_000 * NS


def series(*packets, n_first=None):
    """Packets as (second, whether the initiator sends)."""
    times = START + (np.array([second for second, _ in packets]) * NS).astype(np.int64)
    sent = np.array([is_sent for _, is_sent in packets])
    first = len(packets) if n_first is None else n_first
    return PacketSeries(times, np.full(len(packets), 100), sent, first)


def records(n=10, frame=None, **columns):
    starts = [START + i * 60 * NS for i in range(n)]
    given = {
        "flow_start_nanoseconds": starts,
        "flow_end_nanoseconds": [s + 30 * NS for s in starts],
    }
    frame = conversations(n, **given | columns).frame
    return frame.select(list(polars_schema(FLOW)))


@pytest.fixture
def cadence(verdict):
    def build(intervals=None, packets=None, **columns):
        frame = conversations(**columns).frame
        return cadence_of(Subject(frame, verdict(), "a.pcap", intervals, packets))

    return build


TALK = ((1.0, True), (1.1, False), (30.0, False), (30.1, True), (100.0, True), (101.5, False))


def test_each_message_has_its_role(cadence):
    found = cadence(packets=series(*TALK))
    times = {track.name: track.start_s.round(3).tolist() for track in found.tracks}
    assert times == {
        ASKS: [1.0, 100.0],
        ANSWERS: [1.1],
        PUSHES: [30.0, 101.5],
        REPLIES: [30.1],
    }
    assert found.span_s == 600.0
    assert found.is_of_messages


def test_the_roles_are_those_of_the_client_and_not_of_who_was_seen_first(cadence):
    turned = series(*((second, not is_sent) for second, is_sent in TALK))
    ports = {"source_transport_port": 3333, "destination_transport_port": 50_000}
    found = cadence(packets=turned, is_initiator_known=False, **ports)
    assert found.tracks[0].start_s.round(3).tolist() == [1.0, 100.0]


def test_gaps_are_counted_by_role(cadence):
    asks = [(second, True) for second in (0.0, 10.0, 20.0, 80.0)]
    found = cadence(packets=series(*asks))
    assert found.gaps[ASKS].tolist() == [0, 0, 0, 2, 0, 0, 1, 0, 0]
    assert found.gaps[PUSHES].sum() == 0
    assert list(filled_bins(found.gaps)) == [3, 4, 5, 6]
    assert list(filled_bins({ASKS: np.zeros(9, np.int64)})) == []


def test_what_was_not_kept_is_shown_as_that(cadence):
    packets = series((0.0, True), (10.0, True), (500.0, True), (590.0, True), n_first=2)
    found = cadence(packets=packets, payload_packet_count=100, reverse_payload_packet_count=0)
    assert found.unseen_s == (10.0, 500.0)
    assert found.gaps[ASKS].sum() == 2
    lines = list(cadence_lines(found, 80))
    assert lines[0].count("░") > 40
    assert "░: not kept." in lines[lines.index("") - 1]
    whole = cadence(packets=packets, payload_packet_count=4, reverse_payload_packet_count=0)
    assert whole.unseen_s is None


def test_flow_records_show_both_directions(cadence):
    found = cadence(records(packet_delta_count=7, reverse_packet_delta_count=3))
    assert [track.name for track in found.tracks] == [SENT, RECEIVED]
    assert [track.count.sum() for track in found.tracks] == [70, 30]
    assert not found.is_of_messages
    assert found.gaps is None
    lines = list(cadence_lines(found, 80))
    assert "the more packets of flow records" in lines[-1]
    turned = cadence(
        records(packet_delta_count=7, reverse_packet_delta_count=3),
        is_initiator_known=False,
        source_transport_port=3333,
        destination_transport_port=50_000,
    )
    assert [track.count.sum() for track in turned.tracks] == [30, 70]


def test_records_without_counts_in_one_direction(cadence):
    frame = records(3).with_columns(reverse_packet_delta_count=pl.lit(None, pl.Int64))
    assert [track.count.sum() for track in cadence(frame).tracks] == [180, 0]


def test_nothing_is_drawn_of_nothing(cadence):
    assert cadence() is None
    assert cadence(records().clear()) is None
    assert cadence(packets=series()) is None


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(cadence, width):
    for found in (cadence(packets=series(*TALK * 3)), cadence(records())):
        lines = list(cadence_lines(found, width))
        assert max(map(len, lines)) <= max(width, 40)
        assert all(line == line.rstrip() for line in lines)


def test_the_plot_at_80_columns(cadence):
    asks = [(second, True) for second in (0.0, 299.0, 300.5, 599.0)]
    lines = list(cadence_lines(cadence(packets=series(*asks)), 80))
    row = lines[0].removeprefix("client asks     ")
    assert lines[0] != row
    assert (row[0], row[32], row[63]) == ("█", "█", "█") or row.count(" ") == len(row) - 4
    assert lines[3].split() == ["0", "s", "5", "min", "10", "min"]
    assert len(lines[3]) == 80


def test_a_record_is_spread_over_its_time():
    track = Track("x", np.array([0.0]), np.array([30.0]), np.array([6.0]), np.array([1.0]))
    assert track.per_bin(np.array([0.0, 10.0, 20.0, 30.0, 40.0])).tolist() == [2, 2, 2, 0]
    at_end = Track("x", np.array([40.0]), np.array([40.0]), np.array([1.0]), np.array([1.0]))
    assert at_end.per_bin(np.array([0.0, 20.0, 40.0])).tolist() == [0, 1]


def test_times_are_short():
    assert [short_time(s) for s in (0.05, 119.0, 120.0, 5_999.0, 7_200.0)] == [
        "0.05 s",
        "119 s",
        "2 min",
        "100 min",
        "2 h",
    ]
