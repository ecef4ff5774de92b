# SPDX-License-Identifier: Apache-2.0
import csv
import gzip
import json
import shutil

import polars as pl
import pytest
from communityid import CommunityID, FlowTuple

from contract_check import problems
from made_up_logs import MadeUpFormat
from made_up_logs import log as made_up_log
from minewatch import registry
from minewatch.models.model_file import shipped_model
from minewatch.output.contract import NAMES, json_schema

MINER, POOL = "10.0.0.5", "203.0.113.9"


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_table_names_the_miner_and_says_why(run, mining_pcap):
    result = run("scan", mining_pcap)
    assert result.exit_code == 1
    assert result.stderr == ""
    head = result.stdout.splitlines()[0]
    assert "10.0.0.5:41022 -> 203.0.113.9:443  TCP" in head
    assert "algorithm rx/0, dialect cryptonote" in result.stdout
    assert "XMRig/6.22.0" in result.stdout
    assert "1 of 3 conversations is mining (31 packets, 1 capture)" in result.stdout
    assert not any(line != line.rstrip() for line in result.stdout.splitlines())


def test_nothing_found_is_status_0(run, benign_pcap):
    result = run("scan", benign_pcap)
    assert result.exit_code == 0
    assert result.stdout.startswith("0 of 1 conversation are mining")


def test_jsonl_is_the_contract(run, mining_pcap):
    (record,) = lines(run("scan", mining_pcap, "--format", "jsonl", "--quiet"))
    assert tuple(record) == NAMES
    assert list(problems(record, json_schema())) == []
    probability, detectors, evidence = (
        record.pop(name) for name in ("mining_probability", "detectors", "evidence")
    )
    assert record == {
        "source_address": "10.0.0.5",
        "source_transport_port": 41022,
        "destination_address": "203.0.113.9",
        "destination_transport_port": 443,
        "protocol_identifier": 6,
        "flow_start": "2023-11-14T22:13:20.000000Z",
        "flow_end": "2023-11-14T22:15:20.600000Z",
        "packet_delta_count": 8,
        "reverse_packet_delta_count": 7,
        "octet_delta_count": record["octet_delta_count"],
        "reverse_octet_delta_count": record["reverse_octet_delta_count"],
        "label": "mining",
        "algorithm": "rx/0",
        "algorithm_source": "payload",
        "dialect": "cryptonote",
        "pool_family": record["pool_family"],
        "payout_coin": "XMR",
        "community_id": CommunityID().calc(FlowTuple.make_tcp(MINER, POOL, 41022, 443)),
        "capture": str(mining_pcap),
        "tags": [],
        "transit": None,
        "allowed_by": None,
        "expired_allowance": None,
        "sampling_packet_interval": 1,
    }
    assert probability > 0.99
    assert detectors["signature"] == pytest.approx(0.999)
    assert detectors["intel"] is None
    assert evidence[0]["feature"] == "stratum_state"
    assert evidence[0]["contribution"] > 5


def test_all_writes_every_conversation_with_the_reason(run, mining_pcap):
    records = lines(run("scan", mining_pcap, "--format", "jsonl", "--all", "--quiet"))
    assert [list(problems(r, json_schema())) for r in records] == [[], [], []]
    by_port = {r["source_transport_port"]: r for r in records}
    assert by_port[41022]["label"] == "mining"
    assert by_port[50000]["label"] == "normal"
    gated = by_port[50001]
    assert gated["label"] == "normal"
    assert gated["detectors"] == {cls.name: None for cls in registry.DETECTORS}
    assert [e["feature"] for e in gated["evidence"]] == ["gate"]


def test_threshold_decides_the_label_and_the_status(run, benign_pcap):
    result = run("scan", benign_pcap, "--threshold", "1e-6", "--format", "jsonl")
    assert result.exit_code == 1
    assert lines(result)[0]["label"] == "mining"


def test_csv_and_parquet_have_the_same_rows(run, mining_pcap, tmp_path):
    for name in ("found.csv", "found.parquet"):
        assert run("scan", mining_pcap, "--all", "-o", tmp_path / name).exit_code == 1
    rows = list(csv.DictReader((tmp_path / "found.csv").read_text("utf-8").splitlines()))
    table = pl.read_parquet(tmp_path / "found.parquet")
    assert list(rows[0]) == table.columns
    assert table.schema["flow_start"] == pl.Datetime("us", "UTC")
    assert [row["community_id"] for row in rows] == table["community_id"].to_list()
    assert [float(row["mining_probability"]) for row in rows] == table[
        "mining_probability"
    ].to_list()
    assert rows[0]["flow_start"] == "2023-11-14T22:13:20.000000Z"
    assert rows[-1]["detector_rhythm"] == ""
    assert sorted(path.name for path in tmp_path.iterdir() if "found" in path.name) == [
        "found.csv",
        "found.parquet",
    ]


def test_csv_of_nothing_has_a_header(run, benign_pcap):
    result = run("scan", benign_pcap, "--format", "csv")
    assert result.stdout.startswith("source_address,")
    assert len(result.stdout.splitlines()) == 1


