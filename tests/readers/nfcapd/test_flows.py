# SPDX-License-Identifier: Apache-2.0
"""What becomes of flows, whatever the layout told them."""

import numpy as np
import pytest

import nfcapd_files as f
from minewatch.readers.netflow.out_counts import OutCounts
from minewatch.readers.nfcapd import exporters
from minewatch.readers.nfcapd.exporters import NO_SELECTOR, Exporters
from minewatch.readers.nfcapd.flows import FLOW, check, records_of
from minewatch.records import DENIED, UNKNOWN

COUNTS = ("packet", "octet")


def flow(**given):
    one = np.zeros(1, FLOW)
    values = {
        "first_ms": f.FIRST_MS,
        "last_ms": f.FIRST_MS + 1,
        "packets": 6,
        "octets": 426,
        "protocol": 6,
        "has_addresses": True,
        "selector": NO_SELECTOR,
    }
    for name, value in (values | given).items():
        one[name] = value
    return one


def record(known=None, **given):
    one = flow(**given)
    check(one)
    records, _ = records_of(one, known or Exporters(), OutCounts(1 << 16))
    return {name: records[name][0].item() for name in records.dtype.names}


def fault(**given):
    faults, is_empty = check(flow(**given))
    found = [reason for reason, where in faults.items() if where[0]]
    assert len(found) <= 1
    return found[0] if found else "no packets" if is_empty[0] else ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ""),
        ({"has_addresses": False}, "no addresses"),
        ({"first_ms": 0}, "times are out of range"),
        ({"last_ms": 1 << 63}, "times are out of range"),
        ({"last_ms": f.FIRST_MS - 1}, "end before start"),
        ({"octets": 1 << 63}, "counts are out of range"),
        ({"has_addresses": False, "first_ms": 0}, "no addresses"),
        ({"packets": 0, "octets": 0}, "no packets"),
        ({"packets": 0, "octets": 0, "out_octets": 9}, ""),
        ({"packets": 0, "octets": 0, "firewall_event": 1}, "no packets"),
        ({"packets": 0, "octets": 0, "firewall_event": DENIED}, ""),
        ({"first_ms": 0, "last_ms": 0, "event_ms": f.FIRST_MS}, ""),
    ],
)
def test_faults(given, expected):
    assert fault(**given) == expected


def test_times_in_nanoseconds():
    found = record()
    assert found["flow_start_nanoseconds"] == f.FIRST_MS * 1_000_000
    assert found["flow_end_nanoseconds"] == (f.FIRST_MS + 1) * 1_000_000
    found = record(first_ms=0, last_ms=0, event_ms=f.FIRST_MS)
    assert found["flow_start_nanoseconds"] == f.FIRST_MS * 1_000_000


def test_what_is_not_told_is_unknown():
    found = record(packets=0)
    assert (found["packet_delta_count"], found["octet_delta_count"]) == (UNKNOWN, 426)
    assert (record(octets=0)["packet_delta_count"], record(octets=0)["octet_delta_count"]) == (
        6,
        UNKNOWN,
    )
    for name in ("packet_delta_count", "octet_delta_count", "tcp_control_bits"):
        assert found[f"reverse_{name}"] == UNKNOWN
    assert found["is_source_initiator"] == UNKNOWN
    assert found["tcp_control_bits"] == UNKNOWN


@pytest.mark.parametrize(
    ("given", "flags", "reverse"),
    [
        ({"tcp_flags": 0x1B}, 0x1B, UNKNOWN),
        ({"tcp_flags": 0xFF}, 0xFF, UNKNOWN),
        ({"tcp_flags": 0x1B, "protocol": 17}, UNKNOWN, UNKNOWN),
        ({"tcp_flags": 2, "reverse_tcp_flags": 0x12}, 2, UNKNOWN),
        ({"tcp_flags": 2, "reverse_tcp_flags": 0xFF, "out_packets": 1}, 2, 0xFF),
    ],
)
def test_flags(given, flags, reverse):
    found = record(**given)
    assert (found["tcp_control_bits"], found["reverse_tcp_control_bits"]) == (flags, reverse)


