# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from minewatch.output.explanation import MAX_INTERVALS, MAX_REASONS, MAX_REMARKS, Explanation
from minewatch.output.subject import Subject
from minewatch.schema import FLOW, polars_schema
from minewatch.testing import conversations
from minewatch.types import Evidence, PacketSeries

NS = 1_000_000_000
START = 1_600_000_000 * NS


@pytest.fixture
def explain(console):
    def run(subject, threshold=0.5, **descriptions):
        Explanation(subject, threshold, 0.002, descriptions).print(console)
        return console.export_text()

    return run


def test_for_and_against_and_how_close(explain, verdict):
    text = explain(Subject(conversations().frame, verdict(), "a.pcap"))
    assert text.startswith(
        "MINING  0.900  10.0.0.1:40000 -> 198.51.100.1:443  TCP\n"
        "2020-09-13 12:26:40.000000 UTC for 10 min 0 s; 60 packets out and 50 back, "
        "9,000 and 14,000 octets;\nseen to open\n"
    )
    assert "\nDetectors\n  signature  0.9990\n  intel      not ready\n" in text
    assert "\nSpeaks for mining\n   +13.1  A login was answered with a job.\n" in text
    assert "\nSpeaks against\n    -0.5  Packets?[2J ratio.\n" in text
    assert "\nRemarks\n    +0.0  A remark.\n" in text
    # logit(0.9) = 2.197; without 13.123 of it the probability is 1.8e-5, without -0.5 it is 0.937
    assert "2.2 log-odds above the threshold of 0.5" in text
    assert "  Without stratum_state: <0.001.\n  Without packets_ratio: 0.937.\n" in text


def test_of_many_reasons_the_strongest_are_shown_and_the_others_added_up(explain, verdict):
    strong = [Evidence("a", 1.0, "1", 3.0 - i / 10, f"Reason {i}.") for i in range(MAX_REASONS)]
    weak = [Evidence("b", 1.0, "1", 0.2, f"Weak {i}.") for i in range(5)]
    none = [Evidence("c", 1.0, "1", 0.0, f"Remark {i}.") for i in range(MAX_REMARKS + 2)]
    text = explain(Subject(conversations().frame, verdict(evidence=strong + weak + none), "a"))
    assert all(f"Reason {i}." in text for i in range(MAX_REASONS))
    assert "Weak" not in text
    assert "\n    +1.0  5 more together; scan --format jsonl tells each.\n" in text
    assert f"Remark {MAX_REMARKS - 1}." in text
    assert f"Remark {MAX_REMARKS}." not in text
    assert "\n    +0.0  2 more together; scan" in text


def test_one_reason_too_many_is_shown_rather_than_counted(explain, verdict):
    items = [Evidence("a", 1.0, "1", -1.0, f"Reason {i}.") for i in range(MAX_REASONS + 1)]
    text = explain(Subject(conversations().frame, verdict(evidence=items), "a"))
    assert f"Reason {MAX_REASONS}." in text
    assert "more together" not in text


def test_a_detector_that_is_not_counted_is_told_as_that(console, verdict):
    subject = Subject(conversations().frame, verdict(), "a.pcap")
    Explanation(subject, 0.5, 0.002, {}, frozenset({"signature"})).print(console)
    text = console.export_text()
    assert "\n  signature  0.9990  (not counted)\n  intel      not ready\n" in text


def test_a_normal_verdict_tells_how_far_it_is(explain, verdict):
    said = verdict(label="normal", mining_probability=0.1)
    text = explain(Subject(conversations().frame, said, "a.pcap"), threshold=0.9)
    assert text.startswith("NORMAL  0.100")
    assert "4.4 log-odds below the threshold of 0.9" in text


