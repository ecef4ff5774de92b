# SPDX-License-Identifier: Apache-2.0
from minewatch.experiments.paper import mechanisms as m
from minewatch.experiments.paper import paper_numbers as paper
from minewatch.experiments.paper import tables
from minewatch.experiments.paper.metrics import Interval


def cells(table):
    return [cell for row in table.rows for cell in row]


def test_tables_are_rectangular(findings):
    samples = findings.samples
    names = list(dict.fromkeys(o.mechanism for o in findings.outcomes))
    for table in (
        tables.composition(samples),
        tables.losses(samples),
        tables.table_1(findings.results),
        tables.areas(findings.results),
        tables.logarithms(findings.results, findings.on_logarithms),
        tables.coins(findings.coins),
        tables.coin_means(findings.coins),
        tables.mechanisms(findings.outcomes, findings.repeated, names),
        tables.coin_mechanisms(findings.coin_outcomes),
    ):
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.heads)}
        assert all(isinstance(cell, str) for cell in cells(table))


def test_table_1_has_the_papers_numbers_beside_ours(findings):
    rows = tables.table_1(findings.results).rows
    assert [row[2] for row in rows] == [
        paper.TABLE_1[(r.model, r.statistic)] for r in findings.results
    ]
    first = findings.results[0]
    assert rows[0][3] == tables.percent(first.cross_validation.macro)


def test_all_rows_are_accounted_for(findings):
    samples = findings.samples.thinned(300, seed=1)
    rows = dict(tables.losses(samples).rows)
    assert rows["pairs"] == "700"
    assert rows["of them normal ones left out at random, to meet the composition"] == "243"
    assert rows["of them not labelled"] == "0"


def test_a_mechanism_that_was_not_repeated_has_no_count(findings):
    table = tables.mechanisms(findings.outcomes, [], [m.RIGHT])
    assert table.rows[0][-1] == tables.NONE


def test_percent():
    assert tables.percent(None) == tables.NONE
    assert tables.percent(Interval(float("nan"))) == tables.NONE
    assert tables.percent(Interval(0.1264, 0.1, 0.2), 1) == "12.6 (10.0 to 20.0)"
