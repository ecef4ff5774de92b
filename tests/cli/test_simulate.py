# SPDX-License-Identifier: Apache-2.0
import json
import resource
import subprocess
import sys

import polars as pl
import pytest

SMALL = ("--conversations", 60, "--mining", 6, "--days", 0.01, "--servers", 2)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_capture_with_labels(run, tmp_path):
    out = tmp_path / "new" / "sim"
    result = run("simulate", *SMALL, "--out", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert names(out) == ["labels.tsv", "simulated.pcap", "simulation.json", "truth.parquet"]
    summary = json.loads((out / "simulation.json").read_text())
    assert summary["totals"]["conversations"] == summary["settings"]["conversations"] == 60
    packets = summary["totals"]["packets"]
    assert result.stderr.startswith(f"60 conversations, {packets:,} packets\n")
    assert pl.read_parquet(out / "truth.parquet").height == 60
    metered = run("meter", out / "simulated.pcap", "-o", tmp_path / "flows.parquet")
    assert f"({packets:,} packets, 1 capture)" in metered.stderr


def test_flows_are_those_of_the_capture(run, tmp_path):
    run("simulate", *SMALL, "--out", tmp_path / "a", "--format", "both", "-q")
    run("simulate", *SMALL, "--out", tmp_path / "b", "--format", "flows", "-q")
    run("meter", tmp_path / "a" / "simulated.pcap", "-o", tmp_path / "flows.parquet", "-q")
    wanted = pl.read_parquet(tmp_path / "flows.parquet")
    for folder in ("a", "b"):
        assert pl.read_parquet(tmp_path / folder / "flows.parquet").equals(wanted)
    assert "simulated.pcap" not in names(tmp_path / "b")
    assert "flows.parquet\t" in (tmp_path / "b" / "labels.tsv").read_text()


def test_a_seed_makes_the_same_octets_and_another_seed_others(run, tmp_path):
    octets = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        run("simulate", *SMALL, "--out", tmp_path / name, "--seed", seed, "-q")
        octets.append((tmp_path / name / "simulated.pcap").read_bytes())
    assert octets[0] == octets[1] != octets[2]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--conversations", 0], "--conversations"),
        (["--mining", 61], "--mining"),
        (["--days", 0], "--days"),
        (["--days", "nan"], "--days"),
        (["--servers", 0], "--servers"),
        (["--evasion", 2], "--evasion"),
        (["--composition", "tame"], "--composition"),
        (["--format", "csv"], "--format csv: one of pcap, flows, both"),
        (["--snaplen", 20], "--snaplen 20: from 96"),
        (["--seed", -1], "--seed -1: from 0"),
    ],
)
def test_silly_values_are_one_line_and_leave_nothing(run, tmp_path, arguments, text):
    result = run("simulate", *SMALL, "--out", tmp_path / "out", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"minewatch: {text}")
    assert len(result.stderr.splitlines()) == 1
    assert names(tmp_path) == []


def test_a_folder_with_something_in_it_is_left_alone(run, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    result = run("simulate", *SMALL, "--out", tmp_path)
    assert result.exit_code == 2
    assert "not empty; name a new folder" in result.stderr
    assert names(tmp_path) == ["mine.txt"]
    result = run("simulate", *SMALL, "--out", tmp_path / "mine.txt")
    assert result.exit_code == 2
    assert "mine.txt" in result.stderr


@pytest.mark.parametrize("format", ["pcap", "flows"])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_file_that_may_not_grow_ends_in_one_line(tmp_path, format, is_new):
    """What a full disk does, done by a limit on the size of files."""
    out = tmp_path / "out"
    if not is_new:
        out.mkdir()
    command = [sys.executable, "-m", "minewatch", "simulate", "--out", str(out)]
    done = subprocess.run(
        [*command, *map(str, SMALL), "--format", format],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.returncode == 2
    assert "File too large; nothing was written" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert names(tmp_path) == ([] if is_new else ["out"])
    assert is_new or names(out) == []
