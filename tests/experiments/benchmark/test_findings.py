# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from minewatch.experiments.benchmark.by_format import measured
from minewatch.experiments.benchmark.findings import Comparison, find, kinds_in, main_scope
from minewatch.experiments.paper.metrics import Interval
from minewatch.training.corpus.views import InputKind


def test_every_scope_input_and_detector_is_measured(found):
    names = {"fused", "detector-1", "detector-2", "detector-3"}
    assert list(found.scopes) == ["real", "lab", "simulator"]
    for inputs in found.scopes.values():
        assert list(inputs) == [kind.value for kind in InputKind]
        for of in inputs.values():
            assert set(of.measures) == set(of.delays) == names
    assert set(found.recorders) == {
        "cj-sniffer", "nesfit", "zeek", "nDPI", "cesnet", "lab-41", "simulator",
    }  # fmt: skip
    assert list(found.recorders["cesnet"]) == ["first-30-packets"]


def test_flow_logs_are_measured_by_the_hour(found, scores):
    of = found.scopes["real"]["flow-log-60s"]
    normal = scores.population.filter(
        pl.col("source").is_in(["cj-sniffer-monero", "nDPI", "zeek"]), label="normal"
    )
    assert of.flow_logs["fused"].hours == pytest.approx(normal["hours"].sum())
    assert not found.scopes["real"]["packets"].flow_logs


def test_a_recorder_is_judged_by_real_normal_traffic(found):
    real = found.scopes["real"]["packets"].measures["fused"].budgets[10].own
    parts = [found.recorders[name]["packets"]["fused"].budgets[10].own
             for name in ("cj-sniffer", "nesfit", "zeek", "nDPI")]  # fmt: skip
    assert sum(part.found for part in parts) == real.found
    assert sum(part.mining for part in parts) == real.mining
    assert sum(part.false_alarms for part in parts) == real.false_alarms


def test_made_normal_traffic_does_not_spend_the_budget(scores):
    is_made_normal = (pl.col("recorder") == "simulator") & (pl.col("label") == "normal")
    rows = scores.rows.filter(input="packets").with_columns(
        fused=pl.when(is_made_normal).then(1.0).otherwise("fused")
    )
    found = find(replace(scores, rows=rows), {}, 20)
    real = found.scopes["real"]["packets"].measures["fused"].budgets[10].own
    judged = found.recorders["cj-sniffer"]["packets"]["fused"].budgets[10].own
    assert judged.found > 0
    assert judged.found + found.recorders["nesfit"]["packets"]["fused"].budgets[10].own.found == (
        real.found
    )
    assert found.evasions["none"]["packets"].found_own > 0


def test_differences_are_fused_less_the_other(found):
    of = found.scopes["real"]["packets"]
    assert [other.detector for other in of.comparisons] == [
        "detector-1", "detector-2", "detector-3",
    ]  # fmt: skip
    for other in of.comparisons:
        assert other.difference.value == pytest.approx(other.fused - other.recall)
        assert other.recall == of.measures[other.detector].budgets[10].own.recall.value


@pytest.mark.parametrize(
    ("recall", "fused", "area", "fused_area", "is_better"),
    [(0.5, 0.6, 0.9, 0.1, True), (0.6, 0.5, 0.1, 0.9, False), (0.6, 0.6, 0.1, 0.9, True),
     (0.6, 0.6, 0.9, 0.9, False)],
)  # fmt: skip
def test_what_better_means(recall, fused, area, fused_area, is_better):
    other = Comparison("x", recall, fused, Interval(fused - recall), area, fused_area)
    assert other.is_better is is_better


def test_variants_are_of_the_main_scope(found):
    assert found.main_scope == "real"
    main = found.scopes["real"]["packets"].measures["fused"]
    for name in ("without timing", "random split"):
        assert found.variants[name]["packets"].normal > 0.8 * main.normal
    weak, strong = (found.variants[n]["packets"].auc.value for n in found.variants)
    assert weak < strong


def test_subsets_are_of_real_mining(found, scores):
    real = scores.population.filter(
        pl.col("source").is_in(["cj-sniffer-monero", "nesfit"]), label="mining"
    )
    assert found.plaintext.own.mining == real.height
    assert found.active.own.mining == (real["duration_s"] > 120).sum()


def test_the_order_of_rows_changes_nothing(scores):
    few = replace(scores, rows=scores.rows.filter(input="packets"))
    mixed = replace(few, rows=few.rows.sample(fraction=1, shuffle=True, seed=3))
    assert repr(find(few, {}, 20)) == repr(find(mixed, {}, 20))


def test_made_traffic_alone_can_be_measured(scores):
    made = replace(
        scores,
        rows=scores.rows.filter(pl.col("recorder") == "simulator", pl.col("input") == "packets"),
        population=scores.population.filter(pl.col("source").str.starts_with("simulator")),
    )
    assert main_scope(made) == "simulator"
    found = find(made, {}, 20)
    assert list(found.scopes) == ["simulator"]
    assert (found.plaintext, found.active) == (None, None)
    own = found.evasions["ssh"]["packets"].own
    assert own is not None
    assert not np.isnan(own.value)
    assert found.recorders["simulator"]["packets"]["fused"].budgets[10].own is not None


def test_inputs_come_in_their_order(scores):
    some = scores.rows.filter(pl.col("input").is_in(["flow-log-60s", "packets"]))
    assert kinds_in(replace(scores, rows=some)) == [InputKind.PACKETS, InputKind.FLOWS_60]


def test_kinds_of_flow_logs_are_measured_in_each_scope(make_scores):
    few = make_scores(n_per_host=2, n_detectors=1, horizons=(600, 0), inputs=(InputKind.FLOWS_60,))
    formats = find(few, {}, n_draws=10, logs={"aws-60s": few}).formats
    assert list(formats) == ["real", "lab", "simulator"]
    for scope, by_log in formats.items():
        assert by_log == measured({"aws-60s": few}, scope=scope, n_draws=10)
    assert find(few, {}, n_draws=10).formats == {}
