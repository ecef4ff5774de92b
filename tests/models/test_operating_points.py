# SPDX-License-Identifier: Apache-2.0
import copy
import hashlib
import json
import re

import pytest

from minewatch import registry
from minewatch.errors import ConfigError, ModelError
from minewatch.models import operating_points as module
from minewatch.models.budget import Budget, parse_budget
from minewatch.models.model_file import shipped_model
from minewatch.models.operating_points import (
    FLOW_LOG_INPUTS,
    MAX_POINTS,
    quiet_log_threshold,
    read_points,
    shipped_hashes,
    shipped_points,
)


def point(threshold, alarms, low, rate, high):
    return {
        "threshold": threshold,
        "false_alarms": alarms,
        "per_100000": rate,
        "low": low,
        "high": high,
    }


DATA = {
    "format": 1,
    "made_by": "a test",
    "sources": [{"name": "office", "benign_conversations": 90_000}],
    "conversations_per_host_day": {"value": 1000.0, "source": "a guess"},
    "detectors": ["signature", "flowstats"],
    "models": {"flowstats.onnx": "0" * 64},
    "inputs": {
        "packets": {
            "benign_conversations": 100_000,
            "points": [
                point(0.4, 10, 4.8, 10.0, 18.4),
                point(0.8, 2, 0.24, 2.0, 7.2),
                point(0.95, 0, 0.0, 0.0, 3.7),
            ],
        },
        "packets-without-payload": {
            "benign_conversations": 50_000,
            "points": [point(0.5, 5, 3.2, 10.0, 23.3), point(0.9, 0, 0.0, 0.0, 7.4)],
        },
    },
}


@pytest.fixture
def read(tmp_path):
    def run(**changes):
        path = tmp_path / "points.json"
        path.write_text(json.dumps(copy.deepcopy(DATA) | changes))
        return read_points(path)

    return run


def per(rate):
    return Budget(rate, "100000-conversations")


@pytest.mark.parametrize(
    ("rate", "threshold"), [(1000.0, 0.4), (18.4, 0.4), (18.3, 0.8), (7.2, 0.8), (3.7, 0.95)]
)
def test_the_lowest_threshold_whose_upper_bound_keeps_to_the_budget(read, rate, threshold):
    assert read().choose(per(rate), ["packets"]).threshold == threshold


def test_the_strictest_kind_decides(read):
    assert read().choose(per(18.4)).threshold == 0.9
    assert read().choose(per(25.0)).threshold == 0.5


def test_a_budget_of_hosts_and_days(read):
    # 3.7 per 100,000 conversations, 1,000 a day: 1.11 a month of 30 days
    points = read()
    assert points.choose(parse_budget("1.11/host-month"), ["packets"]).threshold == 0.95
    sentence = points.choose(parse_budget("2/host-week"), ["packets"]).sentence
    assert sentence == (
        "threshold 0.4: at most 19 false alarms per 100,000 benign conversations with 95 % "
        "confidence, 1.3/host-week at 1,000 conversations a host and day (a guess); measured on "
        "office"
    )


def test_below_the_resolution_the_lowest_promise_is_told(read):
    with pytest.raises(
        ConfigError,
        match=re.escape(
            "--budget: the lowest that can be promised for packets is 1.2/host-month (0 false "
            "alarms in 100,000 benign conversations were seen): ask for that or more"
        ),
    ):
        read().choose(parse_budget("1/host-month"), ["packets"])


def test_what_the_refusal_names_is_then_granted(read):
    with pytest.raises(ConfigError) as raised:
        read().choose(per(0.001), ["packets"])
    (named,) = re.findall(r"packets is (\S+)", str(raised.value))
    assert read().choose(parse_budget(named), ["packets"]).threshold == 0.95


def test_a_kind_that_was_not_measured_promises_nothing(read):
    points = read(inputs={"packets": DATA["inputs"]["packets"]})
    assert points.choose(per(18.4)).threshold == 0.4
    with pytest.raises(ConfigError, match="not measured for flow-log-60s: use --threshold"):
        points.choose(per(18.4), ["flow-log-60s"])


def test_other_detectors_or_models_are_refused(read):
    points = read()
    points.require_same(["flowstats", "signature"], DATA["models"])
    with pytest.raises(ConfigError, match=r"not measured with the same detectors \(rhythm\)"):
        points.require_same(["flowstats", "signature", "rhythm"], DATA["models"])
    with pytest.raises(ConfigError, match=r"the same models \(flowstats.onnx\)"):
        points.require_same(["flowstats", "signature"], {"flowstats.onnx": "1" * 64})
    with pytest.raises(ConfigError, match=r"the same models \(a.onnx\)"):
        points.require_same(["flowstats", "signature"], DATA["models"] | {"a.onnx": "1" * 64})


