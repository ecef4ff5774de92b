# SPDX-License-Identifier: Apache-2.0
import re
from dataclasses import replace

import pytest

from minewatch.experiments.paper import figures
from minewatch.experiments.paper import mechanisms as m
from minewatch.experiments.paper import paper_numbers as paper
from minewatch.experiments.paper.document import Picture, as_markdown
from minewatch.experiments.paper.report import report


@pytest.fixture(scope="module")
def text(findings):
    return as_markdown(report(findings, "minewatch reproduce --out OUT"))


def test_every_number_of_the_paper_is_in_it(text):
    numbers = set(re.findall(r"\d[\d,]*(?:\.\d+)?", text))
    missing = [number for number in paper.all_numbers() if number not in numbers]
    assert not missing


def test_every_figure_is_in_it(findings):
    shown = [block.file for block in report(findings, "x") if isinstance(block, Picture)]
    assert sorted(shown) == sorted(figures.file_names())


def test_it_says_what_was_held_out(text):
    assert "9 rotations, each tested on hosts, far ends and times" in text
    assert "Not held out" not in text
    assert "`minewatch reproduce --out OUT`" in text


def test_it_says_what_could_not_be_held_out(findings):
    honest = replace(findings.task.honest, held_out=("pool",))
    less = replace(findings, task=replace(findings.task, honest=honest))
    assert "Not held out, for want of enough: hosts and times." in as_markdown(report(less, "x"))


def test_without_coins_it_says_why(findings):
    less = replace(findings, coin_task=None, coins=[], coin_outcomes=[], coin_problem="None named")
    text = as_markdown(report(less, "x"))
    assert "Ours: not possible. None named." in text
    assert "figure-4.png" not in text


def test_without_an_honest_split_it_says_so(findings):
    honest = replace(findings.task.honest, splits=[], held_out=())
    bare = [replace(r, honest=None, as_few=None) for r in findings.results]
    less = replace(findings, results=bare, task=replace(findings.task, honest=honest))
    assert "Honest split: not possible" in as_markdown(report(less, "x"))


def test_the_verdict_on_coins_has_its_control(text, findings):
    rows = [r for r in findings.coins if r.statistic == "bits/packet"]
    for part in ("test", "honest", "as_few"):
        mean = 100 * sum(getattr(r, part).macro.value for r in rows) / len(rows)
        assert f"{mean:.1f} %" in text


def test_the_cause_tells_where_it_was_seen(text, findings):
    name = "training times in ms, test times in s"
    n = sum(m.shows_pattern(split, name, m.REPEATED, 1) for split in findings.repeated)
    assert f'"{name}" (shown by the RFT on our split, and by DT and KNN on {n} of 10' in text


def test_the_cause_is_named_only_if_it_was_seen(findings):
    none = replace(findings, outcomes=[], repeated=[])
    assert "None of the mistakes tried makes the paper's pattern" in as_markdown(report(none, "x"))
