# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import polars as pl
import pytest

from bench_corpus import AID, RECIPES, Remembering, Sizes, recorded
from minewatch import gate
from minewatch.detectors.fusion import BASE_RATE, Fusion, Part
from minewatch.errors import ModelError
from minewatch.experiments.benchmark.fold_models import (
    COUNTED,
    KEYS,
    Bench,
    FoldModels,
    detectors_of,
    fused,
    held_out_scores,
    made_by_us,
    make_fold,
    make_folds,
    making_of,
    pass_share,
    scored_names,
    thresholds,
)
from minewatch.experiments.benchmark.folds import REMOTE_FOLDS, Fold, folds_of, random_folds
from minewatch.experiments.benchmark.run import training_table
from minewatch.experiments.benchmark.scores import BUDGETS, FUSED, THRESHOLD
from minewatch.odds import from_log_odds, logit
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind, view
from minewatch.training.recipe import follow

PACKETS, NO_PAYLOAD, FLOWS = (
    kind.value for kind in (InputKind.PACKETS, InputKind.NO_PAYLOAD, InputKind.FLOWS_60)
)
NAN = float("nan")
BY_RECORDER = 2 + REMOTE_FOLDS + 2
"""Folds: two of real recorders, groups of far ends of ``cesnet``, the lab, the simulator."""


@pytest.fixture(scope="module")
def corpus():
    return recorded()


@pytest.fixture(scope="module")
def table(corpus):
    return training_table(corpus, RECIPES, seed=1)


@pytest.fixture(scope="module")
def bench(corpus):
    numbers = corpus.conversations["conversation"].to_list()
    fixed = pl.DataFrame(
        {
            "conversation": pl.Series(numbers * 2, dtype=pl.UInt32),
            "input": [PACKETS] * len(numbers) + [NO_PAYLOAD] * len(numbers),
            "horizon_s": pl.Series([WHOLE] * 2 * len(numbers), dtype=pl.Int64),
            "read": [0.99] * len(numbers) + [None] * len(numbers),
        }
    )
    return Bench(RECIPES, fixed, Fusion(), corpus.conversations.select(COUNTED))


@pytest.fixture(scope="module")
def fitted(table, bench):
    return [follow(recipe, table, bench.seed) for recipe in bench.recipes]


@pytest.fixture(scope="module")
def held_out(table, fitted, bench):
    return held_out_scores(table, fitted, bench, 0.5)


def folds(corpus):
    labelled = corpus.conversations
    return [*folds_of(labelled, 2), *random_folds(labelled, 2, seed=1)]


@pytest.mark.parametrize("number", range(BY_RECORDER))
def test_nothing_that_is_left_out_is_learnt_from(number, corpus, table, bench):
    """Recorders; far ends of ``cesnet``; by chance: every fit of every model, varied copies too."""
    fold = folds(corpus)[number]
    Remembering.given.clear()
    made = make_fold(fold, table, bench)
    is_left_out = fold.rows(corpus.conversations)
    numbers = corpus.conversations["conversation"].to_numpy()
    left_out = set(numbers[is_left_out].tolist())
    given = set().union(*Remembering.given)
    assert left_out
    assert not given & left_out
    # the last fit of each model has all the rest
    rest = set(numbers[~is_left_out].tolist())
    assert sum(one == rest for one in Remembering.given) == len(RECIPES)
    assert made.fold == fold
    assert set(made.thresholds["fold"]) == {fold.name}


def test_folds_of_all_kinds_were_tried(corpus):
    made = folds(corpus)
    assert len(made) == BY_RECORDER + 2
    assert sum(bool(fold.remotes) for fold in made) == REMOTE_FOLDS
    assert [bool(fold.conversations) for fold in made[-3:]] == [False, True, True]


@pytest.mark.parametrize("number", [-2, -1])
def test_no_conversation_is_on_both_sides_of_a_random_split(number, corpus, table, bench):
    fold = folds(corpus)[number]
    Remembering.given.clear()
    make_fold(fold, table, bench)
    given = set().union(*Remembering.given)
    assert fold.conversations
    assert not given & set(fold.conversations)


