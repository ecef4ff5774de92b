# SPDX-License-Identifier: Apache-2.0
from collections import Counter

import pytest

from minewatch.logs import LogReport
from minewatch.metering.decode import Outcome
from minewatch.metering.process import MeterCounters
from minewatch.output.summary import (
    MAX_NOTES,
    MAX_REASONS,
    Totals,
    known_lines,
    log_lines,
    print_totals,
    problem_lines,
)
from minewatch.pipeline import CaptureReport
from minewatch.readers.capture import CaptureCounters
from minewatch.records import RecordCounters
from minewatch.scanning import ScanReport


def report(name="a.pcap", notes=(), **gated):
    counters = CaptureCounters(packets_seen=10, octets_skipped=5, notes=list(notes))
    counters.outcomes[Outcome.METERED] = 7
    counters.outcomes[Outcome.NOT_IP] = 2
    counters.outcomes[Outcome.MALFORMED] = 1
    return CaptureReport(name, counters, MeterCounters(out_of_order_packets=3), dict(gated))


def scanned(*args, gated, **said):
    return ScanReport(report(*args, **gated), **said)


def log_report():
    first = RecordCounters(rows_seen=9, rows_parsed=5, notes=["cut at line 9"])
    first.ignored.update({"no data": 2})
    first.faulty.update({"bogus line": 2})
    first.examples.append("a.log:3: bogus line; mend it")
    second = RecordCounters(rows_seen=6, rows_parsed=6)
    second.repaired.update({"times in milliseconds": 1})
    second.sampling.update({1: 2, 100: 4})
    return LogReport("logs", [("a.log", first), ("b.log", second)], denied=3, gated={"passed": 2})


@pytest.fixture
def totals():
    sums = Totals()
    gated = {"passed": 4, "one-way": 2}
    sums.add(scanned(gated=gated, scored=4, mining=1, failures={"intel": "KeyError: 'x'"}))
    sums.add(scanned("b.pcap", ["offset 9: cut"], gated=gated, scored=4, mining=1))
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
    sums.add(scanned(gated={"passed": 9}, scored=9, mining=2, allowed=3, expired=1))
    sums.add(scanned(gated={"passed": 9}, scored=9, mining=1, allowed=1, expired=1))
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
    assert lines[-1] == "and 5 more notes of cut or damaged inputs"


def test_what_became_of_rows_of_flow_logs_is_told(console):
    totals = Totals()
    totals.add(ScanReport(log_report(), scored=2, mining=1))
    assert (totals.logs, totals.records, totals.inputs) == (2, 11, 2)
    assert totals.problems == 4  # a note, two faulty rows and one repaired
    print_totals(totals, console)
    assert console.export_text() == (
        "1 of 2 conversations is mining (11 records, 2 flow logs)\n"
        "  2 scored; not scored:\n"
        "  rows that could not be used: 2 bogus line\n"
        "  rows put right: 1 times in milliseconds\n"
        "  rows that tell of no flow: 2 no data\n"
        "    a.log:3: bogus line; mend it\n"
        "  3 records of traffic that was not let through, kept apart\n"
        "  4 records of 1 packet in 100: counts are estimates, and verdicts less sure\n"
        "  a.log: cut at line 9\n"
    )


def test_captures_and_flow_logs_are_told_together():
    totals = Totals()
    totals.add(scanned(gated={}))
    totals.add_logs(log_report())
    assert totals.what_was_read() == "10 packets, 1 capture, 11 records, 2 flow logs"


def test_many_reasons_are_cut_short():
    totals = Totals(faulty=Counter({f"reason {i}": 30 - i for i in range(MAX_REASONS + 2)}))
    (line,) = log_lines(totals)
    assert line.endswith(", ...")
    assert line.count("reason") == MAX_REASONS
