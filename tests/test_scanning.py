# SPDX-License-Identifier: Apache-2.0
import ipaddress
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from made_up_records import talk
from minewatch import gate, registry, scanning
from minewatch.address import halves_of
from minewatch.allow.entries import Entry, Known
from minewatch.allow.ranges import NamedRanges
from minewatch.detectors.fusion import Fusion
from minewatch.detectors.signature import SignatureDetector
from minewatch.pipeline import PipelineOptions
from minewatch.readers.source import Input
from minewatch.records import Names, RecordCounters
from minewatch.schema import KIND_JSON, Column
from minewatch.testing import conversations, payload
from minewatch.types import Conversations, Evidence, Scores

LAB = Path(__file__).parents[1] / "src" / "minewatch" / "lab"


class Fixed:
    """A detector that says what it was told."""

    requires = ()
    uses = ()

    def __init__(self, name, *probabilities):
        self.name = name
        self.probabilities = np.array(probabilities)

    def score(self, given):
        return Scores(self.name, self.probabilities)

    def explain(self, given, row):
        return [Evidence("x", 1.0, "1", 3.0, "For."), Evidence("y", 2.0, "1", -1.0, "Against.")]


class Broken(Fixed):
    def score(self, given):
        raise ZeroDivisionError("oops")


class Echo:
    """A decoder whose column is the first octet of the payload."""

    name = "echo"
    kinds = KIND_JSON
    columns = (Column("echo_octet", pl.Int64(), "1", "First octet."),)

    def __init__(self):
        self.calls = 0

    def decode(self, given):
        self.calls += 1
        return {"echo_octet": given.segments[0].data[0]}


class BrokenDecoder(Echo):
    name = "broken"

    def decode(self, given):
        raise KeyError("oops")


def report():
    return scanning.ScanReport(input=None)


def scan(detectors=None, **changes):
    options = scanning.ScanOptions(
        PipelineOptions(),
        registry.decoders(),
        registry.detectors() if detectors is None else detectors,
        Fusion(),
        **changes,
    )
    told, chunks = scanning.scan_capture(Input("demo", str(LAB / "demo.pcap"), None), options)
    return told, list(chunks)


def flagged(chunks):
    return [
        (chunk.verdict(row), chunk.conversations.frame.row(row, named=True))
        for chunk in chunks
        for row in np.flatnonzero(chunk.is_mining).tolist()
    ]


def test_the_plaintext_miner_of_the_demo_is_found_and_nothing_normal_is():
    labels = json.loads((LAB / "demo_labels.json").read_text())["conversations"]
    miners = {c["source_transport_port"] for c in labels if c["is_mining"]}
    in_clear = {c["source_transport_port"] for c in labels if c["is_mining"] and not c["is_tls"]}
    told, chunks = scan()
    found = {row["source_transport_port"] for _, row in flagged(chunks)}
    assert in_clear <= found <= miners
    assert told.mining == len(found)
    assert told.scored == sum(len(chunk.conversations) for chunk in chunks)
    assert told.failures == {}


def test_a_verdict_says_why_and_its_parts_add_up_to_it():
    _, chunks = scan()
    plain = [one for one in flagged(chunks) if one[0].detectors["signature"] is not None]
    ((verdict, row),) = plain
    assert "CryptoNote" in verdict.evidence[0].text
    assert verdict.label == "mining"
    log_odds = np.log(verdict.mining_probability / (1 - verdict.mining_probability))
    prior = np.log(Fusion().prior / (1 - Fusion().prior))
    assert sum(item.contribution for item in verdict.evidence) == pytest.approx(
        log_odds - prior, abs=1e-6
    )
    assert row["stratum_dialect"] == "cryptonote"
    assert row["destination_name"] is not None


def test_the_threshold_decides_the_label():
    _, chunks = scan(threshold=1.0)
    assert flagged(chunks) == []


