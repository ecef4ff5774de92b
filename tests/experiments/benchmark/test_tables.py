# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from minewatch.experiments.benchmark import tables
from minewatch.experiments.benchmark.targets import targets


@pytest.fixture(scope="module")
def packets(found):
    return found.scopes["real"]["packets"]


def test_every_row_is_as_wide_as_the_heads(found, packets):
    real = found.scopes["real"]
    fused = {kind: of.measures["fused"] for kind, of in real.items()}
    made = [
        tables.target_table(targets(found, {}, {})),
        tables.data_table(found),
        tables.budget_table(packets.measures),
        tables.budget_table(packets.measures, (10,)),
        tables.area_table(packets.measures),
        tables.recorder_table(found),
        tables.delay_table({kind: of.delays for kind, of in real.items()}),
        tables.horizon_table({kind: of.delays["fused"] for kind, of in real.items()}),
        tables.flow_log_table({kind: of.flow_logs for kind, of in real.items()}),
        tables.evasion_table(found.evasions),
        tables.variant_table(fused, found.variants),
        tables.comparison_table({kind: of.comparisons for kind, of in real.items()}),
        tables.bin_table(fused),
    ]
    for table in made:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.heads)}


def test_both_thresholds_are_shown(packets):
    fused = tables.budget_table(packets.measures).rows[0]
    at = packets.measures["fused"].budgets[10]
    assert fused[4:7] == [
        tables.told(at.own.recall),
        tables.told(at.trained.recall),
        f"{at.trained.false_alarms:,} of {at.trained.normal:,}",
    ]


def test_a_detector_without_thresholds_has_its_own_point_alone(packets):
    fused = packets.measures["fused"]
    budgets = {number: replace(at, trained=None) for number, at in fused.budgets.items()}
    row = tables.budget_table({"fused": replace(fused, budgets=budgets)}, (10,)).rows[0]
    assert row[1] != "-"
    assert row[2:] == ["-", "-", "-", "-"]


def test_it_says_what_cannot_be_told_from_none(packets):
    text = tables.resolution(packets.measures["fused"].budgets, 15_812)
    assert "1 in 100,000 cannot be told from none and allow 0" in text
    fused = packets.measures["fused"].budgets
    assert "10 in 100,000 allow 3." in tables.resolution(
        {10: replace(fused[10], is_resolved=True, allowed=3)}, 30_000
    )


def test_who_was_scored_stands_beside_who_was_there(found):
    table = tables.data_table(found)
    zeek = next(row for row in table.rows if row[:3] == ("zeek", "real", "normal"))
    of = found.recorders["zeek"]["packets"]["fused"]
    assert zeek[3] == f"{of.normal:,}"
    assert f"{of.ready_normal:,}" in zeek[4:]
    assert of.ready_normal < of.normal
    assert not any(row[:3] == ("zeek", "real", "mining") for row in table.rows)


def test_evasions_say_what_they_reach(found):
    rows = {row[0]: row[1:] for row in tables.evasion_table(found.evasions).rows}
    assert rows["jitter"] == ["none"] * 8
    for cell, of in zip(rows["SSH tunnel"][::2], found.evasions["ssh"].values(), strict=True):
        assert cell.endswith("reaches 0.80" if of.reaches else "below 0.80")
        assert f"{of.found} of {of.mining}" in cell


def test_variants_stand_below_the_main_table(found):
    fused = {kind: of.measures["fused"] for kind, of in found.scopes["real"].items()}
    rows = tables.variant_table(fused, found.variants).rows
    assert [row[1] for row in rows[:3]] == ["all, as above", "without timing", "random split"]


def test_horizons_end_with_the_whole(found):
    delays = {"packets": found.scopes["real"]["packets"].delays["fused"]}
    assert [row[0] for row in tables.horizon_table(delays).rows] == [
        "60 s", "300 s", "1,800 s", "its end",
    ]  # fmt: skip
