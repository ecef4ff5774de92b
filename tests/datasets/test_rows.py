# SPDX-License-Identifier: Apache-2.0
import polars as pl

from minewatch.datasets.agreement import decoded_names
from minewatch.datasets.checking import check_capture, labelled_captures
from minewatch.datasets.labelling import InspectionOptions, inspect_capture
from minewatch.datasets.rows import (
    difference_lines,
    mining_lines,
    verdict_counts,
    written_rows,
    written_schema,
)
from minewatch.readers.finding import find_inputs
from minewatch.readers.source import Input
from runs import POOL, WEB_1, conversation, cryptonote, write_capture


def checked(run_folder):
    path = run_folder / "captures" / "web-1.pcap"
    (source,), _ = find_inputs([str(path)])
    captures = labelled_captures(run_folder)
    _, pairs = check_capture(source, captures, InspectionOptions(), decoded_names())
    ((read, built),) = pairs
    return read.frame, built


def test_rows_have_the_schema_that_is_announced(run_folder):
    read, built = checked(run_folder)
    for labels in (None, built):
        rows = written_rows(read, "web-1.pcap", labels)
        assert dict(rows.schema) == written_schema(labels is not None)
        assert rows.height == read.height


def test_a_row_tells_what_was_read_and_what_was_built(run_folder):
    read, built = checked(run_folder)
    rows = written_rows(read, "web-1.pcap", built).filter(source_transport_port=41_000)
    (row,) = rows.iter_rows(named=True)
    expected = {
        "source_address": WEB_1,
        "destination_address": POOL,
        "flow_start": "2020-09-13T12:26:40.000000Z",
        "capture": "web-1.pcap",
        "inspection": "mining",
        "dialect": "cryptonote",
        "state": "session",
        "algorithm": "rx/0",
        "agent": "XMRig/6.22.0",
        "shares": 2,
        "built_label": "mining",
        "built_dialect": "cryptonote",
        "built_host": "web-1",
        "built_evasion": "port",
        "outcome": "right",
    }
    assert {name: row[name] for name in expected} == expected


def test_text_from_the_wire_cannot_act_on_a_terminal(tmp_path):
    agent = "XMRig/6.22.0\x1b[2J\u202e"
    path = write_capture(tmp_path / "a.pcap", conversation(WEB_1, 1, POOL, 2, cryptonote(agent)))
    _, (piece,) = inspect_capture(Input("a", str(path), None), InspectionOptions())
    rows = written_rows(piece.frame, "a\x1b.pcap")
    assert rows["agent"].item().isprintable()
    assert rows["evidence"].item().isprintable()
    assert all(line.isprintable() for line in mining_lines(piece.frame))


def test_lines_for_people(run_folder):
    read, built = checked(run_folder)
    (line,) = mining_lines(read)
    assert line.startswith(f"mining  {WEB_1}:41000 -> {POOL}:3333  cryptonote: Login as 4AAAAAAA")
    assert list(difference_lines(read, "web-1.pcap", built)) == []
    wrong = built.with_columns(outcome=pl.lit("called mining"), dialect=pl.lit(None, pl.String))
    lines = list(difference_lines(read, "web-1.pcap", wrong))
    assert len(lines) == 5
    assert any(
        line.startswith(f"called mining  web-1.pcap: 198.51.100.7:33000 -> {WEB_1}:80  built as ")
        for line in lines
    )
    assert verdict_counts(read) == {
        ("mining", "cryptonote"): 1,
        ("encrypted", ""): 1,
        ("normal", ""): 3,
    }