def test_a_probability_of_the_very_threshold_is_mining():
    given = conversations(1)
    options = scanning.ScanOptions(PipelineOptions(), [], [], Fusion(), threshold=0.25)
    chunk = scanning.ScannedChunk(given, lambda: given.frame, np.array([0.25]), {}, options)
    assert chunk.is_mining.tolist() == [True]
    assert chunk.verdict(0).label == "mining"


class Named(Fixed):
    uses = ("destination_name",)

    def score(self, given):
        return Scores(self.name, np.zeros(len(given)))


def test_names_that_a_detector_uses_are_read_of_all_conversations():
    def n_named(detectors):
        _, chunks = scan(detectors)
        frames = [chunk.conversations.frame for chunk in chunks]
        return sum(frame.get_column("destination_name").count() for frame in frames)

    assert n_named([Named("named")]) > n_named([SignatureDetector()]) > 0


def test_a_failing_detector_is_shown_and_the_others_still_score():
    told, chunks = scan([Broken("bad"), SignatureDetector()])
    assert told.failures == {"bad": "ZeroDivisionError: oops"}
    assert len(flagged(chunks)) == 1
    assert flagged(chunks)[0][0].detectors["bad"] is None


def test_a_detector_without_its_columns_is_silent():
    needy = Fixed("needy", 0.9)
    needy.requires = ("no_such_column",)
    scores = scanning.score(conversations(), [needy], report())
    assert np.isnan(scores["needy"]).all()


def talking(*flow_ids):
    n = len(flow_ids)
    given = conversations(3, payload_kinds=[KIND_JSON, KIND_JSON, 0])
    assert n <= 3
    payloads = {flow_id: payload((True, bytes([60 + flow_id]))) for flow_id in flow_ids}
    return Conversations(given.frame, None, {}, payloads)


def test_decoders_see_only_the_rows_and_the_kinds_they_bid_for():
    echo = Echo()
    rows = np.array([True, True, True])
    decoded = scanning.decode(talking(1, 2, 3), [echo], rows, report())
    assert decoded.frame.get_column("echo_octet").to_list() == [61, 62, None]
    assert echo.calls == 2
    decoded = scanning.decode(talking(1, 2), [Echo()], np.array([False, True, True]), report())
    assert decoded.frame.get_column("echo_octet").to_list() == [None, 62, None]


class WrongType(Echo):
    name = "wrong"

    def decode(self, given):
        return {"echo_octet": "a text"}


def test_a_decoder_that_gives_another_type_is_shown_and_its_column_is_null():
    told = report()
    decoded = scanning.decode(talking(1), [WrongType()], np.ones(3, bool), told)
    assert list(told.failures) == ["wrong"]
    assert decoded.frame.get_column("echo_octet").to_list() == [None] * 3


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ([0.5], "probabilities of shape (1,) for 3 conversations"),
        ([0.5, 0.5, 1.5], "a probability outside [0, 1]"),
        ([0.5, -0.1, np.nan], "a probability outside [0, 1]"),
    ],
)
def test_a_detector_that_gives_no_probabilities_is_shown_and_not_ready(given, complaint):
    told = report()
    scores = scanning.score(conversations(3), [Fixed("bad", *given)], told)
    assert told.failures == {"bad": f"ValueError: {complaint}"}
    assert np.isnan(scores["bad"]).all()


class Telling(Fixed):
    """A detector whose evidence weighs what it was told."""

    weights = ()

    def explain(self, given, row):
        return [Evidence("x", 1.0, "1", weight, "A reason.") for weight in self.weights]


class Speechless(Fixed):
    def explain(self, given, row):
        raise RuntimeError("no words")


def verdict_of(*detectors, fusion=None):
    fusion = Fusion() if fusion is None else fusion
    given = conversations(1)
    scores = scanning.score(given, detectors, report())
    options = scanning.ScanOptions(PipelineOptions(), [], detectors, fusion)
    chunk = scanning.ScannedChunk(
        given, lambda: given.frame, fusion.probability(scores, 1), scores, options
    )
    return chunk.verdict(0)