def test_what_is_mined_is_told_of_mining_alone(explain, verdict):
    frame = conversations().frame.with_columns(
        algorithm=pl.lit("randomx"), algorithm_source=pl.lit("shape"), payout_coin=pl.lit("DOGE")
    )
    sentence = "Algorithm randomx (by shape), dialect unknown; paid in DOGE."
    assert f"\nWhat is mined\n  {sentence}\n" in explain(Subject(frame, verdict(), "a.pcap"))
    said = verdict(label="normal", mining_probability=0.1)
    assert "What is mined" not in explain(Subject(frame, said, "a.pcap"))


def test_decoders_findings(explain, verdict):
    frame = conversations().frame.with_columns(
        a=pl.lit("x\x1b" + "y" * 200), b=pl.lit(None, pl.String), c_ns=pl.lit(START)
    )
    text = explain(Subject(frame, verdict(), "a.pcap"), a="An a.", b="A b.", c_ns="A time.")
    assert "\nWhat the decoders read\n" in text
    flat = text.replace("\n", "").replace(" ", "")
    assert "a:x?" + "y" * 126 + "c:" in flat
    assert "  c: 2020-09-13 12:26:40 UTC\n" in text
    assert "b:" not in text


def test_the_timeline_is_bounded(explain, verdict):
    n = MAX_INTERVALS + 8
    starts = [START + i * 60 * NS for i in range(n)]
    intervals = conversations(
        n,
        flow_start_nanoseconds=starts,
        flow_end_nanoseconds=[s + 30 * NS for s in starts],
        packet_delta_count=list(range(n)),
        flow_end_reason=[2] * (n - 1) + [3],
    ).frame.select(list(polars_schema(FLOW)))
    text = explain(Subject(conversations().frame, verdict(), "a.pcap", intervals.reverse()))
    lines = text.partition("\nTimeline\n")[2].splitlines()
    assert lines[0].split()[:2] == ["after", "lasted"]
    assert lines[1].split()[0:2] == ["0", "s"]
    assert lines[9].split() == ["...", "8", "more"]
    assert lines[13].split()[-1] == "closed"
    assert "\nCadence\n  client sends  " in text
    assert len(lines) == 14


def test_first_packets(explain, verdict):
    series = PacketSeries(
        START + np.array([1, 3, 3_600]) * NS,
        np.array([568, 504, 63]),
        np.array([True, False, True]),
        2,
    )
    text = explain(Subject(conversations().frame, verdict(), "a.pcap", None, series))
    rows = text.partition("First packets with payload\n")[2].splitlines()
    assert [row.split() for row in rows[1:]] == [
        ["1", "1", "s", "out", "568", "1", "s"],
        ["2", "3", "s", "back", "504", "2", "s"],
    ]


def test_what_the_gate_stopped(explain, verdict):
    frame = conversations(
        protocol_identifier=17, payload_packet_count=2, reverse_payload_packet_count=1
    ).frame.with_columns(gate_reason=pl.lit("not-tcp"))
    said = verdict(label="normal", mining_probability=0.002, evidence=[])
    text = explain(Subject(frame, said, "a.pcap"))
    assert "seen to open" not in text
    assert "Why it was not scored\n  not-tcp: not TCP: no mining protocol" in text
    assert "2 packets with payload out, 1 back; scored from 6 on" in text
    assert "17,000 octets of payload at 227 bit/s" in text


def sections(text):
    return [line for line in text.splitlines() if line and not line.startswith(" ")][4:]


def test_a_verdict_of_flow_records_alone_is_explained_in_full(explain, verdict):
    """No packets, no payload, no counters of payload: as flow logs have it."""
    starts = [START + i * 60 * NS for i in range(10)]
    ends = [start + 55 * NS for start in starts]
    intervals = conversations(10, flow_start_nanoseconds=starts, flow_end_nanoseconds=ends).frame
    intervals = intervals.select(list(polars_schema(FLOW))).with_columns(
        flow_id=pl.lit(1, pl.UInt64), reverse_minimum_ip_total_length=pl.lit(None, pl.Int64)
    )
    frame = conversations(
        payload_packet_count=[None], reverse_payload_packet_count=[None], is_initiator_known=False
    ).frame
    evidence = [Evidence("sent_octets_variation", 0.2, "1", 7.0, "Steady.", 0.4, 2.0)]
    text = explain(Subject(frame, verdict(evidence=evidence), "a.parquet", intervals))
    assert sections(text) == [
        "Detectors",
        "Speaks for mining",
        "How close",
        "Closest benign explanation",
        "What would disprove it",
        "Cadence",
        "Timeline",
    ]
    assert "Flow records tell sizes and pace only" in " ".join(text.split())
    assert "client sends  █" in text


