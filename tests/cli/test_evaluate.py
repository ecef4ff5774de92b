# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from types import SimpleNamespace

import pytest

from minewatch.cli.evaluate import SMALL_TITLE, print_targets
from minewatch.experiments.benchmark import corpora, small
from minewatch.experiments.benchmark import evaluate as benchmark
from minewatch.experiments.benchmark.pages import INTRODUCTION
from minewatch.experiments.benchmark.results import plain
from minewatch.experiments.benchmark.targets import Status, Target
from minewatch.experiments.paper.metrics import Interval

NOTHING = Interval(float("nan"))
TARGETS = (
    Target("a", "recall", "at least 0.9", Interval(0.98765, 0.9, 1.0), "", Status.MET, ""),
    Target("b", "minutes", "at most 2", NOTHING, "", Status.NOT_MEASURED, ""),
)
FOUND = {"targets": plain(TARGETS)}
"""As ``results.json`` holds them."""


@pytest.fixture
def asked(monkeypatch):
    """What the benchmark was asked for, without running it."""
    kept = SimpleNamespace(read=[], towns=[])

    def measure(corpus, out, options, on_step, folds=None):
        kept.corpus, kept.out, kept.options, kept.folds = corpus, out, options, folds
        on_step("report")
        return FOUND

    def read(labels, cesnet, cache, on_step):
        kept.read.append((labels, cesnet, cache))
        return "what was read"

    def towns(folder, seed, on_step):
        kept.towns.append((folder.is_dir(), seed))
        return "three towns"

    def measure_formats(corpus, out, options, on_step, folds=None):
        kept.corpus, kept.out, kept.options, kept.folds = corpus, out, options, folds
        return out / "formats.md"

    monkeypatch.setattr(benchmark, "evaluate", measure)
    monkeypatch.setattr(benchmark, "evaluate_formats", measure_formats)
    monkeypatch.setattr(benchmark, "check_libraries", lambda: None)
    monkeypatch.setattr(corpora, "read_sources", read)
    monkeypatch.setattr(small, "simulated_towns", towns)
    return kept


@pytest.mark.parametrize("given", [[], ["labels.tsv", "--small"]], ids=["neither", "both"])
def test_it_is_either_labels_or_small(given, run, tmp_path):
    result = run("evaluate", *given, "--out", tmp_path / "o")
    assert result.exit_code == 2
    assert result.stderr == (
        "minewatch: evaluate: either labels files and folders of runs, or --small\n"
    )
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("--workers", 0, "--workers 0: 1 or more"),
        ("--workers", -3, "--workers -3: 1 or more"),
        ("--seed", -1, "--seed -1: from 0 to 2147483647"),
        ("--seed", 1 << 31, "--seed 2147483648: from 0 to 2147483647"),
    ],
)
def test_numbers_outside_their_domain_are_refused_before_any_work(
    option, value, text, asked, run, tmp_path
):
    result = run("evaluate", "--small", option, value, "--out", tmp_path / "o")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"minewatch: {text}")
    assert asked.towns == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--cesnet", "--cache"])
def test_small_reads_nothing(option, asked, run, tmp_path):
    result = run("evaluate", "--small", option, tmp_path / "x", "--out", tmp_path / "o")
    assert result.exit_code == 2
    assert result.stderr.startswith("minewatch: --small: simulates all that it measures; leave out")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_asked_for(run):
    assert "Missing option '--out'; see minewatch evaluate" in run("evaluate", "--small").stderr


@pytest.mark.parametrize("kept", [False, True])
def test_missing_labels_name_the_cure(kept, run, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "check_libraries", lambda: None)
    more = ["--cache", tmp_path / "cache"] if kept else []
    result = run("evaluate", tmp_path / "gone.tsv", "--out", tmp_path / "o", "--quiet", *more)
    assert result.exit_code == 2
    assert result.stderr == (
        f"minewatch: {tmp_path}/gone.tsv: cannot be read (No such file or directory): "
        "name a labels file, or the folder of a run\n"
    )


def test_a_missing_library_is_told_before_anything_is_read(run, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "find_spec", lambda name: None if name == "torch" else name)
    result = run("evaluate", tmp_path / "gone.tsv", "--out", tmp_path / "o")
    assert result.exit_code == 2
    assert result.stderr == (
        "minewatch: evaluate needs torch: pip install 'minewatch[paper,deep]'\n"
    )
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("option", ["--out", "--cache"])
def test_a_file_for_a_folder_is_one_line_before_anything_is_read(option, asked, run, tmp_path):
    (tmp_path / "file").write_text("")
    folders = {"--out": tmp_path / "o", "--cache": tmp_path / "c"} | {option: tmp_path / "file"}
    given = [part for pair in folders.items() for part in pair]
    result = run("evaluate", "labels.tsv", *given)
    assert result.exit_code == 2
    assert result.stderr == f"minewatch: {option} {tmp_path / 'file'}: File exists; name another\n"
    assert asked.read == []


def test_labels_are_read_and_measured(asked, run, tmp_path):
    given = ["a.tsv", "lab-run", "--out", tmp_path / "o", "--cache", tmp_path / "c" / "d"]
    more = ["--cesnet", "flows.csv", "--no-baselines", "--workers", 3, "--seed", 4]
    result = run("evaluate", *given, *more)
    assert result.exit_code == 0, result.stderr
    assert asked.read == [(["a.tsv", "lab-run"], "flows.csv", tmp_path / "c" / "d")]
    assert (tmp_path / "c" / "d").is_dir()
    assert (asked.corpus, asked.out, asked.folds) == ("what was read", tmp_path / "o", None)
    wanted = benchmark.EvaluateOptions(4, with_baselines=False, workers=3)
    assert asked.options == wanted
    assert result.stderr == "report ...\n"


