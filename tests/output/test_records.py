# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from contract_check import problems
from minewatch import gate
from minewatch.detectors.fusion import Fusion
from minewatch.output.contract import NAMES, json_schema
from minewatch.output.records import (
    MAX_ALGORITHM,
    capture_name,
    gated_records,
    records,
    with_time_text,
)
from minewatch.scanning import gated_verdict
from minewatch.testing import conversations
from minewatch.types import Evidence


def one(frame, verdict, capture="a.pcap"):
    (record,) = records(frame, [verdict], capture)
    return record


def test_values_are_those_of_the_table_and_the_verdict(verdict):
    columns = {
        "source_address_high": 0x2001_0DB8 << 32,
        "source_address_low": 7,
        "flow_start_nanoseconds": 1_795_514_400_123_456_789,
        "flow_end_nanoseconds": 1_795_514_401_000_000_000,
    }
    record = one(conversations(**columns).frame, verdict())
    assert tuple(record) == NAMES
    assert record["source_address"] == "2001:db8::7"
    assert record["destination_address"] == "198.51.100.1"
    assert record["flow_start"] == "2026-11-24T10:00:00.123456Z"
    assert record["flow_end"] == "2026-11-24T10:00:01.000000Z"
    assert record["packet_delta_count"] == 60
    assert record["detectors"] == {"signature": 0.999, "intel": None}


def test_what_json_has_no_number_for_is_null(verdict):
    record = one(conversations().frame, verdict(detectors={"a": float("nan")}))
    assert record["detectors"] == {"a": None}
    assert [item["value"] for item in record["evidence"]] == ["session", None, None]
    assert record["evidence"][0]["contribution"] == 13.1235


def test_text_of_the_wire_is_bounded_and_printable(verdict):
    frame = conversations().frame.with_columns(stratum_algorithm=pl.lit("rx\x00/" + "0" * 100))
    record = one(frame, verdict())
    assert record["algorithm"] == "rx?/" + "0" * (MAX_ALGORITHM - 4)
    assert record["evidence"][1]["text"] == "Packets?[2J ratio."
    item = Evidence("tls_sni", "a\x1b[2J", "text", 1.0, ".")
    (told,) = one(conversations().frame, verdict(evidence=[item]))["evidence"]
    assert told["value"] == "a?[2J"


def test_what_identify_said_comes_before_what_the_decoder_read(verdict):
    read = conversations().frame.with_columns(
        stratum_algorithm=pl.lit("rx/0"), stratum_dialect=pl.lit("cryptonote")
    )
    record = one(read, verdict())
    assert (record["algorithm"], record["dialect"]) == ("rx/0", "cryptonote")
    assert record["algorithm_source"] is record["payout_coin"] is record["pool_family"] is None
    told = read.with_columns(
        algorithm=pl.lit("unknown"), algorithm_source=pl.lit("shape"), payout_coin=pl.lit("A\x1b")
    )
    record = one(told, verdict())
    assert (record["algorithm"], record["algorithm_source"]) == ("unknown", "shape")
    assert record["payout_coin"] == "A?"


def test_without_a_decoder_the_algorithm_is_null(verdict):
    assert one(conversations().frame, verdict())["algorithm"] is None


def test_names_of_captures_can_be_written():
    assert capture_name("caf\udce9.pcap") == "caf\ufffd.pcap"
    assert capture_name("capture-ü.pcap") == "capture-ü.pcap"


@pytest.mark.parametrize("reason", [r for r in gate.REASONS if r != gate.PASSED])
def test_the_bulk_way_says_what_gated_verdict_says(reason):
    frame = conversations(2).frame.with_columns(gate_reason=pl.lit(reason))
    names = ["signature", "intel"]
    verdicts = [gated_verdict(i, reason, Fusion(), names) for i in (1, 2)]
    slow = list(records(frame, verdicts, "a.pcap"))
    fast = gated_records(frame, Fusion().prior, names, "a.pcap")
    assert with_time_text(fast).to_dicts() == slow


def test_what_the_user_said_is_told_and_nothing_if_not(verdict, with_known):
    names = ("tags", "transit", "allowed_by", "expired_allowance")
    record = one(conversations().frame, verdict())
    assert [record[name] for name in names] == [[], None, None, None]
    record = one(with_known(conversations().frame), verdict())
    assert record["tags"] == ["lab", "transit"]
    assert record["transit"]["name"] == "office VPN"
    assert record["allowed_by"]["owner"] == "ops"
    assert list(problems(record, json_schema())) == []


def test_the_bulk_way_tells_tags_too(verdict, with_known):
    frame = conversations(2).frame.with_columns(gate_reason=pl.lit(gate.TOO_SHORT))
    frame = with_known(frame, allowed_by=None)
    verdicts = [gated_verdict(i, gate.TOO_SHORT, Fusion(), ["a"]) for i in (1, 2)]
    fast = with_time_text(gated_records(frame, Fusion().prior, ["a"], "a.pcap"))
    assert fast.to_dicts() == list(records(frame, verdicts, "a.pcap"))
    assert fast["tags"].to_list() == [["lab", "transit"]] * 2


def test_the_normal_range_of_evidence(verdict):
    item = Evidence("x", 1.0, "s", 0.5, "A sentence.", 0.1, float("nan"))
    (told,) = one(conversations().frame, verdict(evidence=[item]))["evidence"]
    assert (told["normal_low"], told["normal_high"]) == (0.1, None)
