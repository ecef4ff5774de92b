# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import polars as pl
import pytest

from bench_corpus import AID, RECIPES, Company, Read, Sizes, recorded
from minewatch.detectors.fusion import Fusion
from minewatch.experiments.benchmark import run
from minewatch.experiments.benchmark.fold_models import make_folds
from minewatch.experiments.benchmark.folds import Fold, folds_of
from minewatch.experiments.benchmark.run import (
    BenchmarkOptions,
    fixed_scores,
    run_benchmark,
    training_table,
)
from minewatch.experiments.benchmark.scores import BUDGETS, FUSED
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind
from minewatch.training.view_table import recorder_of

INPUTS = (InputKind.PACKETS, InputKind.NO_PAYLOAD, InputKind.FLOWS_60, InputKind.FLOWS_600)
OPTIONS = BenchmarkOptions(
    RECIPES, (Sizes,), (Read(), Company()), Fusion(), INPUTS, (300, WHOLE), seed=1
)


@pytest.fixture(scope="module")
def corpus():
    return recorded()


@pytest.fixture(scope="module")
def measured(corpus):
    """The folds' models, and the table of scores that was made with them."""
    kept = []

    def keeping(*arguments):
        kept.extend(make_folds(*arguments))
        return kept

    steps = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "make_folds", keeping)
        scores = run_benchmark(corpus, OPTIONS, steps.append)
    assert steps[-1] == "scores"
    return kept, scores


def test_every_tested_view_is_scored_once_and_by_the_fold_that_left_it_out(corpus, measured):
    rows = measured[1].rows
    wanted = {
        (number, kind.value, horizon_s)
        for kind, horizon_s, seen in run.tested_views(corpus, OPTIONS)
        for number in seen.labelled["conversation"]
    }
    keys = rows.select("conversation", "input", "horizon_s").rows()
    assert len(keys) == len(wanted)
    assert set(keys) == wanted
    for fold in folds_of(corpus.conversations):
        part = rows.filter(pl.col("fold") == fold.name)
        assert part.height
        assert fold.rows(part).all()
        assert not fold.rows(rows.filter(pl.col("fold") != fold.name)).any()
    recorders = [recorder_of(source) for source in rows["source"]]
    assert rows["recorder"].to_list() == recorders


def test_what_only_trains_is_not_tested(corpus, measured):
    assert AID in set(corpus.conversations["source"])
    _, scores = measured
    for frame in (scores.rows, scores.population, scores.host_days):
        assert frame.height
        assert AID not in set(frame["source"])
    everyone = corpus.conversations.filter(pl.col("source") != AID)
    assert scores.population["conversations"].sum() == everyone.height
    assert AID in set(training_table(corpus, RECIPES, 1).rows["source"])


def test_scores_are_those_of_the_folds_own_models(corpus, measured):
    made, scores = measured
    seen = {(kind, at): one for kind, at, one in run.tested_views(corpus, OPTIONS)}
    whole = seen[InputKind.NO_PAYLOAD, WHOLE]
    for one in made:
        (detector,) = run.detectors_of(one, (Sizes,))
        rows = one.fold.rows(whole.labelled)
        wanted = detector.score(whole.conversations.filter(rows)).probability
        part = scores.rows.filter(
            (pl.col("fold") == one.fold.name)
            & (pl.col("input") == InputKind.NO_PAYLOAD.value)
            & (pl.col("horizon_s") == WHOLE)
        )
        assert np.isfinite(wanted).all()
        np.testing.assert_array_equal(part["sizes"].to_numpy(), wanted)


def test_the_joint_verdict_is_fusion_of_the_columns(measured):
    made, scores = measured
    for one in made:
        part = scores.rows.filter(pl.col("fold") == one.fold.name)
        columns = {name: part[name].fill_null(np.nan).to_numpy() for name in scores.detectors}
        wanted = OPTIONS.fusion.probability(columns, part.height)
        np.testing.assert_array_equal(part[FUSED].to_numpy(), wanted)
    assert scores.detectors == ("read", "company", "sizes")


def test_a_detector_whose_columns_are_missing_is_null(measured):
    """What was read is known of packets alone, and there as they ended."""
    rows = measured[1].rows
    with_payload = rows["input"] == InputKind.PACKETS.value
    assert rows.filter(~with_payload)["read"].null_count() == (~with_payload).sum()
    told = rows.filter(pl.col("read").is_not_null())
    assert set(told["read"]) == {0.99}
    assert set(told["horizon_s"]) == {WHOLE}
    assert set(told["label"]) == {"mining"}