def test_held_out_scores_are_those_of_models_that_had_not_seen_the_recorder(
    table, fitted, held_out
):
    """At the base rate, with the gate's part taken off; each input by its own model."""
    original = (table.rows["variant"] == 0).to_numpy()
    rows = held_out.filter(pl.col("input") != PACKETS)
    assert rows.select(KEYS).equals(table.rows.filter(pl.Series(original)).select(KEYS))
    for one in fitted:
        prior = logit(Fusion().prior)
        known = np.isfinite(one.held_out) & original
        assert known.any()
        wanted = from_log_odds(one.held_out[known] + prior)
        found = rows["sizes"].to_numpy()[known[original]]
        np.testing.assert_allclose(found, wanted)
    # no model learnt from the flow log at 300 s; thresholds are chosen on that moment all the same
    early = rows.filter((pl.col("input") == FLOWS) & (pl.col("horizon_s") == 300))
    assert early.height
    assert early["sizes"].null_count() == 0


def test_packets_count_as_packets_without_payload(held_out):
    packets = held_out.filter(pl.col("input") == PACKETS)
    without = held_out.filter(pl.col("input") == NO_PAYLOAD)
    told = ["conversation", "horizon_s", "label", "source", "sizes"]
    assert packets.height
    assert packets.select(told).equals(without.select(told))
    # what was read stands beside the input that it was read in
    whole = pl.col("horizon_s") == WHOLE
    assert set(packets.filter(whole)["read"]) == {0.99}
    assert set(packets.filter(~whole)["read"]) == {None}
    assert set(without["read"]) == {None}


def test_the_gate_counts_once_for_those_that_count_it(bench, table, fitted):
    packets, flows = RECIPES
    assert making_of(packets, 0.1).pass_share == 1.0
    counting = dataclasses.replace(packets, detector="rhythm")
    assert making_of(counting, 0.1).pass_share == 0.1
    assert "interval_s" in making_of(packets, 0.1).metering
    assert "interval_s" not in making_of(flows, 0.1).metering
    renamed = dataclasses.replace(fitted[0], recipe=counting)
    plain = held_out_scores(table, [fitted[0]], bench, 0.5)["sizes"].to_numpy()
    passed = held_out_scores(table, [renamed], bench, 0.5)["rhythm"].to_numpy()
    known = np.isfinite(plain)
    odds = [np.log(p[known] / (1 - p[known])) for p in (plain, passed)]
    np.testing.assert_allclose(odds[1], odds[0] + np.log(2), rtol=1e-6)


def made_up(rows, **columns):
    """Return held-out scores: rows of (conversation, input, label, source), and columns."""
    frame = pl.DataFrame(
        rows, schema=("conversation", "input", "label", "source"), orient="row"
    ).with_columns(horizon_s=pl.lit(0, pl.Int64))
    return frame.with_columns(pl.Series(name, values) for name, values in columns.items())


def test_fused_is_what_fusion_says_of_the_columns():
    frame = pl.DataFrame({"a": [0.5, None, 0.9, None], "b": [0.5, 0.3, None, None]})
    fusion = Fusion(0.01, {"a": Part(0.7, -1, 3), "b": Part(1.0, -2, 2)})
    scores = {"a": np.array([0.5, NAN, 0.9, NAN]), "b": np.array([0.5, 0.3, NAN, NAN])}
    found = fused(frame, ["a", "b"], fusion)
    np.testing.assert_array_equal(found, fusion.probability(scores, 4))
    assert found[3] == pytest.approx(0.01)


def test_scores_are_what_is_not_told(held_out):
    assert scored_names(held_out) == ["sizes", "read"]


def counted(n, source, label="normal", *, first_only=False, start=1):
    return pl.DataFrame(
        {
            "conversation": pl.Series(range(start, start + n), dtype=pl.UInt32),
            "source": [source] * n,
            "remote": [f"far-{i % 2}" for i in range(n)],
            "label": [label] * n,
            "is_first_only": [first_only] * n,
        }
    )