def test_doubts_stand_beside_the_verdict(explain, verdict):
    times = START + np.arange(40) * 15 * NS
    series = PacketSeries(times, np.full(40, 100), np.arange(40) % 2 == 0, 40)
    text = explain(Subject(conversations().frame, verdict(), "a.pcap", None, series))
    assert "\nClosest benign explanation\n  " in text
    assert "\nWhat would disprove it\n  - Whose process is it? On 10.0.0.1" in text
    assert "\nCadence\n  client asks     " in text
    assert not any(line != line.rstrip() for line in text.splitlines())
    normal = verdict(label="normal", mining_probability=0.1)
    text = explain(Subject(conversations().frame, normal, "a.pcap", None, series))
    assert "Closest benign explanation" in text
    assert "What would disprove it" not in text


def test_what_the_user_said_stands_first(explain, verdict, with_known):
    text = explain(Subject(with_known(conversations().frame), verdict(), "a.pcap"))
    assert sections(text)[0] == "What you said of it"
    flat = " ".join(text.split())
    assert "Allowed by ops until 2027-01-31: a course (a.toml:3). It counts as no find." in flat
    assert "198.51.100.1 is a transit host (office VPN)" in flat


def of_a_flow_log(**columns):
    """A conversation of which a log told no payload."""
    counts = [
        f"{way}payload_{what}_count" for way in ("", "reverse_") for what in ("packet", "octet")
    ]
    untold = dict.fromkeys([*counts, "flow_end_reason"])
    return conversations(**untold, is_initiator_known=False, **columns).frame


def test_what_a_flow_log_does_not_tell_is_a_question_mark(explain, verdict):
    frame = of_a_flow_log(packet_delta_count=None, reverse_octet_delta_count=None)
    intervals = frame.with_columns(pl.lit(1, pl.Int64).alias("interval_count"))
    text = explain(Subject(frame, verdict(), "a.log", intervals))
    assert "? packets out and 50 back, 9,000 and ? octets; not seen to open" in " ".join(
        text.split()
    )
    assert "None" not in text


def test_the_gate_goes_by_half_of_all_packets_of_a_flow_log(explain, verdict):
    frame = of_a_flow_log(packet_delta_count=7, reverse_packet_delta_count=4)
    frame = frame.with_columns(gate_reason=pl.lit("too-few-messages"))
    said = verdict(label="normal", mining_probability=0.002, evidence=[])
    text = " ".join(explain(Subject(frame, said, "a.log")).split())
    assert "3 packets (half of all, for those with payload) out, 2 back; scored from 6 on" in text
    assert "23,000 octets at 307 bit/s" in text
    unknown = frame.with_columns(packet_delta_count=pl.lit(None, pl.Int64))
    assert "? packets (half" in " ".join(explain(Subject(unknown, said, "a.log")).split())
    at_once = frame.with_columns(flow_end_nanoseconds=pl.col("flow_start_nanoseconds"))
    text = " ".join(explain(Subject(at_once, said, "a.log")).split())
    assert "23,000 octets at once; bulk from" in text


def test_sampled_counts_are_called_estimates(explain, verdict):
    frame = conversations().frame.with_columns(sampling_packet_interval=pl.lit(1000, pl.Int64))
    text = " ".join(explain(Subject(frame, verdict(), "a.log")).split())
    assert "seen to open; estimated from 1 packet in 1,000" in text
