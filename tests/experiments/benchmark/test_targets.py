# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest

from minewatch.experiments.benchmark.evasions import EVASIONS, Hidden
from minewatch.experiments.benchmark.findings import Comparison
from minewatch.experiments.benchmark.targets import Status, targets
from minewatch.experiments.paper.metrics import Interval


def _one(found, key, measured=None, notes=None):
    return {target.key: target for target in targets(found, measured or {}, notes or {})}[key]


def _with(found, kind, **changes):
    real = dict(found.scopes["real"])
    real[kind] = replace(real[kind], **changes)
    return replace(found, scopes={**found.scopes, "real": real})


def _with_recall(found, kind, recall):
    of = found.scopes["real"][kind]
    fused = of.measures["fused"]
    at = fused.budgets[10]
    budgets = {**fused.budgets, 10: replace(at, own=replace(at.own, recall=Interval(recall)))}
    return _with(found, kind, measures={**of.measures, "fused": replace(fused, budgets=budgets)})


@pytest.mark.parametrize(
    ("key", "kind", "wanted"),
    [("packets-recall", "packets", 0.98), ("no-payload-recall", "packets-without-payload", 0.95)],
)
def test_recall_at_the_budget(found, key, kind, wanted):
    assert _one(_with_recall(found, kind, wanted), key).status is Status.MET
    assert _one(_with_recall(found, kind, wanted - 0.001), key).status is Status.MISSED


def test_recall_is_told_with_its_counts(found):
    target = _one(found, "packets-recall")
    at = found.scopes["real"]["packets"].measures["fused"].budgets[10]
    assert target.measured == at.own.recall
    assert f"{at.own.found} of {at.own.mining}" in target.detail
    assert f"{at.trained.false_alarms} false alarms in {at.trained.normal}" in target.detail


@pytest.mark.parametrize(("value", "status"), [(0.95, Status.MET), (0.94, Status.MISSED)])
def test_macro_f1_of_cesnet(found, value, status):
    of = found.recorders["cesnet"]["first-30-packets"]
    changed = {"first-30-packets": {"fused": replace(of["fused"], macro_f1=Interval(value))}}
    less = replace(found, recorders={**found.recorders, "cesnet": changed})
    assert _one(less, "cesnet-macro-f1").status is status


def test_without_cesnet_it_is_not_measured(found):
    others = {name: of for name, of in found.recorders.items() if name != "cesnet"}
    target = _one(replace(found, recorders=others), "cesnet-macro-f1")
    assert target.status is Status.NOT_MEASURED


@pytest.mark.parametrize(
    ("key", "kind", "wanted"),
    [("flow-log-600s-recall", "flow-log-600s", 0.9), ("flow-log-60s-recall", "flow-log-60s", 0.95)],
)
def test_flow_logs_after_half_an_hour(found, key, kind, wanted):
    log = found.scopes["real"][kind].flow_logs["fused"]
    for recall, status in ((wanted, Status.MET), (wanted - 0.001, Status.MISSED)):
        changed = replace(log, own=replace(log.own, recall=Interval(recall)))
        assert _one(_with(found, kind, flow_logs={"fused": changed}), key).status is status
    assert _one(_with(found, kind, flow_logs={}), key).status is Status.NOT_MEASURED


@pytest.mark.parametrize(
    ("key", "name", "wanted"),
    [("plaintext-delay", "plaintext", 60.0), ("no-payload-delay", "active", 120.0)],
)
def test_time_to_detect(found, key, name, wanted):
    delays = getattr(found, name)
    for median, status in (
        (wanted, Status.MET), (wanted + 1, Status.MISSED), (np.inf, Status.MISSED),
        (np.nan, Status.NOT_MEASURED),
    ):  # fmt: skip
        changed = replace(delays, own=replace(delays.own, median_s=Interval(median)))
        assert _one(replace(found, **{name: changed}), key).status is status
    assert _one(replace(found, **{name: None}), key).status is Status.NOT_MEASURED


def _hiding(found, **recalls):
    row = {
        kind.replace("_", "-"): Hidden(10, None, None, 8, Interval(recall))
        for kind, recall in recalls.items()
    }
    return replace(found, evasions={**found.evasions, "ssh": row, "tls": row})


def test_an_evasion_is_reached_where_its_worst_input_does(found):
    both = _hiding(found, packets=0.95, packets_without_payload=0.8, flow_log_60s=0.1)
    assert _one(both, "evasion-ssh-packets").status is Status.MET
    assert _one(both, "evasion-ssh-packets").measured.value == 0.8
    assert _one(both, "evasion-ssh-flow-logs").status is Status.MISSED
    assert _one(both, "tls-recall").status is Status.MET
    worse = _hiding(found, packets=0.94, packets_without_payload=0.79)
    target = _one(worse, "evasion-ssh-packets")
    assert target.status is Status.MISSED
    assert "worst input, packets-without-payload" in target.detail
    assert _one(worse, "tls-recall").status is Status.MISSED
    assert _one(worse, "evasion-ssh-flow-logs").status is Status.NOT_MEASURED


def test_every_evasion_is_a_target(found):
    keys = {target.key for target in targets(found, {}, {})}
    assert {f"evasion-{name}-packets" for name in EVASIONS} <= keys


def test_better_means_than_each(found):
    def other(name, recall):
        return Comparison(name, recall, 0.9, Interval(0.9 - recall), 0.5, 0.6)

    better = _with(found, "packets", comparisons=(other("x", 0.5), other("y", 0.8)))
    target = _one(better, "better-packets")
    assert (target.status, target.measured.value) == (Status.MET, pytest.approx(0.1))
    worse = _with(found, "packets", comparisons=(other("x", 0.95), other("y", 0.8)))
    target = _one(worse, "better-packets")
    assert target.status is Status.MISSED
    assert target.detail.endswith("not better than x")
    assert _one(_with(found, "packets", comparisons=()), "better-packets").status is (
        Status.NOT_MEASURED
    )


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("conversations-per-second", 100_000, 99_999),
        ("model-megabytes", 20, 20.1),
        ("torch-at-run-time", 0, 1),
    ],
)
def test_what_is_measured_elsewhere_is_handed_in(found, key, good, bad):
    assert _one(found, key, {key: good}).status is Status.MET
    assert _one(found, key, {key: bad}).status is Status.MISSED
    assert _one(found, key).status is Status.NOT_MEASURED


def test_the_analysis_is_the_callers(found):
    assert (
        _one(found, "packets-recall", notes={"packets-recall": "Because."}).analysis == "Because."
    )
    assert _one(found, "packets-recall").analysis == ""


def test_keys_are_unique(found):
    keys = [target.key for target in targets(found, {}, {})]
    assert len(set(keys)) == len(keys)
