# SPDX-License-Identifier: Apache-2.0
import csv
import json

import polars as pl
import pytest

from runs import write_run


@pytest.fixture
def run_folder(tmp_path):
    return write_run(tmp_path / "run")


def test_mining_is_shown_with_evidence_and_all_are_counted(run, mining_pcap):
    result = run("label", mining_pcap)
    assert result.exit_code == 0
    first, *rest = result.stdout.splitlines()
    assert first.startswith("mining  10.0.0.5:41022 -> 203.0.113.9:443  cryptonote: Login as 4AAA")
    assert rest == ["1  mining: cryptonote", "2  normal"]
    assert result.stderr == ""


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "tsv", "parquet"])
def test_a_row_for_every_conversation(run, mining_pcap, tmp_path, suffix):
    path = tmp_path / f"labels.{suffix}"
    result = run("label", mining_pcap, "-o", path)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "1  mining: cryptonote" in result.stderr
    if suffix == "jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    elif suffix == "parquet":
        rows = pl.read_parquet(path).to_dicts()
    else:
        separator = {"csv": ",", "tsv": "\t"}[suffix]
        rows = list(csv.DictReader(path.read_text().splitlines(), delimiter=separator))
    by_port = {int(row["source_transport_port"]): row for row in rows}
    assert {port: row["inspection"] for port, row in by_port.items()} == {
        41022: "mining",
        50000: "normal",
        50001: "normal",
    }
    assert by_port[41022]["dialect"] == "cryptonote"
    assert by_port[50001]["evidence"] == "No payload."


def test_a_run_agrees_with_its_labels(run, run_folder):
    result = run("label", "--check", run_folder)
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "cryptonote tcp 2 2 0 0 0 0" in lines
    assert "cryptonote tls1.3 2 0 2 0 0 0" in lines
    assert "nginx 3 0" in lines
    assert lines[-1] == "inspection and labels agree: 0 of 9 conversations differ"


def test_a_difference_is_named_and_is_status_1(run, run_folder, tmp_path):
    labels = run_folder / "labels.tsv"
    labels.write_text(labels.read_text().replace("\tcryptonote\ttcp\t", "\tkawpow\ttcp\t"))
    result = run("label", "--check", labels, "-o", tmp_path / "all.csv")
    assert result.exit_code == 1
    rows = csv.DictReader((tmp_path / "all.csv").read_text().splitlines())
    assert [row["outcome"] for row in rows].count("wrong") == 2
    assert "inspection and labels do not agree: 2 of 9" in result.stderr
    result = run("label", "--check", labels)
    wrong = [line for line in result.stdout.splitlines() if line.startswith("wrong  ")]
    assert len(wrong) == 2
    assert "built as mining kawpow tcp mining; read: Login as" in wrong[0]


def test_a_normal_conversation_that_mines_and_one_without_label(run, run_folder):
    labels = run_folder / "labels.tsv"
    lines = labels.read_text().splitlines()
    lines = [line.replace("\tmining\t203.0.113.9", "\tnormal\t203.0.113.9") for line in lines]
    labels.write_text("\n".join(line for line in lines if "redis" not in line) + "\n")
    result = run("label", "--check", run_folder)
    assert result.exit_code == 1
    assert "called mining  " in result.stdout
    assert "2 not labelled: no rule of the labels file matches" in result.stdout


def test_one_capture_of_a_run_may_be_checked_alone(run, run_folder):
    capture = run_folder / "captures" / "web-2.pcap"
    result = run("label", capture, "--check", run_folder)
    assert result.exit_code == 0
    assert "0 of 4 conversations differ" in result.stdout


def test_what_cannot_be_checked_is_one_line_and_status_2(run, run_folder, mining_pcap, tmp_path):
    for arguments, message in (
        ((), "what to label?"),
        (("--check", tmp_path / "gone.tsv"), "cannot be read as text"),
        (("--check", tmp_path), "no labels.tsv in this folder"),
        ((mining_pcap, "--check", run_folder), "the labels do not name this capture"),
        ((mining_pcap, "--format", "eve"), "--format eve: one of table, jsonl, csv, tsv, parquet"),
        ((mining_pcap, "--format", "parquet"), "Parquet needs a file"),
    ):
        result = run("label", *arguments)
        assert result.exit_code == 2
        assert message in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_a_capture_that_is_gone_is_status_2_and_the_others_are_checked(run, run_folder):
    (run_folder / "captures" / "web-1.pcap").unlink()
    result = run("label", "--check", run_folder)
    assert result.exit_code == 2
    assert "web-1.pcap: no such file" in result.stderr
    assert "0 of 4 conversations differ" in result.stdout


def test_quiet_says_nothing(run, mining_pcap, tmp_path):
    result = run("label", mining_pcap, "-o", tmp_path / "a.jsonl", "--quiet")
    assert (result.stdout, result.stderr) == ("", "")