def chosen(held_out, labelled, fold=None):
    """Return the thresholds of the detector ``a`` by input and budget."""
    bench = Bench((), pl.DataFrame(), Fusion(), labelled)
    frame = thresholds(fold or Fold("x", ("nobody",)), held_out, bench)
    assert dict(frame.schema) == THRESHOLD
    assert set(frame["detector"]) == {"a", FUSED}
    assert set(frame["budget"]) == set(BUDGETS)
    own = frame.filter(pl.col("detector") == "a")
    return {(kind, budget): value for _, kind, _, budget, value in own.iter_rows()}


def normal_scores(n=20, source="s", kind=NO_PAYLOAD):
    """Conversations 1 to n with scores of a hundredth of their number."""
    rows = [(i, kind, "normal", source) for i in range(1, n + 1)]
    return made_up(rows, a=[i / 100 for i in range(1, n + 1)])


def test_a_budget_is_a_share_of_all_normal_conversations():
    """Of 20,000 normal ones 20 were scored: budgets of 0.2, 2 and 20 false alarms."""
    found = chosen(normal_scores(), counted(20_000, "s"))
    assert [found[NO_PAYLOAD, budget] for budget in BUDGETS] == [0.2, 0.18, BASE_RATE]


def test_a_conversation_counts_with_its_highest_score_of_all_moments():
    low = normal_scores().with_columns(a=pl.lit(0.001), horizon_s=pl.lit(300, pl.Int64))
    found = chosen(pl.concat([low, normal_scores()]), counted(20_000, "s"))
    assert found[NO_PAYLOAD, 10] == 0.18


def test_mining_moves_no_threshold():
    mining = normal_scores().with_columns(
        label=pl.lit("mining"), a=pl.lit(0.9), conversation=pl.col("conversation") + 100
    )
    labelled = pl.concat([counted(20_000, "s"), counted(90_000, "s", "mining", start=30_000)])
    assert chosen(pl.concat([mining, normal_scores()]), labelled)[NO_PAYLOAD, 10] == 0.18


def test_what_only_trains_is_not_counted():
    """Neither its scores nor its conversations, of which there are many."""
    aid = normal_scores(source=AID).with_columns(
        a=pl.lit(0.9), conversation=pl.col("conversation") + 100
    )
    labelled = pl.concat([counted(20_000, "s"), counted(900_000, AID, start=30_000)])
    assert chosen(pl.concat([aid, normal_scores()]), labelled)[NO_PAYLOAD, 10] == 0.18


def test_what_is_left_out_is_not_counted():
    """Of a source of which half is left out, by chance or by far end, half is counted."""
    labelled = counted(40_000, "cesnet")
    held_out = normal_scores(source="cesnet")
    for fold in (
        Fold("far", ("cesnet",), remotes=("far-1",)),
        Fold("by chance", ("cesnet",), conversations=tuple(range(20_001, 40_001))),
    ):
        assert chosen(held_out, labelled, fold)[NO_PAYLOAD, 10] == 0.18
    assert chosen(held_out, labelled)[NO_PAYLOAD, 10] == 0.16


def test_what_is_known_by_its_first_packets_is_counted_where_it_is_seen():
    labelled = pl.concat(
        [counted(20_000, "s"), counted(20_000, "cesnet", first_only=True, start=30_000)]
    )
    first = InputKind.FIRST_30.value
    cesnet = made_up([(30_000, first, "normal", "cesnet")], a=[0.001])
    frame = pl.concat([normal_scores(), normal_scores(kind=first), cesnet])
    found = chosen(frame, labelled)
    assert (found[NO_PAYLOAD, 10], found[first, 10]) == (0.18, 0.16)


