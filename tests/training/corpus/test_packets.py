# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from minewatch.errors import SourceError
from minewatch.pipeline import PipelineOptions, conversations
from minewatch.readers.source import Input
from minewatch.training.corpus import packets, tables
from minewatch.training.corpus.packets import packets_of
from packets import ACK, PSH, SYN, A, B, Frame, ether, ipv4, udp
from talks import NS, START_NS, frames_of, write_capture

TALK = [(2.0, True, 100), (2.5, False, 60), (7.0, False, 300)]


def read(folder, frames, options=None):
    """Return the packets of all conversations of a capture, and these."""
    write_capture(folder, frames)
    options = options or PipelineOptions(with_gate=False)
    path = str(folder / "a.pcap")
    source = Input(path, path, None)
    found = pl.concat([chunk.everything for chunk in conversations(source, options)[1]])
    wanted = found.with_columns(conversation=pl.col("flow_id").cast(pl.UInt32))
    return packets_of(source, wanted, options), wanted


def test_every_packet_of_both_ways_is_told(tmp_path):
    found, _ = read(tmp_path, frames_of(TALK))
    assert dict(found.schema) == tables.PACKET
    assert [row[1:] for row in found.rows()] == [
        (0, 40, 0, True, SYN),
        (10_000_000, 40, 0, False, SYN | ACK),
        (2_000_000_000, 140, 100, True, PSH | ACK),
        (2_001_000_000, 40, 0, False, ACK),
        (2_500_000_000, 100, 60, False, PSH | ACK),
        (2_501_000_000, 40, 0, True, ACK),
        (7_000_000_000, 340, 300, False, PSH | ACK),
        (7_001_000_000, 40, 0, True, ACK),
    ]


def test_a_conversation_met_in_its_middle_has_the_initiator_of_the_meter(tmp_path):
    """The server spoke first of what was captured: whose packets are whose is the same for both."""
    found, wanted = read(tmp_path, frames_of(TALK)[4:])
    forth = wanted["source_transport_port"].item() == 40_000
    assert found["from_initiator"].to_list() == [not forth, forth, not forth, forth]
    assert found["offset_ns"].to_list()[0] == 0


def test_packets_go_to_the_conversation_of_their_time(tmp_path):
    """The same ends talk twice: 5,000 s apart they are two conversations."""
    frames = [*frames_of(TALK), *frames_of(TALK[:2], start_s=5000)]
    found, wanted = read(tmp_path, frames)
    assert wanted.height == 2
    counts = found.group_by("conversation").len().sort("conversation")
    assert counts.rows() == [(1, 8), (2, 6)]
    second = found.filter(pl.col("conversation") == 2)
    assert second["offset_ns"].to_list()[:3] == [0, 10_000_000, 2 * NS]
    assert wanted["flow_start_nanoseconds"].to_list() == [START_NS, START_NS + 5000 * NS]


def test_conversations_that_are_not_wanted_and_other_protocols_stay_out(tmp_path):
    other = Frame(ether(ipv4(A, B, 17, udp(40_000, 3333, b"the same ends"))), START_NS + NS)
    frames = [*frames_of(TALK), other, *frames_of(TALK, port=40_009)]
    write_capture(tmp_path, frames)
    _, wanted = read(tmp_path, frames)
    path = str(tmp_path / "a.pcap")
    only = wanted.filter(pl.col("source_transport_port") == 40_009)
    found = packets_of(Input(path, path, None), only, PipelineOptions())
    assert found.height == 8
    assert set(found["conversation"]) == set(only["conversation"])
    talk = wanted.filter(pl.col("protocol_identifier") == 6)
    assert packets_of(Input(path, path, None), talk, PipelineOptions()).height == 16


def test_packets_lie_by_conversation_and_time(tmp_path, monkeypatch):
    """The batches are held together by the thousand: one at a time gives the same."""
    frames = [*frames_of(TALK), *frames_of(TALK, port=40_009, start_s=1)]
    whole, _ = read(tmp_path, frames)
    assert whole["conversation"].is_sorted()
    for part in whole.partition_by("conversation"):
        assert part["offset_ns"].is_sorted()
    monkeypatch.setattr(packets, "_HELD", 1)
    again, _ = read(tmp_path, frames)
    assert again.equals(whole)


def test_of_a_long_conversation_the_first_packets_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(packets, "MAX_PACKETS", 5)
    found, _ = read(tmp_path, [*frames_of(TALK), *frames_of(TALK, port=40_009)])
    assert found.group_by("conversation").len().sort("conversation").rows() == [(1, 5), (2, 5)]
    assert found.filter(pl.col("conversation") == 1)["offset_ns"].to_list()[-1] == 2_500_000_000


def test_a_capture_that_cannot_be_read_is_named(tmp_path):
    _, wanted = read(tmp_path, frames_of(TALK))
    path = str(tmp_path / "gone.pcap")
    with pytest.raises(SourceError, match=r"gone\.pcap"):
        packets_of(Input(path, path, None), wanted, PipelineOptions())
