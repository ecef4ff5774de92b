# SPDX-License-Identifier: Apache-2.0
"""Tuples of Azure: what one counts began where the flow's previous one ended."""

from dataclasses import replace

import pytest

from minewatch.readers.flowlogs import azure_tuples
from minewatch.readers.flowlogs.azure_tuples import BEGIN, AzureTuples, FlowTuple, OpenFlows
from minewatch.readers.flowlogs.json_values import RowError
from minewatch.readers.flowlogs.row_packing import RowPacker
from minewatch.records import DENIED, UNKNOWN, new_records

SECOND = 10**9
FLOW = ["10.0.0.6", "192.0.2.180", "23956", "443", "tcp"]
GOES_ON = FlowTuple("1542110379", FLOW, "O", "C", ["30", "16978", "24", "14008"])


@pytest.fixture
def packer():
    return RowPacker(16)


@pytest.fixture
def tuples(packer):
    return AzureTuples(packer, SECOND, OpenFlows())


def at(seconds, state="C", **changes):
    counts = [] if state == "B" else GOES_ON.counts
    return replace(GOES_ON, time=str(seconds), state=state, **{"counts": counts} | changes)


def test_a_record_is_what_the_tuple_tells(tuples, packer):
    assert tuples.take(GOES_ON, 7) is None
    expected = new_records(1)
    expected["source_address_low"] = 0xFFFF_0A00_0006
    expected["destination_address_low"] = 0xFFFF_C000_02B4
    expected["source_transport_port"], expected["destination_transport_port"] = 23956, 443
    expected["protocol_identifier"] = 6
    expected["flow_start_nanoseconds"] = expected["flow_end_nanoseconds"] = 1542110379 * SECOND
    expected["packet_delta_count"], expected["reverse_packet_delta_count"] = 30, 24
    expected["octet_delta_count"], expected["reverse_octet_delta_count"] = 16978, 14008
    expected["flow_end_reason"] = 2
    expected["is_source_initiator"] = 1
    expected["observation_point"] = 7
    assert packer.take().tolist() == expected.tolist()