def both_counts(flows):
    for one in flows:
        check(one)
    records, _ = records_of(np.concatenate(flows), Exporters(), OutCounts(1 << 16))
    return [
        tuple(int(one[f"{way}{name}_delta_count"]) for way in ("", "reverse_") for name in COUNTS)
        for one in records
    ]


def test_answers_are_another_number_of_packets_than_what_was_asked():
    found = both_counts([flow(out_packets=4, out_octets=300, exporter=3)] * 8)
    assert found == [(6, 426, 4, 300)] * 8
    # What another exporter shows, and fewer records than tell, are no ground to take them so.
    others = [flow(out_packets=4, out_octets=300, exporter=i % 2) for i in range(14)]
    assert both_counts(others) == [(6, 426, UNKNOWN, UNKNOWN)] * 14


def test_packets_that_were_counted_again_where_they_left_are_no_answers():
    same = [flow(out_packets=6, out_octets=426)] * 10
    only_out = [flow(packets=0, octets=0, out_packets=4, out_octets=300)]
    assert both_counts(same + only_out) == [(6, 426, UNKNOWN, UNKNOWN)] * 10 + [
        (4, 300, UNKNOWN, UNKNOWN)
    ]


@pytest.mark.parametrize("mark", [{"reverse_tcp_flags": 0x12}, {"event_ms": f.FIRST_MS}])
def test_a_record_may_be_marked_as_one_of_both_directions(mark):
    assert both_counts([flow(out_packets=4, out_octets=300, **mark)]) == [(6, 426, 4, 300)]


@pytest.mark.parametrize(
    ("out", "observed"),
    [
        ((400, 30_000), (4, 300)),
        ((4, 300), (4, 300)),
        ((0, 300), (-1, 3)),
        ((400, 30_001), (400, 30_001)),
    ],
)
def test_the_way_back_is_unscaled_if_it_was_scaled(out, observed):
    known = Exporters()
    known.learn(exporters.SAMPLER, f.sampler(0, -1, 100))
    one = flow(
        packets=600, octets=42_600, is_sampled=True,
        out_packets=out[0], out_octets=out[1], reverse_tcp_flags=2,
    )  # fmt: skip
    records, _ = records_of(one, known, OutCounts(1 << 16))
    assert records["reverse_packet_delta_count"][0] == observed[0]
    assert records["reverse_octet_delta_count"][0] == observed[1]


def test_who_opened_and_how_it_ended():
    found = record(direction=2, end_reason=3)
    assert (found["is_source_initiator"], found["flow_end_reason"]) == (0, 3)
    assert record(direction=1)["is_source_initiator"] == 1
    assert record(end_reason=200)["flow_end_reason"] == 0


@pytest.mark.parametrize(
    ("given", "event"),
    [
        ({"firewall_event": 1}, 0),
        ({"firewall_event": 3}, DENIED),
        ({"forwarding": 0x40}, 0),
        ({"forwarding": 0x81}, DENIED),
        ({"forwarding": 0xC0}, 0),
    ],
)
def test_what_was_not_let_through(given, event):
    assert record(**given)["firewall_event"] == event


def test_counts_are_those_that_were_observed():
    known = Exporters()
    known.learn(exporters.SAMPLER, f.sampler(3, -1, 100))
    sampled = {"packets": 600, "octets": 42_600, "exporter": 3, "is_sampled": True}
    found = record(known, **sampled)
    assert (found["packet_delta_count"], found["octet_delta_count"]) == (6, 426)
    assert found["sampling_packet_interval"] == 100
    records, n_unknown = records_of(flow(**sampled), Exporters(), OutCounts(1 << 16))
    assert (records["packet_delta_count"][0], n_unknown) == (600, 1)
    assert records["sampling_packet_interval"][0] == 1
