# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.experiments.benchmark.evasions import ROWS, Hidden, hidden, hides_by
from minewatch.experiments.benchmark.intervals import draws_for
from minewatch.experiments.benchmark.units import units_of
from minewatch.experiments.paper.metrics import Interval
from minewatch.training.corpus.views import InputKind


@pytest.fixture(scope="module")
def units(make_tiny):
    ways = [("tcp", "ssh", 0.9), ("tcp", "jitter+ssh", 0.6), ("tls1.2", None, 0.9),
            ("tcp", "tls", 0.1), ("tcp", None, 0.9), ("tls1.3", "ssh", None)]  # fmt: skip
    rows = [
        {"label": "mining", "transport": transport, "evasion": way, "a": value, "host": f"h{value}"}
        for transport, way, value in ways
    ]
    table = make_tiny([*rows, {"a": 0.2, "evasion": "ssh"}], None, {("fused", 10): 0.5})
    return units_of(table, InputKind.PACKETS)


@pytest.mark.parametrize(
    ("name", "mining", "trained", "own"),
    [("ssh", 3, 2, 1), ("tls", 3, 1, 1), ("jitter", 1, 1, 0), ("none", 1, 1, 1)],
)
def test_a_miner_that_hides_twice_is_in_two_rows(units, name, mining, trained, own):
    found = hidden(units, name, 0.8, draws_for(units, 50))
    assert (found.mining, found.found_trained, found.found_own) == (mining, trained, own)
    assert found.recall.value == pytest.approx(own / mining)


def test_nobody_to_find_is_neither_reached_nor_missed(units):
    found = hidden(units, "padding", 0.8, draws_for(units, 50))
    assert found.mining == 0
    assert found.reaches is None


def test_without_own_threshold_the_trained_one_tells(units):
    found = hidden(units, "jitter", float("nan"), draws_for(units, 50))
    assert (found.own, found.found, found.recall.value) == (None, 1, 1)


@pytest.mark.parametrize(("recall", "reaches"), [(0.8, True), (0.799, False)])
def test_reached_is_four_fifths(recall, reaches):
    assert Hidden(10, None, None, 8, Interval(recall)).reaches is reaches


def test_every_way_is_asked(scores):
    frame = units_of(scores, InputKind.PACKETS).frame
    counts = {name: int(hides_by(frame, name).sum()) for name in ROWS}
    assert counts["jitter"] == 0
    assert all(count > 0 for name, count in counts.items() if name != "jitter")
    hiding = np.logical_or.reduce([hides_by(frame, name) for name in ROWS if name != "none"])
    np.testing.assert_array_equal(hiding, ~hides_by(frame, "none"))