def test_eve_alerts(run, mining_pcap):
    (event,) = lines(run("scan", mining_pcap, "--format", "eve", "--all", "--quiet"))
    assert event["event_type"] == "alert"
    assert (event["src_ip"], event["dest_port"], event["proto"]) == ("10.0.0.5", 443, "TCP")


def test_the_summary_goes_to_standard_error_beside_machine_formats(run, mining_pcap):
    result = run("scan", mining_pcap, "--format", "jsonl")
    assert len(lines(result)) == 1
    assert result.stderr.startswith("1 of 3 conversations is mining")
    assert run("scan", mining_pcap, "--format", "jsonl", "-q").stderr == ""


def test_a_table_may_go_to_a_file(run, mining_pcap, tmp_path):
    result = run("scan", mining_pcap, "-o", tmp_path / "found.txt")
    assert result.stdout == ""
    assert "203.0.113.9:443" in (tmp_path / "found.txt").read_text(encoding="utf-8")


def test_a_bad_input_is_named_and_the_others_are_scanned(run, mining_pcap, benign_pcap, tmp_path):
    bad = tmp_path / "notes.txt"
    bad.write_text("these are my notes")
    result = run("scan", bad, tmp_path / "gone.pcap", mining_pcap, "--format", "jsonl", "-q")
    assert result.exit_code == 1
    assert [r["capture"] for r in lines(result)] == [str(mining_pcap)]
    unknown, gone = result.stderr.splitlines()
    assert unknown.startswith(
        f"minewatch: {bad}: of no known kind: it begins with 'these are my notes'; "
    )
    assert "--input-format (one of capture, " in unknown
    assert gone == (
        f"minewatch: {tmp_path}/gone.pcap: no such file; check the name, or give a folder or a "
        "pattern"
    )
    assert run("scan", bad, benign_pcap).exit_code == 2
    assert run("scan", bad, mining_pcap, "--strict").exit_code == 2


def test_a_cut_capture_is_told_and_strict_makes_it_an_error(run, mining_pcap, tmp_path):
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(mining_pcap.read_bytes()[:-10])
    result = run("scan", cut)
    assert result.exit_code == 1
    assert f"{cut}: offset " in result.stdout
    assert run("scan", cut, "--strict").exit_code == 2


def test_folders_patterns_compression_and_standard_input(run, mining_pcap, tmp_path):
    folder = tmp_path / "captures" / "deep"
    folder.mkdir(parents=True)
    (folder / "a.pcap.gz").write_bytes(gzip.compress(mining_pcap.read_bytes()))
    shutil.copy(mining_pcap, folder / "b.pcap")
    for argument in (tmp_path / "captures", f"{folder}/*"):
        result = run("scan", argument, "--format", "jsonl", "-q")
        assert [r["capture"][-9:] for r in lines(result)] == ["a.pcap.gz", "ep/b.pcap"]


def test_intel_is_evidence(run, mining_pcap, tmp_path):
    listed = tmp_path / "pools.csv"
    listed.write_text("indicator,type,confidence\n203.0.113.9,ip,confirmed\n")
    (record,) = lines(run("scan", mining_pcap, "--intel", listed, "--format", "jsonl", "-q"))
    assert record["detectors"]["intel"] > 0.002


KNOWN = """[[allow]]
host = "10.0.0.5"
owner = "ops"
reason = "a course"
expires = {expires}

[transit]
"office VPN" = ["203.0.113.0/24"]
"""


@pytest.fixture
def allow(tmp_path):
    def write(expires="2023-11-14", **changes):
        path = tmp_path / "known.toml"
        path.write_text(KNOWN.format(expires=expires))
        return path

    return write


def test_what_is_allowed_stays_and_is_no_find(run, mining_pcap, allow):
    result = run("scan", mining_pcap, "--allow", allow(), "--format", "jsonl")
    assert result.exit_code == 0
    (record,) = lines(result)
    assert record["label"] == "mining"
    assert record["allowed_by"]["owner"] == "ops"
    assert record["tags"] == ["transit"]
    assert list(problems(record, json_schema())) == []
    assert result.stderr.startswith("0 of 3 conversations are mining")
    assert "\n  1 more is mining and allowed\n" in result.stderr


def test_an_expired_allowance_is_told_and_counts(run, mining_pcap, allow):
    result = run("scan", mining_pcap, "--allow", allow("2023-11-13"))
    assert result.exit_code == 1
    assert "Was allowed by ops until 2023-11-13: a course" in result.stdout
    assert "1 of the finds was allowed until the allowance expired" in result.stdout


