# SPDX-License-Identifier: Apache-2.0
import pytest
import typer
from typer.testing import CliRunner

from minewatch.cli.errors import CommandGroup
from minewatch.cli.export import EPILOG, export


@pytest.fixture
def run():
    """Run the command by itself, beside another so that it keeps its name."""
    app = typer.Typer(cls=CommandGroup)
    app.command("export", epilog=EPILOG)(export)
    app.command("other")(lambda: None)
    return lambda *arguments: CliRunner().invoke(app, ["export", *map(str, arguments)])


def test_a_capture_becomes_a_log(run, mining_pcap, tmp_path):
    out = tmp_path / "flows.log"
    result = run(mining_pcap, "--format", "aws-v5", "-o", out)
    assert (result.exit_code, result.stdout) == (0, "")
    head, *lines = out.read_text().splitlines()
    assert head.startswith("version account-id interface-id")
    assert result.stderr == f"{len(lines)} records of 31 packets in 1 capture\n"
    assert sum(int(line.split()[8]) for line in lines) == 31


def test_options_reach_the_log(run, mining_pcap, tmp_path):
    def lines(*options):
        return run(mining_pcap, "--format", "aws-v2", "-q", *options).stdout.splitlines()[1:]

    assert len(lines("--interval", "600")) < len(lines())
    assert 0 < sum(int(line.split()[8]) for line in lines("--sampling", "3")) < 31
    assert lines("--sampling", "3") == lines("--sampling", "3", "--seed", "0")
    assert lines("--sampling", "3") != lines("--sampling", "3", "--seed", "1")


def test_home_says_whose_interfaces_there_are(run, mining_pcap):
    result = run(mining_pcap, "--format", "aws-v5", "--home", "203.0.113.0/24")
    assert {line.split()[-2] for line in result.stdout.splitlines()[1:]} == {"ingress", "egress"}
    nobody = run(mining_pcap, "--format", "aws-v5", "--home", "192.0.2.0/24")
    assert len(nobody.stdout.splitlines()) == 1
    assert "31 packets with no end at home left out; see --home" in nobody.stderr
    everything = run(mining_pcap, "--format", "zeek", "--home", "192.0.2.0/24")
    assert len(everything.stdout.splitlines()) == 8 + 3 + 1
    assert "left out" not in everything.stderr


def test_a_bad_input_is_status_2_and_the_others_are_exported(run, mining_pcap, tmp_path):
    out = tmp_path / "conn.log"
    result = run(tmp_path / "gone.pcap", mining_pcap, "--format", "zeek", "-o", out)
    assert result.exit_code == 2
    assert len(out.read_text().splitlines()) == 8 + 3 + 1


def test_several_captures_are_one_log(run, mining_pcap, benign_pcap, tmp_path):
    out = tmp_path / "conn.log"
    result = run(mining_pcap, benign_pcap, "--format", "zeek", "-o", out)
    assert "in 2 captures" in result.stderr
    assert out.read_text().count("#fields") == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--format", "eve"], "minewatch: --format eve: one of aws-v2"),
        (["--format", "gcp", "--interval", "61"], "minewatch: --interval 61: gcp aggregates"),
        (["--format", "ipfix", "--sampling", "0"], "minewatch: --sampling 0: must be above 0"),
        (["--format", "zeek", "-o", "/dev/full"], "minewatch: -o /dev/full: No space left"),
        (["--format", "zeek", "--home", "here"], "minewatch: --home here: "),
    ],
)
def test_what_cannot_be_is_one_line(run, mining_pcap, arguments, text):
    result = run(mining_pcap, *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(text)
    assert len(result.stderr.splitlines()) == 1


def test_an_input_is_not_written_over(run, mining_pcap):
    before = mining_pcap.read_bytes()
    result = run(mining_pcap, "--format", "zeek", "-o", mining_pcap)
    assert result.exit_code == 2
    assert "this is one of the inputs" in result.stderr
    assert mining_pcap.read_bytes() == before


def test_the_format_must_be_given(run, mining_pcap):
    result = run(mining_pcap)
    assert result.exit_code == 2
    assert "--format" in result.stderr
