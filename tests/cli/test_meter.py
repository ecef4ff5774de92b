# SPDX-License-Identifier: Apache-2.0
import csv
import json

import polars as pl
import pytest

from minewatch.output.flows import written_schema


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
