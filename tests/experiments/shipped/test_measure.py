# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from typer.testing import CliRunner

from minewatch import registry
from minewatch.cli import app
from minewatch.experiments.shipped.defaults import default_options
from minewatch.experiments.shipped.inputs import PACKETS, plan
from minewatch.experiments.shipped.measure import measure

POOLS = {
    ("203.0.113.9", 3333),
    ("203.0.113.20", 443),
    ("203.0.113.10", 3333),
    ("203.0.113.7", 3333),
}
KINDS = {"demo.pcap": PACKETS, "demo-aws.log": "aws", "hand.log": "aws", "zeek": "zeek"}


@pytest.fixture(scope="module")
def scanned(labelled):
    """What ``minewatch scan --all`` says of each input."""

    def scan(name):
        output = labelled.parent / f"{name}.jsonl"
        given = ["scan", str(labelled.parent / name), "--all", "-q", "-o", str(output)]
        result = CliRunner().invoke(app, given)
        assert result.exit_code in (0, 1), result.stderr
        return [json.loads(line) for line in output.read_text().splitlines()]

    return {name: scan(name) for name in KINDS}


def is_mining(record):
    return (record["destination_address"], record["destination_transport_port"]) in POOLS


def was_gated(record):
    return all(p is None for p in record["detectors"].values())


def counts(measured, kind, source, mining):
    """Sums over the rules of one kind, source and label, and the thresholds."""
    found = [
        one.counts
        for one in measured.cells
        if (one.kind, one.source, one.is_mining) == (kind, source, mining)
    ]
    at = [sum(column) for column in zip(*(one.at for one in found), strict=True)]
    flagged = sum(one.flagged for one in found)
    gated = sum(one.gated.total() for one in found)
    return sum(one.conversations for one in found), flagged, gated, at


@pytest.mark.parametrize(
    ("names", "source"),
    [(["demo.pcap"], "demo"), (["demo-aws.log"], "demo"), (["hand.log"], "office")],
)
@pytest.mark.parametrize("mining", [True, False])
def test_the_counts_are_those_of_a_scan(names, source, mining, measured, scanned):
    records = [one for name in names for one in scanned[name] if is_mining(one) is mining]
    assert counts(measured, KINDS[names[0]], source, mining) == (
        len(records),
        sum(one["label"] == "mining" for one in records),
        sum(map(was_gated, records)),
        [sum(one["mining_probability"] >= at for one in records) for at in measured.thresholds],
    )


def test_what_is_found_in_the_demonstration(measured):
    thresholds = default_options()
    assert measured.own == {PACKETS: 0.5} | dict.fromkeys(("aws", "zeek"), thresholds.log_threshold)
    assert measured.thresholds == (0.05, 0.1, thresholds.log_threshold, 0.5)
    assert counts(measured, PACKETS, "demo", True)[:2] == (2, 2)
    assert counts(measured, PACKETS, "demo", False)[:2] == (32, 0)
    assert counts(measured, "aws", "demo", True)[:2] == (2, 2)
    assert counts(measured, "aws", "demo", False)[:2] == (32, 0)


def test_each_input_is_accounted_for(measured, scanned):
    assert [
        (one.name, one.kind, one.mining, one.normal, one.uncounted) for one in measured.inputs
    ] == [
        ("demo.pcap", PACKETS, 2, 32, 0),
        ("demo-aws.log", "aws", 2, 32, 0),
        ("hand.log", "aws", 2, 1, 0),
        ("zeek", "zeek", 1, 1, 1),
    ]
    assert sum(one.mining + one.normal + one.uncounted for one in measured.inputs) == sum(
        map(len, scanned.values())
    )


def test_missed_miners_are_listed_with_why(measured, scanned):
    missed = {
        (one["source_address"], one["source_transport_port"]): (
            None if was_gated(one) else round(one["mining_probability"], 6)
        )
        for records in scanned.values()
        for one in records
        if is_mining(one) and one["protocol_identifier"] == 6 and one["label"] == "normal"
    }
    assert len(missed) == 3
    assert measured.missed.total == 3
    listed = {
        (row["source_address"], row["source_transport_port"]): row["probability"]
        for row in measured.missed.rows
    }
    assert listed == missed
    (gated,) = [row for row in measured.missed.rows if row["gate_reason"]]
    assert (gated["gate_reason"], gated["source"]) == ("too-few-messages", "office")
    assert gated["capture"].endswith("/hand.log")
    assert gated["flow_start"] == "2023-11-14T22:18:20.000000Z"


def test_rules_of_mining_that_match_nothing_are_told(measured):
    texts = {one.name: [str(rule.network) for rule in one.unmatched] for one in measured.inputs}
    assert {name: found for name, found in texts.items() if found} == {
        "hand.log": ["::ffff:cb00:7163/128"]
    }


def test_rows_that_could_not_be_used_are_told(measured):
    assert measured.problems == []
    assert measured.totals.faulty.total() == 1
    assert any("hand.log:250" in text for text in measured.totals.examples)


def measured_of(path):
    formats = registry.flow_formats()
    steps = []
    return measure(plan([str(path)], formats), default_options(), formats, steps.append), steps


def test_false_alarms_are_listed(labelled):
    path = labelled.parent / "inverted.tsv"
    path.write_text(
        "capture\tsource\tlabel\taddress\n"
        "demo.pcap\tdemo\tnormal\t203.0.113.20\n"
        "demo.pcap\tdemo\tskip\t203.0.113.10\n"
        "demo.pcap\tdemo\tmining\t203.0.113.40\n"
    )
    measured, steps = measured_of(path)
    assert steps == ["scanning demo.pcap"]
    assert measured.false_alarms.total == 1
    (row,) = measured.false_alarms.rows
    assert row["destination_address"] == "203.0.113.20"
    assert row["probability"] >= 0.5
    assert measured.missed.total == 1
    assert measured.missed.rows[0]["destination_address"] == "203.0.113.40"
    assert [(one.mining, one.normal, one.uncounted) for one in measured.inputs] == [(1, 1, 32)]


def test_one_that_cannot_be_read_does_not_stop_the_others(labelled, tmp_path):
    demo = labelled.parent / "demo.pcap"
    (tmp_path / "damaged.pcap").write_bytes(b"\xd4\xc3\xb2\xa1\x02")
    (tmp_path / "logs").mkdir()
    log = (labelled.parent / "demo-aws.log").read_bytes()
    (tmp_path / "logs" / "a.log").write_bytes(log)
    (tmp_path / "logs" / "b.log").write_bytes(b"version srcaddr start\n")
    path = tmp_path / "labels.tsv"
    rows = "".join(f"{name}\toffice\tnormal\n" for name in ("damaged.pcap", demo, "logs/*.log"))
    path.write_text("capture\tsource\tlabel\n" + rows)
    measured, _ = measured_of(path)
    first, second = measured.problems
    assert first.startswith(f"{tmp_path}/damaged.pcap: ")
    assert second.startswith(f"{tmp_path}/logs/b.log: ")
    assert [(one.name, one.normal) for one in measured.inputs] == [
        ("damaged.pcap", 0),
        (str(demo), 34),
        ("logs/*.log", 34),
    ]
