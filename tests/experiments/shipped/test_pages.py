# SPDX-License-Identifier: Apache-2.0
from collections import Counter

import pytest

from minewatch import gate
from minewatch.experiments.paper.document import as_markdown
from minewatch.experiments.shipped.counting import Counts
from minewatch.experiments.shipped.measure import Cell, Measured, ReadInput
from minewatch.experiments.shipped.pages import MAX_ROWS, pages, summary_rows
from minewatch.training.rules import Rule


@pytest.fixture(scope="module")
def report(measured):
    return as_markdown(pages(measured))


def section(report, heading):
    return report.split(f"## {heading}\n\n", 1)[1].split("\n## ", 1)[0]


def test_the_summary(measured):
    log = f"{measured.own['aws']:.4g}"
    rows = summary_rows(measured)
    assert [row[:2] for row in rows] == [
        ("packets", "0.5"),
        ("aws", log),
        ("zeek", log),
        ("together", "its own"),
    ]
    assert rows[0][2:] == ("2 of 2: 100 % (34 to 100)", "0 of 32: 0 % (0 to 11)")
    assert rows[1][2].startswith("2 of 4: 50 %")
    assert rows[3][2].startswith("4 of 7: 57 %")


def test_it_warns_that_what_was_trained_on_flatters(report):
    reading = section(report, "How to read the numbers")
    assert "may have learnt from flatter these figures" in reading
    assert "counts as not found" in reading


def test_each_source_has_its_kinds(report):
    lines = section(report, "By source").splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:] if line] == [
        ["| branch", "zeek"],
        ["| demo", "packets"],
        ["| demo", "aws"],
        ["| demo", "together"],
        ["| office", "aws"],
        ["| office", "zeek"],
        ["| office", "together"],
    ]
    assert "| branch | zeek | none | 0 of 1: 0 % (0 to 79) |" in lines


def test_the_threshold_in_use_is_marked(report, measured):
    rows = section(report, "At other thresholds")
    assert "| packets | 0.5 * | 2 of 2" in rows
    assert f"| aws | {measured.own['aws']:.4g} * | 2 of 4" in rows
    assert rows.count(" * |") == 3
    assert rows.count("| together |") == len(measured.thresholds) == 4


def test_what_went_wrong_is_listed(report):
    assert section(report, "False alarms").strip() == "None."
    missed = section(report, "Miners that were missed")
    assert "10.0.0.7:50001 | 203.0.113.9:3333 | 2023-11-14T22:18:20.000000Z" in missed
    assert "not scored: too-few-messages" in missed
    stopped = section(report, "Mining that the gate stopped")
    assert f"| aws | too-few-messages | {gate.REASONS['too-few-messages']} | 1 |" in stopped
    assert "hand.log: office: address 203.0.113.99" in report
    assert "1 rule of mining matched no conversation" in report
    assert "1 srcaddr is no address" in section(report, "What was not used")
    assert "What could not be read" not in report


def test_of_one_kind_there_is_no_sum_and_of_nothing_wrong_no_section():
    measured = Measured((0.5,), {"aws": 0.5}, [Cell("aws", "a", False, Counts(9, 0, (0,)))])
    report = as_markdown(pages(measured))
    assert "| together |" not in report
    assert "What was not used" not in report
    assert "the gate stopped\n" not in report
    assert summary_rows(measured) == [("aws", "0.5", "none", "0 of 9: 0 % (0 to 30)")]


def test_long_lists_are_cut_and_say_so():
    measured = Measured((0.5,), {"aws": 0.5})
    gated = Counter({"too-short": 99})
    measured.cells.append(Cell("aws", "a", True, Counts(99, 0, (0,), gated)))
    row = {
        "capture": "a.log",
        "source": "a",
        "source_address": "10.0.0.1",
        "source_transport_port": 1,
        "destination_address": "10.0.0.2",
        "destination_transport_port": 2,
        "protocol_identifier": 6,
        "flow_start": "then",
        "flow_end": "later",
        "probability": None,
        "gate_reason": "too-short",
    }
    measured.missed.rows += [row] * 99
    measured.missed.total = 1234
    measured.problems += [f"problem\n{n}" for n in range(30)]
    rules = tuple(Rule("a", 1, port=n) for n in range(40))
    measured.inputs.append(ReadInput("a|b\x1b", "aws", 1, 99, 0, 0, rules))
    report = as_markdown(pages(measured))
    assert section(report, "Miners that were missed").count("not scored: too-short") == MAX_ROWS
    assert "And 1,184 more; `shipped.json` lists 99." in report
    assert section(report, "What could not be read").splitlines()[-2:] == [
        "- problem 19",
        "- and 10 more",
    ]
    assert "- and 20 more" in section(report, "What was read")
    assert r"| a\|b? | aws | 1 | 99 | 0 | 0 |" in report
