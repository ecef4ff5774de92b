# SPDX-License-Identifier: Apache-2.0
import threading
from pathlib import Path

import polars as pl
import pytest

from minewatch import gate, pipeline
from minewatch.errors import SourceError
from minewatch.metering.state import MeteringOptions
from minewatch.readers.source import Input

DEMO = Path(__file__).parents[1] / "src" / "minewatch" / "lab" / "demo.pcap"


class Source:
    """A packet source that counts; it fails at batch ``fails_at``."""

    name = "source"

    def __init__(self, n_batches, fails_at=None):
        self.n_batches = n_batches
        self.fails_at = fails_at
        self.filled = 0
        self.closed = False

    def fill(self, batch):
        if self.filled == self.fails_at:
            raise SourceError("source", "broken")
        if self.filled == self.n_batches:
            return False
        batch.n_packets = self.filled
        self.filled += 1
        return True

    def close(self):
        self.closed = True


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "minewatch-reader"]


def test_batches_come_in_order_and_the_source_is_closed():
    source = Source(50)
    assert [batch.n_packets for batch in pipeline.read_ahead(source)] == list(range(50))
    assert source.closed
    assert not readers()


def test_an_error_of_the_reader_is_raised_in_the_caller_after_what_came_before():
    source = Source(50, fails_at=7)
    seen = []
    with pytest.raises(SourceError, match="broken"):
        seen.extend(batch.n_packets for batch in pipeline.read_ahead(source))
    assert seen == list(range(7))
    assert source.closed
    assert not readers()


def test_whoever_stops_early_leaves_no_thread_and_no_open_file():
    source = Source(1_000_000)
    batches = pipeline.read_ahead(source)
    next(batches)
    batches.close()
    assert source.closed
    assert not readers()
    assert source.filled < 10


def demo():
    octets = []
    options = pipeline.PipelineOptions(on_progress=octets.append)
    report, chunks = pipeline.conversations(Input("demo", str(DEMO), None), options)
    return report, list(chunks), octets


def test_every_packet_of_a_capture_is_in_one_conversation():
    report, chunks, octets = demo()
    frame = pl.concat([chunk.everything for chunk in chunks])
    packets = frame.select(
        pl.col("packet_delta_count").sum() + pl.col("reverse_packet_delta_count").sum()
    ).item()
    assert packets == report.capture.by_outcome()["metered"]
    assert sum(report.capture.by_outcome().values()) == report.capture.packets_seen
    assert report.conversations == frame.height == report.metering.biflows
    assert octets[-1] == DEMO.stat().st_size


def test_gate_reasons_are_counted_and_only_what_passed_has_side_data():
    report, chunks, _ = demo()
    frame = pl.concat([chunk.everything for chunk in chunks])
    counted = dict(frame.group_by("gate_reason").len().iter_rows())
    assert counted == report.gated
    for chunk in chunks:
        ids = set(chunk.passed.frame.get_column("flow_id").to_list())
        assert set(chunk.passed.packets) == set(chunk.passed.payloads) == ids
        assert set(chunk.passed.frame.get_column("gate_reason")) <= {gate.PASSED}


def test_interval_records_add_up_to_their_conversation():
    _, chunks, _ = demo()
    for chunk in chunks:
        sums = chunk.passed.intervals.group_by("flow_id").agg(pl.col("packet_delta_count").sum())
        both = chunk.passed.frame.join(sums, on="flow_id", suffix="_of_intervals")
        assert both.height == len(chunk.passed)
        assert (
            both.get_column("packet_delta_count").to_list()
            == both.get_column("packet_delta_count_of_intervals").to_list()
        )


def test_without_packets_there_are_no_conversations():
    options = pipeline.PipelineOptions(MeteringOptions(keep_packets=False))
    with pytest.raises(ValueError, match="keep_packets must be true"):
        pipeline.conversations(Input("demo", str(DEMO), None), options)


def test_what_is_no_capture_is_refused_before_anything_is_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("hello")
    with pytest.raises(SourceError, match="not a capture"):
        pipeline.conversations(Input("a.txt", str(path), None), pipeline.PipelineOptions())