def test_small_leaves_out_each_of_three_towns(asked, run, tmp_path):
    result = run("evaluate", "--small", "--no-variants", "--out", tmp_path / "o", "--seed", 5)
    assert result.exit_code == 0, result.stderr
    assert asked.towns == [(True, 6)]
    assert asked.read == []
    assert asked.corpus == "three towns"
    assert [(one.name, one.recorders) for one in asked.folds] == [
        (name, (name,)) for name, _ in small.TOWNS
    ]
    wanted = benchmark.EvaluateOptions(5, with_variants=False, small=True, title=SMALL_TITLE)
    assert replace(asked.options, notes={}) == wanted
    assert (
        "none of its figures says anything of a real network" in asked.options.notes[INTRODUCTION]
    )


def test_what_was_to_be_shown_is_printed(asked, run, tmp_path):
    result = run("evaluate", "labels.tsv", "--out", tmp_path / "o")
    first, second, last = result.stdout.splitlines()
    assert first.split() == ["met", "0.988", "at", "least", "0.9", "recall"]
    assert second.split() == ["not", "measured", "-", "at", "most", "2", "minutes"]
    assert last == str(tmp_path / "o" / "report.html")


def test_quiet_prints_nothing(asked, run, tmp_path):
    result = run("evaluate", "labels.tsv", "--out", tmp_path / "o", "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_a_value_is_printed_with_three_digits(capsys, tmp_path):
    print_targets({"targets": [FOUND["targets"][0]]}, tmp_path)
    assert "  0.988  " in capsys.readouterr().out


def test_kinds_of_flow_logs_alone(asked, run, tmp_path):
    result = run("evaluate", "a.tsv", "--formats-only", "--out", tmp_path / "o", "--seed", 2)
    assert result.exit_code == 0, result.stderr
    assert asked.read == [(["a.tsv"], None, None)]
    assert (asked.corpus, asked.folds) == ("what was read", None)
    assert asked.options == benchmark.EvaluateOptions(2)
    assert result.stdout == f"{tmp_path / 'o' / 'formats.md'}\n"


def test_kinds_of_flow_logs_of_three_towns(asked, run, tmp_path):
    given = ["--small", "--formats-only", "--quiet", "--out", tmp_path / "o"]
    result = run("evaluate", *given)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert [one.name for one in asked.folds] == [name for name, _ in small.TOWNS]


def test_kinds_of_flow_logs_may_be_left_out(asked, run, tmp_path):
    run("evaluate", "a.tsv", "--no-formats", "--out", tmp_path / "o")
    assert asked.options == benchmark.EvaluateOptions(with_formats=False)
    result = run("evaluate", "a.tsv", "--no-formats", "--formats-only", "--out", tmp_path / "p")
    assert result.exit_code == 2
    assert result.stderr == (
        "minewatch: --formats-only: measures nothing without them; drop --no-formats\n"
    )
    assert not (tmp_path / "p").exists()


# What ships


@pytest.fixture
def labelled(tmp_path, mining_pcap):
    """A labels file of one capture."""
    path = tmp_path / "labels.tsv"
    path.write_text(
        "capture\tsource\tlabel\taddress\n"
        "mining.pcap\toffice\tmining\t203.0.113.9\n"
        "mining.pcap\toffice\tnormal\t\n"
    )
    return path


def test_shipped_measures_what_scan_uses(labelled, run, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "find_spec", lambda name: None)  # and needs no extra
    result = run("evaluate", "--shipped", labelled, "--out", tmp_path / "o")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == "scanning mining.pcap ...\n"
    assert result.stdout.splitlines() == [
        "input    threshold  mining found               false alarms among normal",
        "packets  0.5        1 of 1: 100 % (21 to 100)  0 of 2: 0 % (0 to 66)",
        str(tmp_path / "o" / "report.md"),
    ]
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"report.md", "shipped.json"}
    assert "1 of 1: 100 % (21 to 100)" in (tmp_path / "o" / "report.md").read_text()


def test_shipped_and_quiet(labelled, run, tmp_path):
    result = run("evaluate", "--shipped", labelled, "--out", tmp_path / "o", "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert (tmp_path / "o" / "shipped.json").exists()


def test_shipped_tells_what_cannot_be_read_and_measures_the_rest(labelled, run, tmp_path):
    with labelled.open("a") as file:
        file.write("gone.pcap\toffice\tnormal\t\n")
    result = run("evaluate", "--shipped", labelled, "--out", tmp_path / "o", "--quiet")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"minewatch: {tmp_path}/gone.pcap: no such file; ")
    assert "## What could not be read" in (tmp_path / "o" / "report.md").read_text()


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([], "--shipped: name labels files, or folders of runs"),
        (["a.tsv", "--small"], "--shipped: nothing is trained or drawn; leave out --small"),
        (
            ["a.tsv", "--cache", "c", "--seed", 3, "--workers", 2],
            "--shipped: nothing is trained or drawn; leave out --cache, --workers, --seed",
        ),
        (["a.tsv", "--no-formats"], "--shipped: nothing is trained or drawn; leave out --no-f"),
    ],
)
def test_shipped_takes_no_options_of_training(given, text, run, tmp_path):
    result = run("evaluate", "--shipped", *given, "--out", tmp_path / "o")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"minewatch: {text}")
    assert not (tmp_path / "o").exists()
