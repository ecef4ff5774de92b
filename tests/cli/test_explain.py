# SPDX-License-Identifier: Apache-2.0
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from made_up_logs import MadeUpFormat, log
from made_up_records import record, talk
from minewatch.readers.flowlogs.table import record_frame
from minewatch.records import Names

MINER = "10.0.0.5:41022-203.0.113.9:443"


def test_a_miner_in_full(run, mining_pcap):
    result = run("explain", mining_pcap, MINER)
    assert result.exit_code == 0
    first = result.stdout.partition("\n")[0]
    assert re.fullmatch(
        r"MINING  (>0\.999|0\.999)  10\.0\.0\.5:41022 -> 203\.0\.113\.9:443  TCP", first
    )
    for title in (
        "Detectors",
        "Speaks for mining",
        "How close",
        "Closest benign explanation",
        "What would disprove it",
        "What is mined",
        "What the decoders read",
        "Cadence",
        "Timeline",
        "First packets with payload",
    ):
        assert f"\n{title}\n" in result.stdout
    assert "  stratum_dialect: cryptonote\n" in result.stdout
    assert "Without stratum_state: " in result.stdout


def test_every_form_of_name_finds_the_same(run, mining_pcap):
    (line,) = run("scan", mining_pcap, "--format", "jsonl", "-q").stdout.splitlines()
    by_ends = run("explain", mining_pcap, MINER).stdout
    for arguments in (
        [json.loads(line)["community_id"]],
        ["203.0.113.9:443-10.0.0.5:41022"],
        ["10.0.0.5:41022 -> 203.0.113.9:443"],
        ["--id", "1"],
    ):
        assert run("explain", mining_pcap, *arguments).stdout == by_ends


def test_flow_logs_are_explained_by_the_names_that_scan_gives(run, tmp_path):
    """A conversation may lie in several files, and those that nobody scored are found too."""
    (tmp_path / "logs").mkdir()
    later = record(7200, source_transport_port=50_000)
    records = np.concatenate([talk(20, every_s=61), later])
    for n in range(3):
        record_frame(records[n::3], Names()).write_csv(tmp_path / "logs" / f"{n}.csv")
    scanned = run("scan", tmp_path / "logs", "--all", "--format", "jsonl", "-q")
    found = [json.loads(line) for line in scanned.stdout.splitlines()]
    assert [one["packet_delta_count"] for one in found] == [200, 10]
    table = " ".join(run("scan", tmp_path / "logs", "--threshold", "0.001").stdout.split())
    assert f"id 1, community id {found[0]['community_id']}, {tmp_path}/logs (3 files)" in table
    for number, one in enumerate(found, 1):
        text = run("explain", tmp_path / "logs", "--id", str(number)).stdout
        assert f", id {number}, community id {one['community_id']}" in " ".join(text.split())
        ends = "-".join(
            f"{one[f'{side}_address']}:{one[f'{side}_transport_port']}"
            for side in ("source", "destination")
        )
        for name in (one["community_id"], ends):
            assert run("explain", tmp_path / "logs", name).stdout == text
    assert "\nWhy it was not scored\n  one-way: " in text


def test_what_cannot_be_read_is_told_before_what_was_not_found(run, tmp_path):
    path = tmp_path / "a.csv"
    record_frame(talk(), Names()).write_csv(path)
    result = run("explain", path, "--id", "7")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert result.stderr.startswith(f"minewatch: {path}: no conversation with id 7; ")
    result = run("explain", path, "--id", "7", "--input-format", "aws")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"minewatch: {path}: the order of its fields cannot be known")


def test_a_log_that_cannot_be_read_to_its_end_is_told(run, tmp_path, monkeypatch):
    monkeypatch.setattr("minewatch.registry.flow_formats", lambda _: [MadeUpFormat()])
    (tmp_path / "a.log").write_bytes(log(3))
    (tmp_path / "b.log").write_bytes(log(1) + b"refuse\n")
    result = run("explain", tmp_path, "--id", "1")
    assert result.exit_code == 2
    assert result.stderr == f"minewatch: {tmp_path}/b.log: refused; write something else\n"
    assert "not-tcp: not TCP" in result.stdout