@pytest.mark.parametrize("probability", [0.0001, 0.002, 0.5, 1.0, np.nan])
@pytest.mark.parametrize(
    "weights", [(), (0.0,), (3.0, -1.0), (2.0, -2.0), (0.1, 0.2, -0.3), (-5.0, 1.0)]
)
def test_evidence_always_adds_up_and_is_never_turned_round(probability, weights):
    telling = Telling("flowstats", probability)
    telling.weights = weights
    verdict = verdict_of(telling, Fixed("signature", 0.7))
    logit = np.log(verdict.mining_probability / (1 - verdict.mining_probability))
    prior = np.log(Fusion().prior / (1 - Fusion().prior))
    parts = [item.contribution for item in verdict.evidence]
    assert sum(parts) == pytest.approx(logit - prior, abs=1e-6)
    assert parts == sorted(parts, key=abs, reverse=True)
    told = [item.contribution for item in verdict.evidence if item.text == "A reason."]
    assert sum(part > 0 for part in told) <= sum(weight > 0 for weight in weights)
    assert sum(part < 0 for part in told) <= sum(weight < 0 for weight in weights)
    assert max(map(abs, told), default=0) <= 100


def test_a_detector_that_cannot_explain_itself_says_so():
    verdict = verdict_of(Speechless("rhythm", 0.9))
    (item,) = verdict.evidence
    assert item.text == "rhythm cannot explain itself: RuntimeError: no words."
    assert (item.feature, item.value) == ("rhythm", 0.9)
    assert item.contribution > 0


def test_a_failing_decoder_is_shown_and_its_column_is_null():
    told = report()
    decoded = scanning.decode(talking(1), [BrokenDecoder(), Echo()], np.ones(3, bool), told)
    assert told.failures == {"broken": "KeyError: 'oops'"}
    assert decoded.frame.get_column("echo_octet").to_list() == [61, None, None]


class Choosy(Echo):
    def decode(self, given):
        if given.segments[0].data == b"=":
            raise ValueError("not this one")
        return super().decode(given)


def test_a_conversation_that_breaks_a_decoder_does_not_hide_the_others():
    told = report()
    decoded = scanning.decode(talking(1, 2), [Choosy()], np.ones(3, bool), told)
    assert decoded.frame.get_column("echo_octet").to_list() == [None, 62, None]
    assert told.failures == {"echo": "ValueError: not this one"}


def test_what_no_detector_uses_is_decoded_of_what_is_shown():
    _, chunks = scan([SignatureDetector()])
    frame = pl.concat([chunk.conversations.frame for chunk in chunks], how="diagonal")
    assert frame.get_column("tls_is_client_hello_seen").null_count() == frame.height
    _, chunks = scan([SignatureDetector()], decode_all=True)
    frame = pl.concat([chunk.conversations.frame for chunk in chunks], how="diagonal")
    assert frame.get_column("tls_is_client_hello_seen").null_count() < frame.height


def known(expires_ns, **fields):
    entry = Entry("ops", "course", expires_ns, "2027-01-31", "a.toml:3", **fields)
    return Known([entry], transit=NamedRanges({"pools": [ipaddress.ip_network("203.0.113.0/24")]}))


def test_what_is_allowed_is_no_find_and_stays():
    told, chunks = scan(known=known(2**62, host=halves_of("10.77.0.11")))
    (chunk,) = [chunk for chunk in chunks if chunk.is_mining.any()]
    # The other miner of the demo, in TLS on 10.77.0.12, is not allowed.
    assert (told.mining, told.allowed, told.expired) == (1, 1, 0)
    assert (chunk.is_mining & chunk.is_allowed).sum() == 1
    (verdict, row), _ = sorted(flagged(chunks), key=lambda one: one[1]["allowed_by"] is None)
    assert verdict.label == "mining"
    assert row["allowed_by"]["owner"] == "ops"
    assert row["tags"] == ["transit"]
    assert sum(chunk.gated["tags"].list.len().sum() for chunk in chunks) > 0


