# SPDX-License-Identifier: Apache-2.0
import json

import polars as pl

from contract_check import problems
from minewatch.output.contract import json_schema
from minewatch.output.destination import Destination
from minewatch.output.jsonl import JsonlWriter
from minewatch.testing import conversations


def test_both_ways_of_writing_meet_the_contract(tmp_path, verdict):
    path = tmp_path / "a.jsonl"
    frame = conversations(3).frame
    gated = conversations(2).frame.with_columns(gate_reason=pl.lit("one-way"))
    with Destination(str(path)) as destination:
        writer = JsonlWriter(destination, ["signature", "intel"], 0.002)
        writer.write(frame, [verdict()] * 3, "ü.pcap")
        writer.write(frame[:0], [], "ü.pcap")
        writer.write_gated(gated, "b.pcap")
        writer.finish()
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line, parse_constant=lambda name: f"<{name}>") for line in lines]
    assert [list(problems(row, json_schema())) for row in rows] == [[]] * 5
    assert [row["capture"] for row in rows] == ["ü.pcap"] * 3 + ["b.pcap"] * 2
    assert lines[0].isascii()
    assert list(rows[0]) == list(rows[4])
    assert rows[4]["detectors"] == {"signature": None, "intel": None}
