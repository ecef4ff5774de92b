# SPDX-License-Identifier: Apache-2.0
import ipaddress
import json

import numpy as np
import pytest

from minewatch import registry
from minewatch.cli import options as o
from minewatch.cli.progress import ProgressBar
from minewatch.errors import ConfigError
from minewatch.models import operating_points
from minewatch.models.model_file import shipped_model
from minewatch.pipeline import PipelineOptions, private_networks


def metering(interval=60.0, idle=120.0):
    return o.metering_options(interval, idle, decapsulate=False, keep_packets=False)


def test_metering_options_take_over_every_value():
    options = metering(30.0, 45.0)
    assert (options.interval_s, options.idle_timeout_s) == (30.0, 45.0)
    assert not options.decapsulate
    assert not options.keep_packets


@pytest.mark.parametrize(
    ("values", "name"), [((0.0, 60.0), "--interval"), ((60.0, -1.0), "--idle-timeout")]
)
def test_errors_name_the_option_and_not_the_field(values, name):
    with pytest.raises(ConfigError, match=f"^{name} must be above 0 s"):
        metering(*values)


def test_home_is_private_unless_given():
    progress = ProgressBar([], quiet=True)
    assert o.pipeline_options(metering(), None, progress).home == private_networks()
    given = o.pipeline_options(metering(), ["198.51.100.0/24"], progress)
    assert given.home == (ipaddress.ip_network("198.51.100.0/24"),)


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.1, float("nan")])
def test_a_threshold_outside_its_domain_is_refused(threshold):
    pipeline = o.pipeline_options(metering(), None, ProgressBar([], quiet=True))
    with pytest.raises(ConfigError, match="--threshold"):
        o.scan_options(pipeline, threshold)


def test_the_list_that_ships_is_used_unless_told_otherwise():
    def names(**more):
        options = o.scan_options(PipelineOptions(), **more)
        (intel,) = (one for one in options.detectors if one.name == "intel")
        return intel.uses

    assert names() == ("tls_sni", "destination_name")
    assert names(no_intel=True) == ()


def test_baselines_are_asked_and_not_counted():
    options = o.scan_options(PipelineOptions(), baselines=True)
    names = [one.name for one in registry.BASELINES]
    assert set(names) <= {detector.name for detector in options.detectors}
    certain = {name: np.array([0.999]) for name in names}
    assert options.fusion.probability(certain, 1) == pytest.approx([options.fusion.prior])


def test_a_model_of_the_users_own_counts_beside_baselines():
    own = str(shipped_model("flowstats"))
    fusion = o.scan_options(PipelineOptions(), model=own, baselines=True).fusion
    assert fusion.probability({"flowstats": np.array([0.999])}, 1) > fusion.prior
    assert fusion.probability({"netflow": np.array([0.999])}, 1) == pytest.approx([fusion.prior])


def test_lines_of_a_list_that_were_left_out_are_told(tmp_path, capsys):
    path = tmp_path / "own.csv"
    path.write_text("indicator,type\n10.0.0.9,ip\n10.0.0.999,ip\n*.example,domain\n")
    o.scan_options(PipelineOptions(), intel=str(path))
    told = capsys.readouterr().err
    assert told.startswith(f"minewatch: 2 lines of the list were left out; the first is {path}:3: ")
    path.write_text("indicator,type\n10.0.0.9,ip\n")
    o.scan_options(PipelineOptions(), intel=str(path))
    assert capsys.readouterr().err == ""


def test_a_budget_chooses_the_threshold(monkeypatch, tmp_path):
    point = {"threshold": 0.7, "false_alarms": 0, "per_100000": 0.0, "low": 0.0, "high": 3.0}
    data = {
        "format": 1,
        "made_by": "a test",
        "sources": [{"name": "office"}],
        "conversations_per_host_day": {"value": 1000.0, "source": "a guess"},
        "detectors": [detector.name for detector in registry.detectors()],
        "models": operating_points.shipped_hashes(),
        "inputs": {"packets": {"benign_conversations": 10, "points": [point]}},
    }
    path = tmp_path / "points.json"
    path.write_text(json.dumps(data))
    monkeypatch.setattr(
        operating_points, "shipped_points", lambda: operating_points.read_points(path)
    )
    options = o.scan_options(PipelineOptions(), budget="1/host-month")
    assert options.threshold == 0.7
    assert options.promise.startswith("threshold 0.7: at most 3 false alarms per 100,000")
    assert "on top" not in options.promise
    with_baselines = o.scan_options(PipelineOptions(), budget="1/host-month", baselines=True)
    assert with_baselines.promise == options.promise
    own = tmp_path / "own.csv"
    own.write_text("indicator,type\n10.0.0.9,ip\n")
    with_list = o.scan_options(PipelineOptions(), budget="1/host-month", intel=str(own))
    assert with_list.promise == (
        options.promise + "; what --intel may add was not measured and comes on top"
    )
    with pytest.raises(ConfigError, match=r"lowest that can be promised for packets is 0\.9/host"):
        o.scan_options(PipelineOptions(), budget="0.5/host-month")
    path.write_text(json.dumps(data | {"detectors": ["signature"]}))
    with pytest.raises(ConfigError, match="not measured with the same detectors"):
        o.scan_options(PipelineOptions(), budget="1/host-month")


def test_a_budget_is_for_what_ships():
    for more, text in (
        ({"threshold": 0.5}, "--budget and --threshold: give one of them"),
        ({"model": str(shipped_model("flowstats"))}, "--budget and --model: measured with the"),
        ({}, "--budget 1/year: write N/host-day"),
    ):
        with pytest.raises(ConfigError, match=text):
            o.scan_options(PipelineOptions(), budget="1/year" if not more else "1/host-day", **more)


def test_without_a_budget_the_threshold_is_that_of_the_label():
    options = o.scan_options(PipelineOptions())
    assert (options.threshold, options.promise, options.known) == (0.5, None, None)


def test_flow_logs_have_a_threshold_of_their_own_at_which_nothing_benign_was_labelled():
    options = o.scan_options(PipelineOptions(), of_logs=True)
    points = operating_points.shipped_points()
    assert options.threshold == 0.5
    assert options.log_threshold == points.quiet_threshold(operating_points.FLOW_LOG_INPUTS)
    assert 0.05 < options.log_threshold < 0.5
    assert options.for_logs().threshold == options.log_threshold
    assert options.for_logs().decoders == ()
    given = o.scan_options(PipelineOptions(), 0.7, of_logs=True)
    assert given.for_logs().threshold == given.threshold == 0.7


def test_with_models_that_were_not_measured_flow_logs_have_the_threshold_of_captures():
    own = str(shipped_model("flowstats"))
    assert o.scan_options(PipelineOptions(), model=own, of_logs=True).for_logs().threshold == 0.5


def test_a_budget_is_kept_for_each_kind_of_input_that_is_there():
    options = o.scan_options(PipelineOptions(), budget="20/host-month", of_logs=True)
    assert options.promise.startswith(f"threshold {options.threshold:.6g}: at most")
    assert options.log_promise.startswith(f"threshold {options.log_threshold:.6g}: at most")
    assert options.log_threshold < options.threshold
    only_logs = o.scan_options(
        PipelineOptions(), budget="20/host-month", of_captures=False, of_logs=True
    )
    assert only_logs.promise is None
    assert only_logs.log_promise == options.log_promise
