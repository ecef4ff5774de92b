# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import pytest

from bench_corpus import recorded
from minewatch import registry
from minewatch.errors import ConfigError
from minewatch.experiments.benchmark import evaluate as module
from minewatch.experiments.benchmark.evaluate import (
    LEARNT,
    SMALL_HORIZONS_S,
    EvaluateOptions,
    benchmark_options,
    check_libraries,
    evaluate,
    evaluate_formats,
    fixed_detectors,
    ship,
)
from minewatch.experiments.benchmark.folds import MADE, Fold, folds_of
from minewatch.experiments.benchmark.scores import read_scores
from minewatch.experiments.benchmark.variants import ALL, RANDOM
from minewatch.training.corpus.log_views import LOG_SETTINGS
from minewatch.training.recipes import BASELINES, DEFAULT


def test_every_learnt_detector_of_the_registry_is_measured():
    learnt = {one for one in registry.DETECTORS if hasattr(one, "parts")}
    assert set(LEARNT) == learnt | set(registry.BASELINES)
    measured = benchmark_options(EvaluateOptions())
    assert measured.learnt == list(LEARNT)
    assert list(measured.recipes) == [*DEFAULT, *BASELINES]
    # each of its models has a recipe, in the order in which they are tried
    for cls in measured.learnt:
        parts = [one.part for one in measured.recipes if one.detector == cls.name]
        assert parts == list(cls.parts), cls.name


def test_every_other_detector_is_measured_but_that_of_lists():
    names = {one.name for one in fixed_detectors()}
    others = {one.name for one in registry.DETECTORS if not hasattr(one, "parts")}
    assert names == others - {"intel"}


def test_systems_of_others_may_be_left_out():
    measured = benchmark_options(EvaluateOptions(with_baselines=False))
    assert list(measured.recipes) == list(DEFAULT)
    assert {cls.name for cls in measured.learnt} == {one.detector for one in DEFAULT}


def test_the_seed_and_the_processes_are_told_on():
    measured = benchmark_options(EvaluateOptions(seed=9, workers=3))
    assert (measured.seed, measured.workers) == (9, 3)


def test_a_small_one_has_fewer_moments_and_no_copies():
    measured = benchmark_options(EvaluateOptions(small=True))
    assert measured.horizons_s == SMALL_HORIZONS_S
    assert {one.variants for one in measured.recipes} == {0}
    assert {one.horizons_s for one in measured.recipes} == {SMALL_HORIZONS_S}
    assert [one.part for one in measured.recipes] == [one.part for one in (*DEFAULT, *BASELINES)]
    assert max(one.variants for one in benchmark_options(EvaluateOptions()).recipes) > 0


def test_a_missing_library_is_named_with_its_cure(monkeypatch):
    check_libraries(("json", "polars"))
    message = r"evaluate needs torch and onnx: pip install 'minewatch\[paper,deep\]'"
    monkeypatch.setattr(module, "find_spec", lambda name: None if name != "json" else name)
    with pytest.raises(ConfigError, match=message):
        check_libraries(("torch", "json", "onnx"))
    with pytest.raises(
        ConfigError, match="evaluate needs sklearn and skl2onnx and onnx and torch and"
    ):
        evaluate(recorded({"alpha": (1, 1)}), None, EvaluateOptions())


@pytest.fixture(scope="module")
def corpus():
    return recorded()


@pytest.fixture
def asked(monkeypatch, make_tiny):
    """What was measured and reported, without measuring it."""
    kept = SimpleNamespace(runs=[], reports=[], logs=[])
    logs = {"aws 60s": make_tiny([{"a": 0.5, "source": "logged"}])}

    def run(corpus, options, on_step=None, folds=None, on_made=None):
        kept.runs.append((options, folds))
        if on_made is not None:
            on_made(["a fold's models"])
        return make_tiny([{"a": 0.5, "source": f"run-{len(kept.runs)}"}])

    def formats(corpus, made, fusion, settings, on_step):
        kept.logs.append((made, settings))
        return logs

    def report(scores, variants, out, title, notes, logs):
        kept.reports.append((scores, variants, out, title, notes, logs))
        return {"targets": []}

    def only_formats(corpus, options, settings, on_step, folds):
        kept.runs.append((options, folds))
        return logs

    monkeypatch.setattr(module, "format_scores", formats)
    monkeypatch.setattr(module, "run_formats", only_formats)

    monkeypatch.setattr(module, "run_benchmark", run)
    monkeypatch.setattr(module, "write_report", report)
    monkeypatch.setattr(module, "check_libraries", lambda *modules: None)
    return kept


