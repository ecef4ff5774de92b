# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from minewatch.errors import ConfigError, SourceError
from minewatch.experiments.fidelity.packets import mining_packets
from packets import ACK, NS, START, SYN, Frame, ether, ipv4, pcap, tcp

MINER, POOL = "10.0.0.5", "203.0.113.9"
HEADER = "capture\tsource\tlabel\taddress\tport\n"


def _labels(tmp_path, rows):
    path = tmp_path / "labels.tsv"
    path.write_text(HEADER + "".join("\t".join(row) + "\n" for row in rows))
    return path


def _capture(tmp_path, frames):
    (tmp_path / "a.pcap").write_bytes(pcap(frames))


def _frame(at_s, source, destination, ports, flags, payload=b""):
    body = ipv4(source, destination, 6, tcp(*ports, payload, flags))
    return Frame(ether(body), START + int(at_s * NS))


def _session(sport, start):
    return [
        _frame(start, MINER, POOL, (sport, 3333), SYN),
        _frame(start + 0.1, POOL, MINER, (3333, sport), SYN | ACK),
        _frame(start + 0.2, MINER, POOL, (sport, 3333), ACK, b"x" * 200),
        _frame(start + 0.5, POOL, MINER, (3333, sport), ACK, b"y" * 378),
    ]


def test_packets_are_seen_from_the_miner(tmp_path):
    _capture(tmp_path, _session(40000, 0.0))
    found = mining_packets(_labels(tmp_path, [("a.pcap", "here", "mining", POOL, "3333")]))
    assert found["from_miner"].to_list() == [True, False, True, False]
    assert found["payload_octets"].to_list() == [0, 0, 200, 378]
    assert found["time_s"].to_list() == pytest.approx([0, 0.1, 0.2, 0.5])
    assert set(found["source"]) == {"here"}


def test_the_syn_says_who_the_miner_is_even_on_odd_ports(tmp_path):
    """A pool on a high port, a miner on a low one."""
    frames = [
        _frame(0.0, MINER, POOL, (1024, 45000), SYN),
        _frame(0.1, POOL, MINER, (45000, 1024), ACK, b"y"),
    ]
    _capture(tmp_path, frames)
    found = mining_packets(_labels(tmp_path, [("a.pcap", "here", "mining", "", "")]))
    assert found["from_miner"].to_list() == [True, False]


def test_without_a_syn_the_higher_port_is_the_miners(tmp_path):
    frames = [
        _frame(0.0, POOL, MINER, (3333, 40000), ACK, b"y"),
        _frame(0.1, MINER, POOL, (40000, 3333), ACK, b"x"),
    ]
    _capture(tmp_path, frames)
    found = mining_packets(_labels(tmp_path, [("a.pcap", "here", "mining", "", "")]))
    assert found["from_miner"].to_list() == [False, True]


def test_conversations_are_told_apart_and_normal_ones_left_out(tmp_path):
    frames = sorted(
        [*_session(40000, 0.0), *_session(40001, 0.05)], key=lambda frame: frame.time_ns
    )
    frames.append(_frame(9.0, MINER, "198.51.100.1", (40002, 80), SYN))
    _capture(tmp_path, frames)
    rows = [("a.pcap", "here", "mining", POOL, ""), ("a.pcap", "here", "normal", "", "")]
    found = mining_packets(_labels(tmp_path, rows))
    assert found.group_by("conversation").len()["len"].to_list() == [4, 4]
    first = found.group_by("conversation").agg(pl.col("time_s").min())
    assert first["time_s"].to_list() == [0, 0]


def test_no_mining_is_an_error(tmp_path):
    _capture(tmp_path, _session(40000, 0.0))
    with pytest.raises(ConfigError, match="no mining conversation"):
        mining_packets(_labels(tmp_path, [("a.pcap", "here", "normal", "", "")]))


def test_a_missing_capture_is_an_error(tmp_path):
    with pytest.raises(SourceError, match=r"a\.pcap"):
        mining_packets(_labels(tmp_path, [("a.pcap", "here", "mining", "", "")]))
