# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.experiments.benchmark.flow_logs import flow_log
from minewatch.experiments.benchmark.intervals import draws_for
from minewatch.experiments.benchmark.units import units_of
from minewatch.training.corpus.views import InputKind


def _units(make_tiny, horizons=(600, 1800, 3600, 0)):
    scores = {
        (1, "mining", 4000.0): (0.1, 0.9, 0.9, 0.9),
        (2, "mining", 4000.0): (0.9, 0.1, 0.1, 0.1),  # an alert that was raised stays raised
        (3, "mining", 4000.0): (0.1, 0.1, 0.9, 0.9),  # too late
        (4, "mining", 900.0): (0.9, 0.9, 0.9, 0.9),  # too short to be asked
        (5, "normal", 9000.0): (0.1, 0.1, 0.8, 0.1),
        (6, "normal", 9000.0): (0.1, 0.6, 0.1, 0.1),
        (7, "normal", 9000.0): (0.3, 0.1, 0.1, None),
    }
    rows = [
        {
            "conversation": number, "label": label, "duration_s": duration_s, "a": value,
            "horizon_s": horizon_s, "host": f"h{number}", "input": InputKind.FLOWS_600.value,
        }
        for (number, label, duration_s), values in scores.items()
        for horizon_s, value in zip((600, 1800, 3600, 0), values, strict=True)
        if horizon_s in horizons
    ]  # fmt: skip
    return units_of(make_tiny(rows), InputKind.FLOWS_600)


@pytest.fixture(scope="module")
def units(make_tiny):
    return _units(make_tiny)


def _found(units, hours, threshold=np.nan):
    return flow_log(units, "a", hours, np.full(len(units), threshold), draws_for(units, 50))


def test_found_by_half_an_hour(units):
    at = _found(units, 20_000.0, 0.5).trained
    assert (at.found, at.mining, at.recall.value) == (2, 3, pytest.approx(2 / 3))


def test_a_false_alarm_counts_whenever_it_happens(units):
    at = _found(units, 20_000.0, 0.5).trained
    assert (at.false_alarms, at.per_10000_hours) == (2, 1)


def test_hours_tell_how_many_false_alarms_are_allowed(units):
    found = _found(units, 20_000.0)
    assert found.trained is None
    assert (found.allowed, found.is_resolved, found.own.false_alarms) == (2, True, 2)
    few = _found(units, 9_999.0)
    assert (few.allowed, few.is_resolved, few.own.false_alarms) == (0, False, 0)
    assert few.own.recall.value == pytest.approx(2 / 3)
    assert _found(units, 10_000.0).own.false_alarms == 1


def test_without_a_look_within_half_an_hour_nothing_is_told(make_tiny):
    assert _found(_units(make_tiny, (3600, 0)), 1e4) is None


def test_without_normal_traffic_there_is_no_own_point(units):
    mining = units.take(units.is_mining)
    found = _found(mining, 0.0, 0.5)
    assert found.own is None
    assert np.isnan(found.trained.per_10000_hours)
