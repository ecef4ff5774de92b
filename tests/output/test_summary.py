# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.metering.decode import Outcome
from minewatch.metering.process import MeterCounters
from minewatch.output.summary import MAX_NOTES, Totals, known_lines, print_totals, problem_lines
from minewatch.pipeline import CaptureReport
from minewatch.readers.capture import CaptureCounters


def report(name="a.pcap", notes=(), **gated):
    counters = CaptureCounters(packets_seen=10, octets_skipped=5, notes=list(notes))
    counters.outcomes[Outcome.METERED] = 7
    counters.outcomes[Outcome.NOT_IP] = 2
    counters.outcomes[Outcome.MALFORMED] = 1
    return CaptureReport(name, counters, MeterCounters(out_of_order_packets=3), dict(gated))


@pytest.fixture
def totals():
    sums = Totals()
    gated = {"passed": 4, "one-way": 2}
    sums.add(report(**gated), scored=4, mining=1, failures={"intel": "KeyError: 'x'"})
    sums.add(report("b.pcap", ["offset 9: cut"], **gated), scored=4, mining=1)
    return sums


def test_captures_add_up(totals):
    assert (totals.captures, totals.packets, totals.octets_skipped) == (2, 20, 10)
    assert (totals.conversations, totals.scored, totals.mining) == (12, 8, 2)
    assert totals.gated == {"one-way": 4}
    assert totals.problems == 2


def test_everything_is_told(totals, console):
    print_totals(totals, console)
    assert console.export_text() == (
        "2 of 12 conversations are mining (20 packets, 2 captures)\n"
        "  8 scored; not scored:\n"
        "            4  one-way           payload in one direction at most: a pool and a miner "
        "both talk\n"
        "  packets not used: 4 not IP, 2 malformed\n"
        "  6 packets out of order\n"
        "  b.pcap: offset 9: cut\n"
        "  plug-in intel failed, its scores count as not ready: KeyError: 'x'\n"
    )


def test_what_allowances_did_is_told(console):
    sums = Totals()
    sums.add(report(passed=9), scored=9, mining=2, allowed=3, expired=1)
    sums.add(report(passed=9), scored=9, mining=1, allowed=1, expired=1)
    assert (sums.mining, sums.allowed, sums.expired) == (3, 4, 2)
    print_totals(sums, console)
    lines = console.export_text().splitlines()
    assert lines[0].startswith("3 of 18 conversations are mining")
    assert lines[1:3] == [
        "  4 more are mining and allowed",
        "  2 of the finds were allowed until the allowance expired",
    ]
    assert list(known_lines(Totals(allowed=1, expired=1))) == [
        "1 more is mining and allowed",
        "1 of the finds was allowed until the allowance expired",
    ]


def test_nothing_to_tell():
    assert list(known_lines(Totals())) == []
    assert list(problem_lines(Totals())) == []


def test_many_notes_are_counted():
    totals = Totals(notes=[f"note {i}" for i in range(MAX_NOTES + 5)])
    lines = list(problem_lines(totals))
    assert len(lines) == MAX_NOTES + 1
    assert lines[-1] == "and 5 more notes of cut or damaged captures"
