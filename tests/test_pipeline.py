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
    """A packet source that counts; it fails at block ``fails_at`` of the stage ``stage``."""

    name = "source"

    def __init__(self, n_blocks, stage=None, fails_at=None):
        self.n_blocks = n_blocks
        self.fails = (stage, fails_at)
        self.n_read = 0
        self.n_parsed = 0
        self.finished = False
        self.closed = False

    def read(self, batch):
        if self.fails == ("read", self.n_read):
            raise SourceError("source", "broken")
        if self.n_read == self.n_blocks:
            return False
        batch.n_octets = self.n_read
        self.n_read += 1
        return True

    def parse(self, batch):
        assert batch.n_octets == self.n_parsed
        if self.fails == ("parse", self.n_parsed):
            raise SourceError("source", "broken")
        self.n_parsed += 1
        batch.n_packets = batch.n_octets

    def finish(self):
        self.finished = True
        if self.fails[0] == "finish":
            raise SourceError("source", "broken")

    def close(self):
        self.closed = True


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "minewatch-reader"]


def test_batches_come_in_order_and_the_source_is_closed():
    source = Source(50)
    # Block 0 holds no packet, and is not handed out.
    assert [batch.n_packets for batch in pipeline.read_ahead(source)] == list(range(1, 50))
    assert source.finished
    assert source.closed
    assert not readers()


@pytest.mark.parametrize(
    ("stage", "fails_at", "before"),
    [("read", 7, range(1, 7)), ("parse", 7, range(1, 7)), ("finish", None, range(1, 50))],
)
def test_an_error_is_raised_in_the_caller_after_what_came_before(stage, fails_at, before):
    source = Source(50, stage, fails_at)
    seen = []
    with pytest.raises(SourceError, match="broken"):
        seen.extend(batch.n_packets for batch in pipeline.read_ahead(source))
    assert seen == list(before)
    assert source.closed
    assert not readers()


def test_whoever_stops_early_leaves_no_thread_and_no_open_file():
    source = Source(1_000_000)
    batches = pipeline.read_ahead(source)
    next(batches)
    batches.close()
    assert source.closed
    assert not readers()
    assert source.n_read < 10
    assert not source.finished


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
        assert set(chunk.passed.intervals.get_column("flow_id")) == ids
        assert set(chunk.passed.frame.get_column("gate_reason")) <= {gate.PASSED}


def test_without_the_gate_every_conversation_has_side_data():
    options = pipeline.PipelineOptions(with_gate=False)
    report, chunks = pipeline.conversations(Input("demo", str(DEMO), None), options)
    for chunk in chunks:
        ids = set(chunk.everything.get_column("flow_id").to_list())
        assert set(chunk.passed.packets) == set(chunk.passed.payloads) == ids
        assert chunk.passed.frame.equals(chunk.everything)
    assert report.gated[gate.TOO_FEW_MESSAGES] > 0


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


def test_a_packet_that_claims_to_be_huge_has_a_size_that_can_be_summed(tmp_path):
    """Segmentation offload leaves the IP length 0; then the record's own length counts."""
    header = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000065000000")  # raw IP
    packet = bytes.fromhex("4500000000004000400600000a000001c6336401") + bytes.fromhex(
        "9c4001bb0000000000000000501000ff00000000"
    )
    record = b"".join(n.to_bytes(4, "little") for n in (1, 0, len(packet), 0xFFFF_FFFF))
    (tmp_path / "huge.pcap").write_bytes(header + (record + packet) * 3)
    path = str(tmp_path / "huge.pcap")
    _, chunks = pipeline.conversations(Input("huge", path, None), pipeline.PipelineOptions())
    (row,) = pl.concat([chunk.everything for chunk in chunks]).iter_rows(named=True)
    sizes = (row["minimum_ip_total_length"], row["maximum_ip_total_length"])
    assert sizes == (0x7FFF_FFFF, 0x7FFF_FFFF)
    assert row["octet_delta_count"] == 3 * 0x7FFF_FFFF


def test_without_packets_there_are_no_conversations():
    options = pipeline.PipelineOptions(MeteringOptions(keep_packets=False))
    with pytest.raises(ValueError, match="keep_packets must be true"):
        pipeline.conversations(Input("demo", str(DEMO), None), options)


def test_what_is_no_capture_is_refused_before_anything_is_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("hello")
    with pytest.raises(SourceError, match="not a capture"):
        pipeline.conversations(Input("a.txt", str(path), None), pipeline.PipelineOptions())