def test_scores_are_kept_beside_the_report(asked, corpus, tmp_path):
    options = EvaluateOptions(with_variants=False, title="A title", notes={"a": "note"})
    steps = []
    assert evaluate(corpus, tmp_path / "out", options, steps.append) == {"targets": []}
    ((measured, folds),) = asked.runs
    assert (measured.seed, folds) == (0, None)
    assert len(measured.recipes) == len((*DEFAULT, *BASELINES))
    ((scores, variants, out, title, notes, logs),) = asked.reports
    assert (variants, out, title, notes) == ({}, tmp_path / "out", "A title", {"a": "note"})
    assert read_scores(tmp_path / "out" / "scores").rows.equals(scores.rows)
    assert steps == ["report"]
    assert asked.logs == [(["a fold's models"], LOG_SETTINGS)]
    kept = read_scores(tmp_path / "out" / "formats" / "aws-60s")
    assert kept.rows.equals(logs["aws 60s"].rows)


def test_kinds_of_flow_logs_may_be_left_out(asked, corpus, tmp_path):
    evaluate(corpus, tmp_path, EvaluateOptions(with_variants=False, with_formats=False))
    assert asked.logs == []
    assert asked.reports[0][-1] == {}
    assert not (tmp_path / "formats").exists()


def test_kinds_of_flow_logs_may_be_all_that_is_measured(asked, corpus, tmp_path):
    own = [Fold("alpha", ("alpha",))]
    options = EvaluateOptions(seed=3, title="Logs alone", notes={"introduction": "Made up."})
    report = evaluate_formats(corpus, tmp_path, options, folds=own)
    ((measured, folds),) = asked.runs
    assert (measured.seed, folds) == (3, own)
    assert list(measured.recipes) == list(DEFAULT)
    assert asked.reports == []
    text = report.read_text()
    assert text.startswith("# Logs alone\n\nMade up.\n")
    assert "## Flow logs: real" in text
    assert "| aws 60s | its end |" in text
    assert read_scores(tmp_path / "formats" / "aws-60s").rows.height == 1


def test_variants_are_of_the_same_real_recorders_left_out(asked, corpus, tmp_path):
    steps = []
    evaluate(corpus, tmp_path, EvaluateOptions(), steps.append)
    names = [
        ALL,
        RANDOM,
        *(f"without {n}" for n in ("timing", "sequence", "persistence", "volume")),
    ]
    ((_, variants, *_),) = asked.reports
    assert list(variants) == names
    assert steps == [*(f"variant: {name}" for name in names), "report"]
    folds = dict(zip(names, [folds for _, folds in asked.runs[1:]], strict=True))
    real = folds.pop(ALL)
    assert real == [
        one
        for one in folds_of(corpus.conversations)
        if not one.remotes and not set(one.recorders) & set(MADE)
    ]
    by_chance = folds.pop(RANDOM)
    assert len(by_chance) == len(real) > 1
    assert all(one.conversations for one in by_chance)
    assert all(one == real for one in folds.values())
    # the same conversations are tested by chance as by recorder
    frame = corpus.conversations
    tested = [sum(one.rows(frame) for one in some) for some in (real, by_chance)]
    assert tested[0].tolist() == tested[1].tolist()
    assert asked.runs[2][0] is asked.runs[1][0]


def test_folds_of_ones_own_hold_for_variants_and_there_is_no_random_split(asked, corpus, tmp_path):
    own = [Fold("alpha", ("alpha",))]
    evaluate(corpus, tmp_path, EvaluateOptions(), folds=own)
    assert RANDOM not in asked.reports[0][1]
    assert [folds for _, folds in asked.runs] == [own] * 6


def test_what_ships_is_all_but_the_model_of_train(corpus, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(module, "training_table", lambda corpus, recipes, seed: (recipes, seed))
    monkeypatch.setattr(module, "check_libraries", lambda *modules: None)

    def models(table, bench, folder, on_step):
        told.append((table, bench, folder))

    monkeypatch.setattr(module, "ship_models", models)
    ship(corpus, tmp_path, seed=2)
    (((recipes, seed), bench, folder),) = told
    assert (seed, bench.seed, folder) == (2, 2, tmp_path)
    assert bench.recipes == recipes
    parts = {one.part for one in (*DEFAULT, *BASELINES)}
    assert {one.part for one in recipes} == parts - {"flowstats"}
    assert bench.labelled.height == corpus.conversations.height