def test_a_detector_has_the_models_of_its_fold(corpus, table, bench, fitted):
    """Files as they would ship: the same scores as what was fitted, the first that is ready."""
    everything = Fold("nobody", ("nobody",))
    made = make_fold(everything, table, bench)
    assert {name: list(parts) for name, parts in made.files.items()} == {
        "sizes": ["sizes", "sizes-flows"]
    }
    (detector,) = detectors_of(made, (Sizes,))
    assert [model.card.name for model in detector.models] == ["sizes", "sizes-flows"]
    seen = view(corpus, InputKind.NO_PAYLOAD, WHOLE)
    found = detector.score(seen.conversations).probability
    rows = table.take(
        table.rows.select(
            (pl.col("input") == NO_PAYLOAD)
            & (pl.col("horizon_s") == WHOLE)
            & (pl.col("variant") == 0)
        )
        .to_series()
        .to_numpy()
    )
    wanted = from_log_odds(fitted[0].log_odds(rows) + logit(Fusion().prior))
    assert rows.rows["conversation"].to_list() == seen.labelled["conversation"].to_list()
    np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=1e-6)


def test_several_processes_make_the_same(corpus, table, bench):
    two = [Fold("alpha", ("alpha",)), Fold("lab", ("lab",))]
    steps = []
    here = make_folds(two, table, bench, 1, steps.append)
    assert steps == ["models without alpha", "models without lab"]
    steps.clear()
    there = make_folds(two, table, bench, 2, steps.append)
    assert steps == ["made models without alpha", "made models without lab"]
    for one, other in zip(here, there, strict=True):
        assert isinstance(other, FoldModels)
        assert (one.fold, one.files) == (other.fold, other.files)
        assert one.thresholds.equals(other.thresholds)


def test_mining_of_three_recorders_is_needed(bench):
    """One is left out; of the rest, one is left out in turn to calibrate by."""
    for recorders, is_enough in (
        ({"alpha": (3, 3), "bravo": (3, 3), "delta": (0, 4)}, False),
        ({"alpha": (3, 3), "bravo": (3, 3), "delta": (3, 4)}, True),
    ):
        some = recorded(recorders)
        one = dataclasses.replace(bench, labelled=some.conversations.select(COUNTED))
        table = training_table(some, RECIPES, seed=1)
        if is_enough:
            assert make_fold(Fold("alpha", ("alpha",)), table, one).thresholds.height
        else:
            with pytest.raises(ModelError, match="of two recorders"):
                make_fold(Fold("alpha", ("alpha",)), table, one)


def passing(**sources):
    """Return labelled conversations: of each source (normal ones, how many of them passed)."""
    rows = [
        (source.replace("_", "-"), gate.PASSED if i < passed else gate.TOO_SHORT)
        for source, (n, passed) in sources.items()
        for i in range(n)
    ]
    frame = pl.DataFrame(rows, schema=("source", "gate_reason"), orient="row")
    return frame.with_columns(label=pl.lit("normal"), is_first_only=pl.lit(value=False))


def test_the_gates_share_is_the_largest_of_a_real_network():
    """Not that of few conversations, of a simulation, or of our lab."""
    made = passing(
        office=(100, 3),
        clinic=(200, 20),
        tiny=(99, 99),
        lab_7=(150, 150),
        simulator_wild_1=(300, 200),
    )
    assert pass_share(made) == pytest.approx(0.1)
    assert pass_share(passing(tiny=(9, 1))) == 1.0
    assert pass_share(passing(office=(100, 0))) == 1.0


def test_mining_and_what_is_known_in_part_say_nothing_of_the_gate():
    made = passing(office=(100, 3))
    for columns in ({"label": pl.lit("mining")}, {"is_first_only": pl.lit(value=True)}):
        other = passing(office=(100, 100)).with_columns(**columns)
        both = pl.concat([made, other])
        assert pass_share(both) == pytest.approx(0.03)


def test_what_is_made_by_us():
    frame = pl.DataFrame({"source": ["lab-41", "lab-xmrig", "simulator-wild-1", "town-a"]})
    assert frame.select(made_by_us()).to_series().to_list() == [True, False, True, False]