def test_an_allowance_that_ended_before_the_data_does_not_count():
    told, chunks = scan(known=known(1, host=halves_of("10.77.0.11")))
    assert (told.mining, told.allowed, told.expired) == (2, 0, 1)
    expired = [row["expired_allowance"] for _, row in flagged(chunks)]
    assert [one["owner"] for one in expired if one is not None] == ["ops"]
    assert sum(chunk.was_allowed.sum() for chunk in chunks) == 1


def test_nobody_is_allowed_unless_somebody_says_so():
    told, chunks = scan()
    assert (told.mining, told.allowed, told.expired) == (2, 0, 0)
    assert not any(chunk.is_allowed.any() for chunk in chunks)


class Remembering(Fixed):
    def score(self, given):
        given.memory["seen"] = self.name
        return Scores(self.name, np.zeros(len(given)))


def test_what_features_computed_is_kept_for_whoever_explains():
    _, chunks = scan([Remembering("one")], known=known(1))
    assert {chunk.conversations.memory["seen"] for chunk in chunks} == {"one"}


def test_evidence_keeps_its_normal_range():
    telling = Telling("flowstats", 0.9)
    telling.explain = lambda given, row: [Evidence("x", 1.0, "s", 2.0, "A.", 0.1, 0.9)]
    (item,) = verdict_of(telling).evidence
    assert (item.normal_low, item.normal_high) == (0.1, 0.9)


def test_the_gate_gives_the_base_rate_and_its_reason():
    verdict = scanning.gated_verdict(9, gate.TOO_SHORT, Fusion(), ["signature"])
    assert verdict.mining_probability == Fusion().prior
    assert verdict.detectors == {"signature": None}
    assert verdict.evidence[0].text == "Not scored: seen for less than 30 s."


class Log:
    """A flow log of a miner that never rests."""

    name = "made-up.log"

    def __init__(self, records):
        self.records = records
        self.counters = RecordCounters(rows_seen=len(records), rows_parsed=len(records))
        self.names = Names()

    def read(self):
        yield self.records

    def close(self):
        pass


def scan_log(records, **changes):
    options = scanning.ScanOptions(
        PipelineOptions(), registry.decoders(), registry.detectors(), Fusion(), **changes
    )
    told, chunks = scanning.scan_logs("logs", [Log(records)], options)
    return told, list(chunks)


def steady_records(n=60, **fields):
    rng = np.random.default_rng(4)
    records = talk(n, **fields)
    records["packet_delta_count"] = rng.integers(8, 13, len(records))
    records["octet_delta_count"] = rng.integers(1200, 2600, len(records))
    return records


def test_flow_logs_are_scored_by_what_needs_no_packets():
    told, (chunk,) = scan_log(steady_records())
    assert (told.scored, told.failures) == (1, {})
    ready = {name for name, scores in chunk.scores.items() if not np.isnan(scores).any()}
    assert {"rhythm", "one-class"} <= ready
    assert not {"signature", "sequence", "synchrony"} & ready
    assert "stratum_dialect" not in chunk.conversations.frame.columns


def test_sampling_draws_the_verdict_to_the_prior_and_its_parts_still_add_up():
    _, (whole,) = scan_log(steady_records())
    _, (sampled,) = scan_log(steady_records(sampling_packet_interval=100))
    assert sampled.conversations.frame["sampling_packet_interval"].to_list() == [100]
    prior = np.log(Fusion().prior / (1 - Fusion().prior))
    for chunk in (whole, sampled):
        verdict = chunk.verdict(0)
        told = sum(item.contribution for item in verdict.evidence)
        p = verdict.mining_probability
        assert told == pytest.approx(np.log(p / (1 - p)) - prior, abs=1e-6)
    unsampled = Fusion().probability(sampled.scores, 1)
    assert abs(np.log(sampled.probability / 0.002)) < abs(np.log(unsampled / 0.002))