def test_all_formats_take_what_the_user_said(run, mining_pcap, allow, tmp_path):
    for name in ("a.csv", "a.parquet", "a.jsonl", "a.txt"):
        result = run("scan", mining_pcap, "--all", "--allow", allow(), "-o", tmp_path / name)
        assert result.exit_code == 0, result.stderr
        assert (tmp_path / name).stat().st_size
    tags = pl.read_parquet(tmp_path / "a.parquet")["tags"].to_list()
    assert sorted(tags) == ["", "", "transit"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--allow", "gone.toml"], "gone.toml: No such file or directory; name a TOML"),
        (["--budget", "1/host-day", "--threshold", "0.5"], "--budget and --threshold: give one"),
        (["--budget", "1"], "--budget 1: write N/host-day, "),
        (["--threshold", "2"], "--threshold 2.0: above 0, and 1 at most"),
        (["--interval", "0"], "--interval must be above 0 s and a year at most, not 0.0"),
        (["--interval", "30"], f"{shipped_model('rhythm')}: made with --interval 60, 30 is in"),
        (["--home", "10.0.0.1/8"], "--home 10.0.0.1/8: "),
        (["--format", "xml"], "--format xml: one of table, jsonl, csv, parquet, eve"),
        (["--format", "parquet"], "Parquet needs a file: give one with -o"),
        (["-o", "/nowhere/x.jsonl"], "-o /nowhere/x.jsonl: No such file or directory; "),
        (["--model", "gone.onnx"], "gone.onnx: "),
        (["--intel", "gone.csv"], "gone.csv: "),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(run, mining_pcap, arguments, text):
    result = run("scan", mining_pcap, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"minewatch: {text}")
    assert len(result.stderr.splitlines()) == 1


def test_text_from_the_wire_cannot_act_on_a_terminal(run, capture_of_agent):
    result = run("scan", capture_of_agent("[red]evil[/red]\x1b[2J\u202e"))
    assert "[red]evil[/red]?[2J?" in result.stdout
    assert "\x1b" not in result.stdout


def aws_log(path, n=20, more=""):
    """A miner's trickle in windows of a minute, and a line more."""
    lines = ["version srcaddr dstaddr srcport dstport protocol packets bytes start end action"]
    for i in range(n):
        start = 1_700_000_000 + 60 * i
        for ends in (f"{MINER} {POOL} 41022 3333", f"{POOL} {MINER} 3333 41022"):
            lines.append(f"2 {ends} 6 {8 + i % 3} {900 + 40 * (i % 3)} {start} {start + 55} ACCEPT")
    path.write_text("\n".join([*lines, more]))
    return path


def test_flow_logs_have_a_threshold_of_their_own_and_it_is_told(run, tmp_path):
    result = run("scan", aws_log(tmp_path / "a.log"))
    assert result.stderr == ""
    assert "of 1 conversation" in result.stdout
    assert "(40 records, 1 flow log)" in result.stdout
    assert "  threshold of flow logs 0.1412: no benign conversation" in result.stdout
    assert "threshold of" not in run("scan", tmp_path / "a.log", "--threshold", "0.5").stdout


def test_captures_and_flow_logs_are_scanned_together(run, mining_pcap, tmp_path):
    result = run("scan", mining_pcap, aws_log(tmp_path / "a.log"), "--all", "--format", "jsonl")
    found = lines(result)
    assert {r["capture"] for r in found} == {str(mining_pcap), str(tmp_path / "a.log")}
    log = next(r for r in found if r["capture"].endswith("a.log"))
    assert (log["packet_delta_count"], log["reverse_packet_delta_count"]) == (179, 179)
    assert log["sampling_packet_interval"] == 1
    assert list(problems(log, json_schema())) == []


def test_a_bogus_row_is_told_and_strict_stops_there(run, tmp_path):
    log = aws_log(tmp_path / "a.log", more="bogus line\n")
    result = run("scan", log)
    assert result.exit_code in (0, 1)
    assert "rows that could not be used: 1 wrong number of fields" in result.stdout
    assert f"{log}:42: wrong number of fields" in result.stdout
    result = run("scan", log, "--strict")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"minewatch: {log}:42: wrong number of fields; ")


def test_a_log_that_cannot_be_read_to_its_end_is_an_error_and_the_others_are_scanned(
    run, tmp_path, monkeypatch
):
    monkeypatch.setattr("minewatch.registry.flow_formats", lambda _: [MadeUpFormat()])
    (tmp_path / "a.log").write_bytes(made_up_log(3))
    (tmp_path / "b.log").write_bytes(made_up_log(1) + b"refuse\n")
    result = run("scan", tmp_path)
    assert result.exit_code == 2
    assert result.stderr == f"minewatch: {tmp_path}/b.log: refused; write something else\n"
    assert "(3 records, 2 flow logs)" in result.stdout
    result = run("scan", tmp_path, "--strict")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"minewatch: {tmp_path}/b.log: refused; write something else\n"


def test_a_log_named_twice_counts_once(run, tmp_path):
    log = aws_log(tmp_path / "a.log")
    result = run("scan", log, f"{tmp_path}/*.log", "--all", "--format", "jsonl")
    (found,) = lines(result)
    assert (found["packet_delta_count"], found["capture"]) == (179, str(log))
    assert f"minewatch: {log}: named more than once; it is read once\n" in result.stderr


def test_a_format_may_be_forced(run, tmp_path):
    result = run("scan", aws_log(tmp_path / "a.log"), "--input-format", "zeek")
    assert result.exit_code == 2
    assert str(tmp_path / "a.log") in result.stderr
    result = run("scan", tmp_path / "a.log", "--input-format", "vms")
    assert "--input-format 'vms': not known; one of capture, " in result.stderr
