# SPDX-License-Identifier: Apache-2.0
import json
import signal
import subprocess
import sys
import time

import pytest
import typer

from minewatch.cli.lab import _show, progress_line
from minewatch.lab.dialects import DIALECTS
from minewatch.lab.plan import EVASIONS
from minewatch.lab.run import Outcome


def test_a_dry_run_prints_the_plan(run, tmp_path):
    result = run("lab", "run", "--dry-run", "--servers", 3, "--minutes", 5, "--evasion", "all")
    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)
    assert (plan["seed"], plan["seconds"]) == (7, 300.0)
    assert sum(host["role"] == "server" for host in plan["hosts"]) == 3
    assert {e for miner in plan["miners"] for e in miner["evasions"]} == set(EVASIONS)
    assert {pool["dialect"] for pool in plan["pools"]} == set(DIALECTS)
    again = run("lab", "run", "--dry-run", "--servers", 3, "--minutes", 5, "--evasion", "all")
    assert again.stdout == result.stdout


def test_names_are_separated_by_commas(run):
    result = run(
        *("lab", "run", "--dry-run", "--servers", 2),
        *("--dialects", "zcash, kawpow", "--evasion", "padding,jitter"),
    )
    plan = json.loads(result.stdout)
    assert {pool["dialect"] for pool in plan["pools"]} == {"zcash", "kawpow"}
    assert {e for miner in plan["miners"] for e in miner["evasions"]} == {"padding", "jitter"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--servers", "0"], "--servers 0: give 1 to 50"),
        (["--servers", "99"], "--servers 99: give 1 to 50"),
        (["--minutes", "0.1"], "--minutes 0.1: give 0.2 to 1440"),
        (["--minutes", "nan"], "--minutes nan: give 0.2 to 1440"),
        (["--evasion", "magic"], "no evasion magic; there are tls, port, "),
        (["--dialects", "klingon"], "no dialect klingon; there are "),
        (["--dialects", ","], "no dialect was named; there are "),
        ([], "Invalid value for --out: give a folder; see minewatch lab run --help"),
    ],
)
def test_bad_values_are_one_line(run, arguments, told):
    result = run("lab", "run", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"minewatch: {told}")
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_an_xmrig_that_is_none_is_one_line(run, tmp_path):
    result = run("lab", "run", "-o", tmp_path / "lab", "--xmrig", tmp_path / "gone")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"minewatch: --xmrig {tmp_path / 'gone'}: not an executable")
    assert not (tmp_path / "lab").exists()


def test_missing_programs_are_named_with_their_packages(tmp_path, monkeypatch, run):
    """On a machine without servers: the path holds nothing but Python."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("minewatch.lab.services.programs._FURTHER", ())
    monkeypatch.setattr("minewatch.lab.services.programs._POSTGRESQL", tmp_path)
    result = run("lab", "run", "-o", tmp_path / "lab")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("minewatch: programs are missing: ")
    packages = line.partition("; on Debian: apt-get install ")[2].split()
    assert packages == sorted(set(packages))
    assert {"iproute2", "nginx", "postgresql", "tcpdump", "mosquitto"} <= {*packages}
    assert not (tmp_path / "lab").exists()


def test_an_interrupted_run_has_the_status_of_one(capsys, tmp_path):
    with pytest.raises(typer.Exit) as end:
        _show(Outcome({"server-1": 0}, was_stopped=True), tmp_path, quiet=True)
    assert end.value.exit_code == 130
    assert capsys.readouterr().err == "minewatch: interrupted; 1 captures up to then were kept\n"


def test_missing_packets_are_told(capsys, tmp_path):
    _show(Outcome({"server-1": 5, "server-2": 1}), tmp_path, quiet=True)
    assert "6 packets are missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"event": "building", "hosts": 30}, "building a network of 30 hosts"),
        ({"event": "finished", "captures": {}}, "finished"),
        (
            {"event": "running", "passed_s": 3601.0, "seconds": 7200.0, "octets": 5e6},
            "running: 60:01 of 120:00, 5,000 kB captured",
        ),
    ],
)
def test_progress_is_one_line(event, line):
    assert progress_line(event) == line


def has_started(path):
    """Return whether a plan has been written again with its start."""
    try:
        return json.loads(path.read_text())["started_s"] > 0
    except (OSError, ValueError):  # not yet there, or half
        return False


@pytest.mark.namespace
@pytest.mark.slow
def test_a_user_stops_a_lab(tmp_path):
    """Ctrl-C on the command: captures up to then are kept, and named."""
    out = tmp_path / "lab"
    command = [sys.executable, "-m", "minewatch", "lab", "run", "--servers", "1", "--minutes", "5"]
    process = subprocess.Popen(
        [*command, "--dialects", "zcash", "--out", str(out)], stderr=subprocess.PIPE, text=True
    )
    while not has_started(out / "plan.json"):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaint == "minewatch: interrupted; 1 captures up to then were kept\n"
    assert [path.name for path in (out / "captures").iterdir()] == ["server-1.pcap"]