def points_of(*given):
    return {"packets": {"benign_conversations": 10, "points": list(given)}}


GOOD = point(0.5, 0, 0.0, 0.0, 1.0)


def test_the_quiet_threshold_is_without_a_false_alarm_in_every_kind(read):
    assert read().quiet_threshold(["packets", "packets-without-payload", "unknown"]) == 0.95
    assert read().quiet_threshold(["packets-without-payload"]) == 0.9
    with pytest.raises(ConfigError, match="no quiet threshold was measured for unknown"):
        read().quiet_threshold(["unknown"])
    loud = {"packets": {"benign_conversations": 9, "points": [point(0.4, 1, 4.8, 10.0, 18.4)]}}
    with pytest.raises(ConfigError, match="no quiet threshold"):
        read(inputs=DATA["inputs"] | loud).quiet_threshold(["packets", "packets-without-payload"])


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"format": 2}, "format 2 instead of 1"),
        ({"inputs": {}}, "inputs are empty"),
        ({"inputs": []}, "inputs is no object"),
        ({"inputs": points_of()}, "packets is no list, or empty"),
        ({"inputs": points_of(*[GOOD] * (MAX_POINTS + 1))}, "1001 points instead of"),
        ({"inputs": points_of(GOOD, GOOD)}, "packets: threshold 0.5 is out of order"),
        ({"inputs": points_of(GOOD, point(0.6, 0, 0, 0, 2))}, "threshold 0.6 is out of order"),
        ({"inputs": points_of(point(1.5, 0, 0, 0, 1))}, "threshold 1.5 is not above 0"),
        ({"inputs": points_of(point(0.5, 0, 2, 1, 3))}, "bounds 2.0 and 3.0 do not enclose 1.0"),
        ({"inputs": points_of(point(0.5, 0, 0, 0, 0))}, "or promise 0"),
        ({"inputs": points_of(point(0.5, 0, 0, 0, float("nan")))}, "high nan is below"),
        ({"inputs": points_of(point(0.5, 0, 0, "x", 1))}, "per_100000 is no number"),
        ({"inputs": points_of({"threshold": 0.5})}, "false_alarms is missing"),
        (
            {"conversations_per_host_day": {"value": 0, "source": "x"}},
            "conversations_per_host_day 0",
        ),
        ({"conversations_per_host_day": {"value": 1}}, "source is missing"),
        ({"detectors": []}, "detectors is no list, or empty"),
        ({"detectors": ["a\n"]}, "detector is no text"),
        ({"models": {"a.onnx": "xyz"}}, "models: a.onnx has no SHA-256"),
        ({"sources": [1]}, "source is no object"),
    ],
)
def test_a_damaged_file_is_refused(read, changes, text):
    with pytest.raises(ModelError, match=re.escape(text)):
        read(**changes)


@pytest.mark.parametrize("octets", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b" " * (1 << 21)])
def test_what_is_no_such_file_is_refused(tmp_path, octets):
    path = tmp_path / "points.json"
    path.write_bytes(octets)
    with pytest.raises(ModelError, match=r"points\.json: .*make it again with the benchmark"):
        read_points(path)
    with pytest.raises(ModelError, match=r"gone\.json: cannot be read"):
        read_points(tmp_path / "gone.json")


def test_without_a_file_no_budget(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_folder", lambda: tmp_path)
    with pytest.raises(ConfigError, match=r"^--budget: no operating points ship with this version"):
        shipped_points()
    (tmp_path / module.FILE).write_text(json.dumps(DATA))
    assert shipped_points().detectors == ("flowstats", "signature")


def test_hashes_are_of_the_models_that_ship():
    model = shipped_model("flowstats")
    assert shipped_hashes()[model.name] == hashlib.sha256(model.read_bytes()).hexdigest()


def test_points_that_ship_are_of_the_models_that_ship():
    """Whoever changes a model and ships the old points promises what was not measured."""
    if not (module._folder() / module.FILE).exists():
        with pytest.raises(ConfigError, match="no operating points ship"):
            shipped_points()
        return
    points = shipped_points()
    points.require_same([one.name for one in registry.DETECTORS], shipped_hashes())


def test_flow_logs_have_the_quiet_threshold_if_it_was_measured_with_what_is_in_use(monkeypatch):
    names = [one.name for one in registry.detectors()]
    assert quiet_log_threshold(names) == shipped_points().quiet_threshold(FLOW_LOG_INPUTS)
    assert quiet_log_threshold([*names, "stranger"]) is None
    monkeypatch.setattr(module, "shipped_hashes", lambda: {"other.onnx": "0" * 64})
    assert quiet_log_threshold(names) is None
