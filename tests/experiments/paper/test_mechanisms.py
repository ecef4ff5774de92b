# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest

from minewatch.experiments.paper import mechanisms as m
from minewatch.experiments.paper.models import standard_scaler
from minewatch.experiments.paper.tasks import mining_task

TRAIN = np.array([[1.0, 10.0], [3.0, 30.0]])
TEST = np.array([[1.0, 10.0], [5.0, 50.0]])


def prepared(name, statistic="bits/s"):
    way = next(way for way in m.MECHANISMS if way.name == name)
    seen, tested = way.prepare(TRAIN, TEST, statistic)
    return seen[:, 0].tolist(), tested[:, 0].tolist()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("none", [-1, 3]),
        ("test not scaled", [1, 5]),
        ("test standardised by itself", [-1, 1]),
        ("training times in s, test times in ms", [-1.999, -1.995]),
        ("training times in ms, test times in s", [998, 4998]),
        ("test sizes in octets", [-1.875, -1.375]),
    ],
)
def test_what_is_done_to_the_test_part(name, expected):
    seen, tested = prepared(name)
    assert seen == [-1, 1]
    assert tested == pytest.approx(expected)


def test_a_range_of_its_own():
    assert prepared("test brought to 0..1 by itself") == ([0, 1], [0, 1])


def test_a_scaler_of_all_rows_moves_both():
    seen, tested = prepared("scaler fitted to all rows")
    assert np.mean(seen + tested) == pytest.approx(0)


def test_time_is_not_in_bits_per_packet_nor_size_in_packets_per_second():
    right = prepared("none")
    assert prepared("training times in s, test times in ms", "bits/packet") == right
    assert prepared("test sizes in octets", "packets/s") == right


def test_every_mechanism_is_tried_on_every_model_and_plot(findings):
    names = {outcome.mechanism for outcome in findings.outcomes}
    assert names == {way.name for way in m.MECHANISMS} | {
        m.HIGH_THRESHOLD,
        m.BASE_THRESHOLD,
        m.IN_TIME,
        m.BY_SERVER,
    }
    assert len(findings.outcomes) == 12 * 4 * 3
    assert len(findings.repeated) == m.REPEATS


def test_right_preparation_is_the_test_of_table_1(findings):
    right = {(o.model, o.statistic): o for o in findings.outcomes if o.mechanism == m.RIGHT}
    for result in findings.results:
        own = right[(result.model, result.statistic)]
        assert own.macro == pytest.approx(result.test.macro.value)
        assert own.auc == pytest.approx(result.test.auc.value)
        assert own.auc_of_labels == pytest.approx(result.test.auc_of_labels.value)


def test_splits_that_draw_nothing_are_in_order(samples):
    task = mining_task(samples, 7)
    splits = m.ordered_splits(task)
    start = samples.table["flow_start_nanoseconds"].to_numpy()
    train, test = splits[m.IN_TIME]
    assert len(test) == len(task.split[1])
    assert start[train].max() <= start[test].min()
    train, test = splits[m.BY_SERVER]
    assert samples.hosts[train].max() <= samples.hosts[test].min()
    assert set(train.tolist()) | set(test.tolist()) == set(range(len(start)))


def test_miners_move_by_widths_of_their_cloud(findings):
    task = findings.task
    train, test = task.split
    values = task.samples.values("bits/s")[:, 1]
    miners = values[train][task.labels[train] == 1]
    own, other = (
        standard_scaler().fit(values[rows, None]).transform(miners[:, None]).ravel()
        for rows in (train, test)
    )
    shift = abs(other.mean() - own.mean()) / own.std()
    found = m.shifts(task)
    assert found["bits/s"][1] == pytest.approx(shift)
    assert min(found["bits/s"]) > max(found["bits/packet"])


def test_an_order_with_one_class_behind_is_left_out(findings):
    task = findings.task
    start = task.samples.table["flow_start_nanoseconds"].to_numpy()
    labels = np.zeros(len(start), np.int64)
    labels[np.argsort(start)[:50]] = 1
    assert m.IN_TIME not in m.ordered_splits(replace(task, labels=labels))


def test_a_threshold_above_every_score_is_half_everywhere(findings):
    for outcome in findings.outcomes:
        if outcome.mechanism == m.HIGH_THRESHOLD:
            assert outcome.auc_of_labels == 0.5


def test_raw_rows_are_all_called_one_thing(findings):
    own = [o for o in findings.outcomes if o.mechanism == "test not scaled" and o.model == "KNN"]
    assert all(o.auc_of_labels == 0.5 for o in own)


def outcome(name, statistic, area):
    return m.Outcome(name, statistic, "RFT", 0.5, area, area, 0.0)


def test_the_pattern():
    right = [outcome("none", s, 0.95) for s in ("packets/s", "bits/packet", "bits/s")]
    made = [
        outcome("x", "packets/s", 0.5),
        outcome("x", "bits/s", 0.49998),
        outcome("x", "bits/packet", 0.92),
    ]
    assert m.shows_pattern([*right, *made], "x", ("RFT",))
    assert not m.shows_pattern([*right, *made], "none", ("RFT",))
    assert not m.shows_pattern([*right, *made], "y", ("RFT",))
    low = [*made[:2], replace(made[2], auc_of_labels=0.7)]
    assert not m.shows_pattern([*right, *low], "x", ("RFT",))
    near = [replace(made[0], auc_of_labels=0.4996), *made[1:]]
    assert not m.shows_pattern([*right, *near], "x", ("RFT",))
    assert m.shows_pattern([*right, *near], "x", ("RFT",), digits=1)


def test_heavy_tails_and_a_scaler_of_its_own_make_the_pattern(make_samples):
    """Rates whose deviation is made by their largest values; bits/packet is bounded."""
    task = mining_task(make_samples(12_000, 157, seed=3), 7)
    quick = replace(task, samples=task.samples)
    found = [
        outcome
        for statistic in ("packets/s", "bits/packet", "bits/s")
        for outcome in m._cell(quick, quick.split, statistic, "KNN")
    ]
    assert m.shows_pattern(found, "test standardised by itself", ("KNN",), digits=1)
    assert not m.shows_pattern(found, "scaler fitted to all rows", ("KNN",), digits=1)


def test_the_coin_pattern():
    right = [outcome("none", s, None) for s in ("packets/s", "bits/packet", "bits/s")]
    fall = [replace(o, mechanism="x", macro=0.08) for o in right if o.statistic != "bits/packet"]
    kept = replace(right[1], mechanism="x")
    assert m.shows_coin_pattern([*right, *fall, kept], "x")
    assert not m.shows_coin_pattern([*right, *fall, kept], "none")
    assert not m.shows_coin_pattern([*right, *fall, kept], "y")
    assert not m.shows_coin_pattern([*right, *fall, replace(kept, macro=0.1)], "x")


def test_rates_a_thousand_times_too_large_are_all_normal(findings):
    name = "training times in ms, test times in s"
    assert m.shows_pattern(findings.outcomes, name, m.LEARNERS)
    assert m.shows_coin_pattern(findings.coin_outcomes, "none") is False
