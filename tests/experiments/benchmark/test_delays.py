# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.experiments.benchmark.delays import (
    delay_of,
    first_seconds,
    found_by,
    in_plaintext,
    lasting,
)
from minewatch.experiments.benchmark.intervals import draws_for
from minewatch.experiments.benchmark.units import units_of
from minewatch.training.corpus.views import InputKind


def _rows(number, label, duration_s, **scores):
    by_horizon = {"at_30": 30, "at_60": 60, "at_end": 0}
    return [
        {
            "conversation": number, "label": label, "duration_s": duration_s, "a": value,
            "horizon_s": by_horizon[name], "host": f"h{number}",
        }
        for name, value in scores.items()
    ]  # fmt: skip


@pytest.fixture(scope="module")
def units(make_tiny):
    rows = [
        *_rows(1, "mining", 100.0, at_30=0.1, at_60=0.9, at_end=0.2),
        *_rows(2, "mining", 50.0, at_30=None, at_end=0.8),
        *_rows(3, "mining", 500.0, at_30=0.1, at_60=0.2, at_end=0.3),
        *_rows(4, "normal", 80.0, at_30=0.7, at_60=0.1, at_end=0.1),
        *_rows(5, "normal", 80.0, at_end=0.5),
    ]
    people = [("s", "mining", 5, 1.0), ("s", "normal", 40, 1.0)]
    return units_of(make_tiny(rows, people), InputKind.PACKETS)


def test_the_first_moment_above_the_threshold_counts(units):
    times = first_seconds(units, "a", 0.5)
    assert times.tolist() == [60, 50, np.inf, 30, np.inf, np.inf, np.inf]


def test_each_conversation_may_have_its_own_threshold(units):
    times = first_seconds(units, "a", np.array([0.05, 0.9, 0.25, 1, 1, np.nan, np.nan]))
    assert times.tolist() == [30, np.inf, 500, np.inf, np.inf, np.inf, np.inf]


def test_never_is_part_of_the_median(units):
    found = delay_of(units, "a", 0.5, draws_for(units, 50))
    assert (found.mining, found.found, found.never) == (5, 2, 0.6)
    assert found.median_s.value == np.inf
    assert found.median_of_found_s == 50
    assert (found.false_alarms, found.normal) == (1, 40)


def test_the_median_of_those_that_are_found_soon_enough(units):
    found = delay_of(units, "a", 0.05, draws_for(units, 50))
    assert (found.found, found.median_s.value) == (3, 50)


def test_a_horizon_is_for_those_that_last_as_long(units):
    found = delay_of(units, "a", 0.5, draws_for(units, 50))
    told = [(at.horizon_s, at.lasting, at.found) for at in found.horizons]
    assert told == [(30, 3, 0), (60, 2, 1), (0, 5, 2)]


def test_without_mining_nothing_is_known(units):
    normal = units.take(~units.is_mining)
    found = delay_of(normal, "a", 0.5, draws_for(normal, 50))
    assert found.mining == 0
    assert np.isnan([found.median_s.value, found.never, found.median_of_found_s]).all()


def test_shares_rise_to_what_is_found():
    moments, shares = found_by(np.array([np.inf, np.inf]), np.ones(2))
    assert moments.tolist() == shares.tolist() == []


def test_how_long_it_lasts_must_be_known(units):
    assert lasting(units, 80).tolist() == [True, False, True, False, False, False, False]


def test_tls_and_ssh_hide_the_text(make_tiny):
    ways = [("tcp", None), ("tls1.3", None), (None, "port+tls"), ("tcp", "jitter+ssh"),
            ("tcp", "websocket"), (None, None)]  # fmt: skip
    rows = [{"a": 0.1, "transport": transport, "evasion": way} for transport, way in ways]
    units = units_of(make_tiny(rows), InputKind.PACKETS)
    assert in_plaintext(units).tolist() == [True, False, False, False, True, True]
