# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from bench_corpus import AID, RECIPES, Company, Read, Sizes, recorded
from minewatch.detectors.fusion import Fusion
from minewatch.experiments.benchmark import format_scores as module
from minewatch.experiments.benchmark.fold_models import FoldModels
from minewatch.experiments.benchmark.folds import Fold, folds_of
from minewatch.experiments.benchmark.format_scores import (
    format_scores,
    run_formats,
    without_aids,
)
from minewatch.experiments.benchmark.run import BenchmarkOptions
from minewatch.experiments.benchmark.scores import FUSED, read_scores
from minewatch.training.corpus.log_views import LOG_SETTINGS, log_view
from minewatch.training.corpus.tables import WHOLE
from minewatch.types import Scores

CORPUS = recorded()
SETTINGS = (LOG_SETTINGS[0], LOG_SETTINGS[5])


class Number:
    """Gives each conversation a probability that tells which one it is."""

    name = "number"
    requires = ("flow_id",)
    uses = ()

    def score(self, conversations):
        near = (conversations.frame["source_address_low"] & 0xFFFFFF).to_numpy()
        return Scores(self.name, near / 1000 + conversations.frame["flow_id"].to_numpy() / 1e6)


class Blind(Number):
    name = "blind"
    requires = ("tls_sni",)


def _made(folds):
    nothing = pl.DataFrame()
    return [(FoldModels(fold, {}, nothing), (Number(), Blind())) for fold in folds]


@pytest.fixture(scope="module")
def scored():
    folds = [Fold("some", ("alpha", "bravo")), Fold("lab", ("lab",))]
    steps = []
    found = format_scores(CORPUS, _made(folds), Fusion(), SETTINGS, steps.append, (300, WHOLE))
    assert steps == [f"scores of {one.title}" for one in SETTINGS]
    return found


def test_each_conversation_is_scored_by_the_fold_that_left_it_out(scored):
    assert list(scored) == ["aws-60s", "zeek"]
    known = CORPUS.conversations
    for table in scored.values():
        assert dict(table.rows.select("recorder", "fold").unique().iter_rows()) == {
            "alpha": "some",
            "bravo": "some",
            "lab": "lab",
        }
        whole = table.rows.filter(pl.col("horizon_s") == WHOLE)
        wanted = known.filter(pl.col("source").is_in(["alpha", "bravo", "lab-7"]))
        assert whole["conversation"].sort().to_list() == wanted["conversation"].sort().to_list()
        told = (whole["number"] * 1000).floor().cast(pl.UInt32)
        assert told.to_list() == whole["conversation"].to_list()


def test_whoever_needs_a_column_that_no_log_has_is_silent(scored):
    for table in scored.values():
        assert table.rows["blind"].null_count() == table.rows.height
        assert table.rows[FUSED].null_count() == 0


def test_the_whole_population_is_counted_but_for_training_aids(scored):
    everyone = CORPUS.conversations.filter(pl.col("source") != AID)
    for table in scored.values():
        assert table.population["conversations"].sum() == everyone.height
        assert AID not in set(table.host_days["source"])


def test_the_tables_can_be_kept(scored, tmp_path):
    for name, table in scored.items():
        table.write(tmp_path / name)
        assert read_scores(tmp_path / name).rows.equals(table.rows)


def test_of_a_conversation_in_several_pieces_the_highest_score_counts(monkeypatch):
    whole = log_view(CORPUS, SETTINGS[0])

    def twice(corpus, setting, horizon_s):
        rows = np.r_[np.arange(len(whole.conversations)), [0]]
        given = whole.conversations
        frame = given.frame[rows].with_columns(flow_id=pl.int_range(1, len(rows) + 1))
        return replace(
            whole, conversations=replace(given, frame=frame), labelled=whole.labelled[rows]
        )

    monkeypatch.setattr(module, "log_view", twice)
    everyone = [Fold(name, (name,)) for name in ("alpha", "bravo", "charlie", "delta", "lab")]
    found = format_scores(CORPUS, _made(everyone), Fusion(), SETTINGS[:1], horizons_s=(WHOLE,))
    rows = found["aws-60s"].rows
    assert not rows["conversation"].is_duplicated().any()
    number = whole.labelled["conversation"][0]
    (value,) = rows.filter(pl.col("conversation") == number)["number"]
    assert value == pytest.approx(number / 1000 + (whole.labelled.height + 1) / 1e6)


def test_without_aids_there_are_no_packets_of_them_either():
    part = without_aids(CORPUS)
    assert AID not in set(part.conversations["source"])
    assert set(part.packets["conversation"]) == set(part.conversations["conversation"])


def test_models_of_flow_logs_are_made_without_what_they_are_asked_about():
    options = BenchmarkOptions(RECIPES, (Sizes,), (Read(), Company()), Fusion(), seed=1)
    steps = []
    found = run_formats(CORPUS, options, SETTINGS[:1], steps.append)
    rows = found["aws-60s"].rows
    assert found["aws-60s"].detectors == ("sizes",)
    assert rows["sizes"].is_not_null().any()
    folds = {one.name: one for one in folds_of(CORPUS.conversations)}
    for (name,), part in rows.group_by("fold"):
        assert folds[name].rows(part).all()
    assert steps[0] == "features of training rows"
    assert steps[-1] == f"scores of {SETTINGS[0].title}"


class Sure(Number):
    name = "rhythm"

    def score(self, conversations):
        return Scores(self.name, np.full(len(conversations), 0.99))


def test_what_is_sampled_is_less_certain():
    everyone = ("alpha", "bravo", "charlie", "delta", "lab")
    made = [(FoldModels(Fold("all", everyone), {}, pl.DataFrame()), (Sure(),))]
    found = format_scores(CORPUS, made, Fusion(), LOG_SETTINGS[:3], horizons_s=(WHOLE,))
    whole, tenth = (found[name].rows[FUSED] for name in ("aws-60s", "gcp-5s"))
    (every,) = Fusion().probability({"rhythm": np.array([0.99])}, 1)
    assert whole.to_list() == pytest.approx([every] * len(whole))
    assert len(tenth)
    assert ((tenth > Fusion().prior) & (tenth < every - 0.05)).all()