def times(tuples, packer, *taken):
    """Return start and end, in seconds, of the records of these tuples."""
    for one, observer in taken:
        tuples.take(one, observer)
    records = packer.take()
    starts, ends = records["flow_start_nanoseconds"], records["flow_end_nanoseconds"]
    return list(zip((starts // SECOND).tolist(), (ends // SECOND).tolist(), strict=True))


def test_counts_are_since_the_previous_tuple(tuples, packer):
    taken = [(at(1000, "B"), 1), (at(1300), 1), (at(1600), 1), (at(1700, "E"), 1)]
    assert times(tuples, packer, *taken) == [(1000, 1300), (1300, 1600), (1600, 1700)]


def test_after_its_end_a_flow_is_a_new_one(tuples, packer):
    taken = [(at(1000), 1), (at(1100, "E"), 1), (at(1300, "E"), 1)]
    assert times(tuples, packer, *taken) == [(1000, 1000), (1000, 1100), (1300, 1300)]


def test_after_a_long_silence_tuples_are_missing(tuples, packer):
    taken = [(at(1000), 1), (at(1600), 1), (at(2201), 1)]
    assert times(tuples, packer, *taken) == [(1000, 1000), (1000, 1600), (2201, 2201)]


def test_a_log_goes_on_where_the_one_before_ended(packer):
    flows = OpenFlows()
    assert times(AzureTuples(packer, SECOND, flows), packer, (at(1000), 1)) == [(1000, 1000)]
    assert times(AzureTuples(packer, SECOND, flows), packer, (at(1300), 1)) == [(1000, 1300)]


def test_flows_and_interfaces_are_told_apart(tuples, packer):
    other = [*FLOW[:3], "444", "tcp"]
    taken = [(at(1000, "B"), 1), (at(1300, flow=other), 1), (at(1400), 2), (at(1500), 1)]
    assert times(tuples, packer, *taken) == [(1300, 1300), (1400, 1400), (1000, 1500)]


def test_a_tuple_from_before_does_not_start_later(tuples, packer):
    assert times(tuples, packer, (at(1000, "B"), 1), (at(900), 1)) == [(900, 900)]


def test_flows_that_were_silent_for_longest_are_forgotten(tuples, packer, monkeypatch):
    monkeypatch.setattr(azure_tuples, "MAX_OPEN_FLOWS", 2)
    flows = [[*FLOW[:3], str(port), "tcp"] for port in (1, 2, 3)]
    taken = [(at(1000 + i, "B", flow=flow), 1) for i, flow in enumerate(flows[:2])]
    taken.append((at(1100, flow=flows[0]), 1))  # heard of again
    taken.append((at(1200, "B", flow=flows[2]), 1))
    taken += [(at(1300, "E", flow=flow), 1) for flow in flows]
    assert times(tuples, packer, *taken) == [
        (1000, 1100),
        (1100, 1300),
        (1300, 1300),
        (1200, 1300),
    ]


def test_a_flow_that_begins_again_is_no_silent_one(tuples, packer, monkeypatch):
    monkeypatch.setattr(azure_tuples, "MAX_OPEN_FLOWS", 2)
    flows = [[*FLOW[:3], str(port), "tcp"] for port in (1, 2)]
    begins = [(at(1000 + i, "B", flow=flows[port]), 1) for i, port in enumerate((0, 1, 1))]
    ends = [(at(1300, "E", flow=flow), 1) for flow in flows]
    assert times(tuples, packer, *begins, *ends) == [(1000, 1300), (1002, 1300)]


def test_a_begin_is_no_record(tuples, packer):
    assert tuples.take(at(1000, "B"), 1) == BEGIN
    assert len(packer.take()) == 0


@pytest.mark.parametrize("counts", [[], [""] * 4, ["0"] * 4])
def test_denied_packets_are_not_counted(tuples, packer, counts):
    tuples.take(at(1000, "B"), 1)
    assert tuples.take(at(1300, "D", counts=counts), 1) is None
    record = packer.take()
    assert record["firewall_event"].tolist() == [DENIED]
    assert record["packet_delta_count"].tolist() == [UNKNOWN]
    assert record["reverse_octet_delta_count"].tolist() == [UNKNOWN]
    assert record["flow_start_nanoseconds"].tolist() == [1300 * SECOND]


def test_a_log_without_state_has_no_counts(tuples, packer):
    assert tuples.take(at(1000, "", counts=[]), 1) is None
    record = packer.take()
    assert record["firewall_event"].tolist() == [0]
    assert record["octet_delta_count"].tolist() == [UNKNOWN]


@pytest.mark.parametrize(
    ("unit", "time", "nanoseconds", "repaired"),
    [
        (SECOND, "1542110379", 1542110379 * SECOND, None),
        (SECOND, "1542110379123", 1542110379123 * 10**6, "times in milliseconds"),
        (10**6, "1542110379123", 1542110379123 * 10**6, None),
        (10**6, "1542110379", 1542110379 * SECOND, "times in seconds"),
    ],
)
def test_times_of_the_other_unit(packer, unit, time, nanoseconds, repaired):
    tuples = AzureTuples(packer, unit, OpenFlows())
    tuples.take(replace(GOES_ON, time=time), 1)
    assert packer.take()["flow_end_nanoseconds"].tolist() == [nanoseconds]
    assert tuples.repaired_unit == repaired
    tuples.take(replace(GOES_ON, time="1542110379" if unit == SECOND else "1542110379000"), 1)
    assert tuples.repaired_unit is None


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"state": "X"}, "state of a flow is not known"),
        ({"direction": "X"}, "direction is not known"),
        ({"time": ""}, "time is missing"),
        ({"time": "x"}, "time is no whole number"),
        ({"time": "-5"}, "time is out of range"),
        ({"time": "9" * 19}, "time is out of range"),
        ({"time": "9" * 400}, "time is no whole number"),
        ({"flow": ["x", *FLOW[1:]]}, "no address"),
        ({"flow": [FLOW[0], "", *FLOW[2:]]}, "no address"),
        ({"flow": [*FLOW[:2], "65536", *FLOW[3:]]}, "source port is out of range"),
        ({"flow": [*FLOW[:3], "-1", "tcp"]}, "destination port is out of range"),
        ({"flow": [*FLOW[:4], "X"]}, "protocol is not known"),
        ({"flow": [*FLOW[:4], ""]}, "protocol is missing"),
        ({"counts": ["-1", "0", "0", "0"]}, "packets sent is out of range"),
        ({"counts": ["1", str(2**62), "0", "0"]}, "bytes sent is out of range"),
        ({"counts": ["1", "1", "1", "x"]}, "bytes received is no whole number"),
    ],
)
def test_a_bad_tuple_leaves_no_trace(tuples, packer, bad, reason):
    tuples.take(at(1000, "B"), 1)
    for state in "BCE":
        with pytest.raises(RowError, match=reason):
            tuples.take(replace(at(1300, state, counts=GOES_ON.counts), **bad), 1)
    assert times(tuples, packer, (at(1400, "E"), 1)) == [(1000, 1400)]
