# SPDX-License-Identifier: Apache-2.0
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from minewatch.cli import reproduce


def test_the_composition_is_checked_first(run, tmp_path):
    result = run("reproduce", "--out", tmp_path / "o", "--mining", 20)
    assert result.exit_code == 2
    assert result.stderr.startswith("minewatch: --mining 20: at least 60")
    assert not (tmp_path / "o").exists()


def test_an_unknown_size_is_one_line(run, tmp_path):
    result = run("reproduce", "--out", tmp_path, "--size", "payload")
    assert result.exit_code == 2
    assert result.stderr == "minewatch: --size payload: one of frame, ip\n"


def test_a_folder_with_something_in_it_is_one_line(run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    result = run("reproduce", "--out", tmp_path, "--small")
    assert result.exit_code == 2
    assert result.stderr == f"minewatch: --out {tmp_path}: not empty; name a new folder\n"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "labels.tsv").write_text("")
    result = run("reproduce", "--out", tmp_path, "--small")
    assert result.stderr.endswith(f"use its captures: --run {tmp_path / 'run'}\n")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_file_for_a_folder_is_one_line(run, tmp_path):
    (tmp_path / "file").write_text("")
    result = run("reproduce", "--out", tmp_path / "file", "--small")
    assert result.exit_code == 2
    assert result.stderr == f"minewatch: --out {tmp_path / 'file'}: File exists; name another\n"


def test_small_is_for_what_is_simulated(run, tmp_path):
    result = run("reproduce", "--out", tmp_path / "o", "--run", tmp_path, "--small")
    assert result.exit_code == 2
    assert "--small: only for what is simulated" in result.stderr


def test_the_command_makes_the_same_report_again():
    told = reproduce._command(None, 4000, 157, 3, "ip", ["10.0.0.0/8"])
    assert told == (
        "minewatch reproduce --out OUT --conversations 4000 --mining 157 --seed 3 "
        "--home 10.0.0.0/8 --size ip"
    )
    assert reproduce._command("x", 1, 1, 7, "frame", []) == (
        "minewatch reproduce --out OUT --run RUN --seed 7"
    )


@pytest.mark.slow
def test_an_interrupt_keeps_the_captures_and_no_report(tmp_path):
    out = tmp_path / "o"
    program = "import sys; sys.argv[0] = 'minewatch'; from minewatch.cli import main; main()"
    child = subprocess.Popen(
        [sys.executable, "-c", program, "reproduce", "--out", str(out), "--small"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith("splits"):
            child.send_signal(signal.SIGINT)
            break
    rest = child.stderr.read()
    child.stderr.close()
    assert child.wait(60) == 130
    assert f"no report was written; the captures are kept, give them with --run {out}" in rest
    assert [path.name for path in out.iterdir()] == ["run"]
    assert (out / "run" / "labels.tsv").exists()


def test_a_folder_without_labels_is_one_line(run, tmp_path):
    result = run("reproduce", "--out", tmp_path / "o", "--run", tmp_path, "--quiet")
    assert result.exit_code == 2
    assert "no labels.tsv in it" in result.stderr


def test_without_the_extra_it_names_the_cure(tmp_path):
    """A fresh interpreter in which matplotlib cannot be found."""
    program = (
        "import sys; sys.modules['matplotlib'] = None; sys.argv[0] = 'minewatch';"
        "from importlib import util; find = util.find_spec;"
        "util.find_spec = lambda n, *a: None if n == 'matplotlib' else find(n, *a);"
        "from minewatch.cli import main; main()"
    )
    source = str(Path(reproduce.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program, "reproduce", "--out", str(tmp_path / "o")],
        capture_output=True, text=True, check=False, timeout=120,
        env=os.environ | {"PYTHONPATH": source},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "minewatch: reproduce needs matplotlib: pip install 'minewatch[paper]'\n"
    )


def test_a_simulated_run_has_the_composition_asked_for(tmp_path):
    from minewatch.experiments.paper.samples import read_samples

    reproduce.simulate_paper(tmp_path / "run", 1500, 60, seed=5)
    samples = read_samples(tmp_path / "run")
    assert samples.is_mining.sum() == 60
    assert 1440 <= (~samples.is_mining).sum() < 1440 * 1.3
    assert samples.table["host"].n_unique() == 10
    assert set(samples.mining().table["coin"]) == {"DOGE", "ETC", "ETH", "RVN", "XMR"}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.slow
def test_small_makes_the_whole_report(run, tmp_path):
    out = tmp_path / "o"
    result = run("reproduce", "--out", out, "--small")
    assert result.exit_code == 0, result.stderr
    assert "macro-F1 in percent" in result.stdout
    assert result.stdout.rstrip().endswith("report.html")
    members = json.loads((out / "results.json").read_text())
    assert members["pairs"] == {"mining": 157, "normal": reproduce.SMALL_CONVERSATIONS - 157}
    assert members["honest_split"]["rotations"] > 3
    assert (out / "run" / "labels.tsv").exists()
