# SPDX-License-Identifier: Apache-2.0
"""The golden captures: made by the script, metered to exactly the tables beside them."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import make_golden
from minewatch import registry, scanning
from minewatch.address import with_text
from minewatch.detectors.fusion import Fusion
from minewatch.detectors.signature import SignatureDetector
from minewatch.pipeline import PipelineOptions, meter_capture, open_capture
from minewatch.readers.source import Input

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = sorted(make_golden.CAPTURES)


def capture(name):
    path = GOLDEN / name / "capture.pcap"
    return Input(str(path), str(path), None)


def metered(name):
    """Return the flow table in the order of biflows and time, and the source that was read."""
    options = PipelineOptions()
    source, meter = open_capture(capture(name), options)
    table = pl.concat([output.flows for output in meter_capture(source, meter, options)])
    return with_text(table).sort("flow_id", "flow_start_nanoseconds"), source.counters


@pytest.mark.parametrize("name", NAMES)
def test_the_capture_is_what_the_script_makes(name):
    data = (GOLDEN / name / "capture.pcap").read_bytes()
    assert data == make_golden.CAPTURES[name](), "run python scripts/make_golden.py"
    assert data == make_golden.CAPTURES[name]()
    assert len(data) <= 100_000


@pytest.mark.parametrize("name", NAMES)
def test_the_flow_table_is_the_expected_one(name, golden):
    table, counters = metered(name)
    golden(GOLDEN / name / "flows.csv", table.write_csv())
    packets = table["packet_delta_count"].sum() + table["reverse_packet_delta_count"].sum()
    assert packets == counters.by_outcome()["metered"]


@pytest.mark.parametrize("name", NAMES)
def test_the_notes_tell_where_it_comes_from_and_how_many_packets(name):
    """Notes say how many packets there are and what became of them: they must not lie."""
    text = (GOLDEN / name / "NOTES.md").read_text(encoding="utf-8")
    _, counters = metered(name)
    assert "`scripts/make_golden.py`" in text
    assert "Apache-2.0" in text
    assert "nitiator" in text
    outcomes = [
        f"{count} {outcome.replace('_', ' ')}"
        for outcome, count in counters.by_outcome().items()
        if count
    ]
    assert f"{counters.packets_seen} packets: {', '.join(outcomes)}." in text


def test_the_cut_is_told():
    _, counters = metered("cut")
    size = (GOLDEN / "cut" / "capture.pcap").stat().st_size
    (note,) = counters.notes
    left = counters.octets_skipped
    assert note.startswith(f"offset {size - left}: the capture is cut within a record; {left} ")


def test_the_other_captures_are_whole():
    for name in set(NAMES) - {"cut"}:
        assert metered(name)[1].notes == []


def test_every_tunnel_gives_the_same_conversation():
    table, _ = metered("tunnels")
    inner = table.filter(pl.col("source_transport_port").is_between(40_000, 40_010))
    assert inner.height == 11
    ids = {"flow_id", "source_transport_port", "flow_start_nanoseconds", "flow_end_nanoseconds"}
    assert inner.drop(ids).unique().height == 1


def test_every_link_type_gives_its_packet_at_its_time():
    table, _ = metered("mixed")
    for port in (40_000, 41_000):
        layers = table.filter(pl.col("source_transport_port").is_between(port + 1, port + 7))
        times = layers.sort("source_transport_port")["flow_start_nanoseconds"].to_list()
        assert times == [make_golden.START + i * make_golden.NS // 4 for i in range(1, 8)]


def test_the_miner_is_found_and_its_neighbour_is_not():
    options = scanning.ScanOptions(
        PipelineOptions(), registry.decoders(), [SignatureDetector()], Fusion()
    )
    report, chunks = scanning.scan_capture(capture("stratum"), options)
    found = {}
    for chunk in chunks:
        for row in range(len(chunk.conversations)):
            port = chunk.conversations.frame.item(row, "source_transport_port")
            found[port] = chunk.verdict(row)
    assert {port: verdict.label for port, verdict in found.items()} == {
        43_136: "mining",
        43_200: "normal",
    }
    assert report.failures == {}
    assert "CryptoNote" in found[43_136].evidence[0].text
    assert found[43_200].mining_probability < Fusion().prior


def test_the_script_writes_into_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(make_golden.sys, "argv", ["make_golden.py", str(tmp_path)])
    make_golden.main()
    assert sorted(path.parent.name for path in tmp_path.glob("*/capture.pcap")) == NAMES


def test_sequence_numbers_are_those_of_a_connection():
    talk = make_golden.Talk(("10.0.0.1", 1), ("10.0.0.2", 2), 0)
    talk.say([(1, ">", {"a": 1}), (2, "<", "FIN")])
    numbers = [tuple(np.frombuffer(frame.data[38:46], ">u4").tolist()) for frame in talk.frames]
    first, answered = numbers[0][0], numbers[1][0]
    said = len(b'{"a":1}\n')
    assert numbers == [
        (first, 0),
        (answered, first + 1),
        (first + 1, answered + 1),
        (first + 1, answered + 1),
        (answered + 1, first + 1 + said),
        (answered + 1, first + 1 + said),
    ]
