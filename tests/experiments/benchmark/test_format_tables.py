# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from minewatch.experiments.benchmark.by_moment import ByMoment, Cost, Recall
from minewatch.experiments.benchmark.format_tables import TITLES, format_blocks, format_table
from minewatch.experiments.paper.document import Heading, Paragraph, Table
from minewatch.experiments.paper.metrics import Interval
from minewatch.training.corpus.log_views import LOG_SETTINGS


def _recalls(seen_s, lasting_s, mining=10):
    found = {Cost.NONE: 4, Cost.ONE: 5, Cost.LABEL: 2}
    return [
        Recall(cost, seen_s, lasting_s, n, mining, Interval(n / 10, 0.1, 0.9))
        for cost, n in found.items()
    ]


def _found(*recalls):
    alarms = {"none": 0, "one": 1, "label": 3}
    return ByMoment(15_812, 340, {"label": 0.1412139}, alarms, tuple(recalls))


def test_each_moment_has_a_row():
    recalls = [*_recalls(600, 600), *_recalls(600, 1800), *_recalls(1800, 1800), *_recalls(0, 1800)]
    table = format_table({"aws-60s": _found(*recalls)})
    assert [row[:2] for row in table.rows] == [
        (TITLES["aws-60s"], "10 min"),
        (TITLES["aws-60s"], "10 min, of those over 30 min"),
        (TITLES["aws-60s"], "30 min"),
        (TITLES["aws-60s"], "its end, of those over 30 min"),
    ]
    assert table.rows[0][2:] == (
        "10",
        "0.40 (0.10 to 0.90), 4",
        "0.50 (0.10 to 0.90), 5",
        "0.20 (0.10 to 0.90), 2",
        "3",
    )
    assert len(table.heads) == len(table.rows[0])


def test_where_nothing_mines_nothing_is_told():
    (row,) = format_table({"strange": _found(*_recalls(0, 0, mining=0))}).rows
    assert row == ("strange", "its end", "0", "-", "-", "-", "3")


def test_the_section_says_among_how_many():
    found = _found(*_recalls(0, 0))
    fewer = replace(found, normal_scored=12)
    heading, text, table = format_blocks({"gcp-5s": fewer, "aws-60s": found, "zeek": fewer}, "Logs")
    assert heading == Heading(2, "Logs")
    assert isinstance(text, Paragraph)
    assert "15,812 normal conversations (340 of them" in text.text
    assert "from 0.1412 on" in text.text
    assert isinstance(table, Table)
    assert format_blocks({}, "Logs") == []


def test_every_setting_has_a_title_and_a_name_of_its_own():
    assert len(TITLES) == len(LOG_SETTINGS)
    assert len(set(TITLES.values())) == len(LOG_SETTINGS)