def test_captures_and_flow_logs_are_not_explained_together(run, mining_pcap, tmp_path):
    record_frame(talk(), Names()).write_csv(tmp_path / "a.csv")
    (tmp_path / "a.pcap").write_bytes(mining_pcap.read_bytes())
    result = run("explain", tmp_path, "--id", "1")
    assert result.exit_code == 2
    assert "explain takes inputs of one kind; name one, or --input-format" in result.stderr


def test_what_the_gate_stopped_is_told_why(run, mining_pcap):
    result = run("explain", mining_pcap, "10.0.0.7:50001-198.51.100.1:22")
    assert result.exit_code == 0
    assert result.stdout.startswith("NORMAL  0.002  ")
    assert "\nWhy it was not scored\n  one-way: " in result.stdout
    assert "0 packets with payload out, 0 back" in result.stdout
    assert "Detectors" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "which conversation? give a Community ID"),
        (["--id", "1", MINER], "which conversation? give a Community ID"),
        (["foo"], "foo: no conversation has such a name"),
        (["--id", "99"], "{path}: no conversation with id 99; minewatch scan --all lists them"),
        (["10.0.0.5:1-10.0.0.6:2"], "{path}: no conversation 10.0.0.5:1-10.0.0.6:2; "),
    ],
)
def test_a_wrong_name_is_one_line(run, mining_pcap, arguments, text):
    result = run("explain", mining_pcap, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"minewatch: {text.format(path=mining_pcap)}")
    assert len(result.stderr.splitlines()) == 1


def test_one_capture_only(run, mining_pcap, benign_pcap):
    result = run("explain", mining_pcap.parent, MINER)
    assert result.stderr == "minewatch: explain takes one capture, not 2\n"


def test_a_missing_capture_is_one_line(run, tmp_path):
    result = run("explain", tmp_path / "gone.pcap", MINER)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_the_cadence_is_drawn_into_a_file(run, mining_pcap, tmp_path):
    path = tmp_path / "cadence.svg"
    result = run("explain", mining_pcap, MINER, "--svg", path)
    assert result.exit_code == 0
    assert result.stdout.startswith("MINING")
    root = ElementTree.parse(path).getroot()
    shown = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert shown[0] == "10.0.0.5:41022 → 203.0.113.9:443"


@pytest.mark.parametrize(
    ("conversation", "path", "text"),
    [
        (MINER, "/nowhere/a.svg", "--svg /nowhere/a.svg: No such file or directory; give a file"),
        (MINER, "{capture}", "--svg {capture}: this is one of the inputs; name another file"),
        (
            "10.0.0.7:50001-198.51.100.1:22",
            "a.svg",
            "--svg a.svg: of a conversation that was not scored no times are kept; give another",
        ),
    ],
)
def test_what_cannot_be_drawn_is_one_line(run, mining_pcap, conversation, path, text):
    before = mining_pcap.read_bytes()
    result = run("explain", mining_pcap, conversation, "--svg", path.format(capture=mining_pcap))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"minewatch: {text.format(capture=mining_pcap)}")
    assert len(result.stderr.splitlines()) == 1
    assert mining_pcap.read_bytes() == before


def test_what_the_user_knows_is_told(run, mining_pcap, tmp_path):
    known = tmp_path / "known.toml"
    known.write_text(
        '[[allow]]\nhost = "10.0.0.5"\nowner = "ops"\nreason = "a course"\n'
        'expires = 2023-11-14\n\n[transit]\nVPN = ["203.0.113.9/32"]\n'
    )
    flat = " ".join(run("explain", mining_pcap, MINER, "--allow", known).stdout.split())
    assert f"Allowed by ops until 2023-11-14: a course ({known}:1)." in flat
    assert "203.0.113.9 is a transit host (VPN): the pool lies behind it" in flat


def test_hosts_at_the_same_far_end_are_counted(run, two_miners):
    flat = " ".join(run("explain", two_miners, MINER).stdout.split())
    assert "1 more host has a conversation like this with 203.0.113.9, port 443" in flat
