# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from minewatch.errors import ConfigError
from minewatch.experiments.benchmark import by_format
from minewatch.experiments.benchmark.by_format import OWN, label_threshold, measured
from minewatch.experiments.benchmark.by_moment import by_moment
from minewatch.experiments.benchmark.intervals import draws_for
from minewatch.experiments.benchmark.scores import FUSED
from minewatch.experiments.benchmark.units import LAB, REAL, units_of
from minewatch.models.operating_points import FLOW_LOG_INPUTS, shipped_points
from minewatch.training.corpus.views import InputKind


@pytest.fixture(scope="module")
def logs(make_scores):
    made = make_scores(n_detectors=1, inputs=(InputKind.FLOWS_60,), n_per_host=4)
    return {"aws-60s": made}


def test_a_log_is_measured_on_the_real_sources(logs):
    found = measured(logs, n_draws=30)
    units = units_of(logs["aws-60s"], InputKind.FLOWS_60).of_scope(REAL)
    threshold = shipped_points().quiet_threshold(FLOW_LOG_INPUTS)
    assert found == {"aws-60s": by_moment(units, draws_for(units, 30), FUSED, threshold)}
    normal = logs["aws-60s"].population.filter(
        pl.col("label") == "normal", ~pl.col("source").str.contains("lab-|simulator|cesnet")
    )
    assert found["aws-60s"].normal == normal["conversations"].sum()


def test_captures_and_own_records_are_measured_by_kind_of_input(logs, make_scores):
    captures = make_scores(n_detectors=1, n_per_host=3, horizons=(600, 0))
    found = measured(logs, captures, n_draws=10)
    assert list(found) == [*(kind.value for kind in OWN), "aws-60s"]
    assert found["packets"].recalls != found["flow-log-60s"].recalls


def test_what_is_labelled_is_what_scan_labels(logs, make_scores, monkeypatch):
    quiet = shipped_points().quiet_threshold(FLOW_LOG_INPUTS)
    captures = make_scores(n_detectors=1, n_per_host=3, horizons=(600, 0))
    found = measured(logs, captures, n_draws=10)
    assert {one.thresholds["label"] for name, one in found.items() if "packets" in name} == {0.5}
    assert found["flow-log-600s"].thresholds["label"] == quiet < 0.5

    def none():
        raise ConfigError("no operating points")

    monkeypatch.setattr(by_format, "shipped_points", none)
    assert label_threshold(InputKind.FLOWS_60) == 0.5


def test_another_scope_has_other_conversations(logs):
    real, lab = measured(logs, n_draws=10), measured(logs, scope=LAB, n_draws=10)
    assert lab["aws-60s"].normal != real["aws-60s"].normal


def test_a_scope_without_conversations_is_left_out(make_tiny):
    table = make_tiny([{"a": 0.5, "source": "lab-7", "recorder": "lab"}])
    assert measured({"aws-60s": table}, n_draws=10) == {}
