# SPDX-License-Identifier: Apache-2.0
import re
from dataclasses import replace

import pytest

from minewatch.experiments.paper import figures
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
    assert "9 rotations, each tested on hosts, pools and other far ends and times" in text
    assert "Not held out" not in text
    assert "`minewatch reproduce --out OUT`" in text


def test_it_says_what_could_not_be_held_out(findings):
    honest = replace(findings.task.honest, held_out=("pool",))
    less = replace(findings, task=replace(findings.task, honest=honest))
    assert "Not held out, for want of them: hosts and times." in as_markdown(report(less, "x"))


def test_without_coins_it_says_why(findings):
    less = replace(findings, coin_task=None, coins=[], coin_outcomes=[], coin_problem="None named")
    text = as_markdown(report(less, "x"))
    assert "Ours: not possible. None named." in text
    assert "figure-4.png" not in text


def test_the_cause_is_named_only_if_it_was_seen(findings):
    none = replace(findings, outcomes=[], repeated=[])
    assert "None of the mistakes tried makes the paper's pattern" in as_markdown(report(none, "x"))