class Demanding(Sizes):
    """Wants a column that no input has."""

    def __init__(self, models=None):
        super().__init__(models)
        self.requires = (*self.requires, "colour")


def test_a_learnt_detector_whose_columns_are_missing_is_null(corpus):
    options = dataclasses.replace(
        OPTIONS, learnt=(Demanding,), fixed=(), inputs=(InputKind.NO_PAYLOAD,), horizons_s=(WHOLE,)
    )
    scores = run_benchmark(corpus, options, folds=[Fold("alpha", ("alpha",))])
    assert scores.rows["sizes"].null_count() == scores.rows.height > 0
    assert scores.rows[FUSED].to_list() == pytest.approx([Fusion().prior] * scores.rows.height)
    # what is never asked has no threshold
    assert set(scores.thresholds["detector"]) == {FUSED}


def test_who_compares_is_given_one_source_at_a_time(corpus, measured):
    rows = measured[1].rows.filter(pl.col("horizon_s") == WHOLE)
    sizes = dict(corpus.conversations["source"].value_counts().iter_rows())
    for source, found in rows.select("source", "company").iter_rows():
        assert found == pytest.approx(sizes[source] / 100)


def test_who_does_not_compare_is_given_all_at_once(corpus):
    class Alone(Company):
        is_collective = False

    seen = list(run.tested_views(corpus, dataclasses.replace(OPTIONS, horizons_s=(WHOLE,))))
    frame = fixed_scores(seen, (Alone(),))
    assert frame.columns == ["conversation", "input", "horizon_s", "company"]
    assert set(frame["company"]) == {seen[0][2].labelled.height / 100}


def test_each_fold_has_thresholds_for_whatever_was_asked(measured):
    made, scores = measured
    asked = scores.rows.unpivot(scores.names, index=["fold", "input"]).drop_nulls("value")
    wanted = {
        (fold, kind, name, budget)
        for fold, kind, name in asked.select("fold", "input", "variable").unique().iter_rows()
        for budget in BUDGETS
    }
    chosen = scores.thresholds.select("fold", "input", "detector", "budget").rows()
    assert len(chosen) == len(set(chosen))
    assert set(chosen) == wanted
    every = pl.concat([one.thresholds for one in made])
    keys = ["fold", "input", "detector", "budget"]
    both = scores.thresholds.join(every, on=keys, suffix="_made")
    assert both.height
    assert both["threshold"].equals(both["threshold_made"].alias("threshold"))


def test_nothing_is_flagged_where_training_had_nothing_to_choose_by(measured):
    """No recipe learns from flow logs of ten minutes."""
    rows = measured[1].thresholds.filter(pl.col("input") == InputKind.FLOWS_600.value)
    assert set(rows["threshold"]) == {1.0}


def test_a_view_that_no_fold_has_conversations_in_is_passed_over(corpus):
    """Only another recorder's conversations last for long enough."""
    ends = pl.col("flow_start_nanoseconds") + 400 * 10**9
    short = pl.when(pl.col("source") == "alpha").then(ends).otherwise("flow_end_nanoseconds")
    cut = Corpus(
        corpus.conversations.with_columns(flow_end_nanoseconds=short),
        corpus.packets,
        corpus.decoded,
    )
    options = dataclasses.replace(OPTIONS, inputs=(InputKind.NO_PAYLOAD,), horizons_s=(300, 600))
    scores = run_benchmark(cut, options, folds=[Fold("alpha", ("alpha",))])
    assert set(scores.rows["horizon_s"]) == {300}
    assert set(scores.rows["source"]) == {"alpha"}


def test_rows_to_learn_from_are_those_of_the_recipes(corpus):
    rows = training_table(corpus, RECIPES, 1).rows
    assert set(rows["input"]) == {InputKind.NO_PAYLOAD.value, InputKind.FLOWS_60.value}
    assert set(rows["horizon_s"]) == {300, WHOLE}
    assert set(rows["variant"]) == {0, 1}
    # a varied copy has the number of its original: they are left out together
    copies = rows.filter(pl.col("variant") == 1).select("conversation", "source").unique()
    own = corpus.conversations.select("conversation", "source")
    assert copies.join(own, on=["conversation", "source"], how="semi").height == copies.height > 0
    plain = [dataclasses.replace(one, variants=0) for one in RECIPES]
    assert set(training_table(corpus, plain, 1).rows["variant"]) == {0}
