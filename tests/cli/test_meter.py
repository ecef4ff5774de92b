# SPDX-License-Identifier: Apache-2.0
import csv
import json

import numpy as np
import polars as pl
import pytest

from made_up_logs import MadeUpFormat, log
from made_up_records import record, talk
from minewatch.output.flows import written_schema
from minewatch.readers.flowlogs.table import record_frame
from minewatch.records import Names


def test_parquet_has_the_columns_of_the_schema_with_addresses_as_text(run, mining_pcap, tmp_path):
    out = tmp_path / "flows.parquet"
    result = run("meter", mining_pcap, "-o", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "5 flow records (31 packets, 1 capture)\n"
    table = pl.read_parquet(out)
    assert dict(table.schema) == written_schema(with_capture=False)
    assert set(table["source_address"]) == {"10.0.0.5", "10.0.0.6", "10.0.0.7"}
    assert table["packet_delta_count"].sum() + table["reverse_packet_delta_count"].sum() == 31


def test_interval_cuts_records(run, mining_pcap, tmp_path):
    out = tmp_path / "flows.parquet"
    run("meter", mining_pcap, "-o", out, "--interval", "3600")
    assert pl.read_parquet(out).height == 3


def test_csv_and_jsonl_say_the_same(run, mining_pcap):
    rows = list(
        csv.DictReader(run("meter", mining_pcap, "--format", "csv", "-q").stdout.splitlines())
    )
    objects = [
        json.loads(line)
        for line in run("meter", mining_pcap, "--format", "jsonl", "-q").stdout.splitlines()
    ]
    assert len(rows) == len(objects) == 5
    for row, one in zip(rows, objects, strict=True):
        assert row["flow_start_nanoseconds"] == str(one["flow_start_nanoseconds"])
        assert row["source_address"] == one["source_address"]


def test_several_inputs_are_told_apart(run, mining_pcap, benign_pcap, tmp_path):
    out = tmp_path / "flows.csv"
    run("meter", mining_pcap, benign_pcap, "-o", out)
    captures = [row["capture"] for row in csv.DictReader(out.read_text().splitlines())]
    assert set(captures) == {str(mining_pcap), str(benign_pcap)}


@pytest.mark.parametrize("format", ["parquet", "csv", "jsonl"])
def test_flow_logs_are_metered_and_scanned_again_with_the_same_verdict(run, tmp_path, format):
    sampled = talk(20, sampling_packet_interval=10)
    record_frame(sampled, Names()).write_parquet(tmp_path / "a.parquet")
    flows = tmp_path / f"flows.{format}"
    result = run("meter", tmp_path / "a.parquet", "-o", flows)
    assert result.exit_code == 0
    assert "20 flow records (40 records, 1 flow log)" in result.stderr
    assert "40 records of 1 packet in 10: counts are estimates" in result.stderr
    before, after = (
        json.loads(run("scan", path, "--all", "--format", "jsonl", "-q").stdout)
        for path in (tmp_path / "a.parquet", flows)
    )
    assert before["sampling_packet_interval"] == 10
    assert before["detectors"]["rhythm"] is not None
    assert after | {"capture": before["capture"]} == before


def test_sampling_is_a_column_only_where_flow_logs_are(run, mining_pcap, tmp_path):
    record_frame(talk(), Names()).write_csv(tmp_path / "a.csv")
    run("meter", mining_pcap, tmp_path / "a.csv", "-o", tmp_path / "flows.parquet")
    table = pl.read_parquet(tmp_path / "flows.parquet")
    assert dict(table.schema) == written_schema(with_capture=True, with_sampling=True)
    assert table["sampling_packet_interval"].to_list() == [1] * table.height
    run("meter", mining_pcap, "-o", tmp_path / "flows.parquet")
    assert "sampling_packet_interval" not in pl.read_parquet(tmp_path / "flows.parquet").columns


def test_a_log_that_cannot_be_read_to_its_end_is_status_2(run, tmp_path, monkeypatch):
    monkeypatch.setattr("minewatch.registry.flow_formats", lambda _: [MadeUpFormat()])
    (tmp_path / "a.log").write_bytes(log(3))
    (tmp_path / "b.log").write_bytes(log(1) + b"refuse\n")
    result = run("meter", tmp_path, "-o", tmp_path / "flows.csv")
    assert result.exit_code == 2
    assert f"minewatch: {tmp_path}/b.log: refused; write something else\n" in result.stderr
    assert pl.read_csv(tmp_path / "flows.csv").height == 1


def test_a_silence_parts_what_is_metered(run, tmp_path):
    """Though neither part can pass the gate: records of all conversations are wanted."""
    record_frame(np.concatenate([record(0), record(9e4)]), Names()).write_csv(tmp_path / "a.csv")
    run("meter", tmp_path / "a.csv", "-o", tmp_path / "flows.csv")
    assert pl.read_csv(tmp_path / "flows.csv")["flow_id"].to_list() == [1, 2]


def test_a_bad_input_is_status_2_and_the_others_are_metered(run, mining_pcap, tmp_path):
    out = tmp_path / "flows.parquet"
    result = run("meter", tmp_path / "gone.pcap", mining_pcap, "-o", out)
    assert result.exit_code == 2
    assert pl.read_parquet(out).height == 5


def test_parquet_of_nothing_can_be_read(run, tmp_path):
    result = run("meter", tmp_path / "gone.pcap", "-o", tmp_path / "flows.parquet")
    assert result.exit_code == 2
    assert pl.read_parquet(tmp_path / "flows.parquet").height == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "Parquet needs a file: give one with -o"),
        (["--format", "eve"], "--format eve: one of parquet, csv, jsonl"),
        (["--format", "csv", "-o", "/dev/full"], "-o /dev/full: No space left on device"),
        (["-o", "/dev/full"], "-o /dev/full: "),
    ],
)
def test_an_output_that_cannot_be_is_one_line(run, mining_pcap, arguments, text):
    result = run("meter", mining_pcap, *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"minewatch: {text}")
    assert len(result.stderr.splitlines()) == 1
