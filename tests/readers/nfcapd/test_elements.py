# SPDX-License-Identifier: Apache-2.0
"""Flow records of nfdump 1.7."""

import struct

import numpy as np
import pytest

import nfcapd_files as f
from minewatch.metering.nfcapd import find_records
from minewatch.readers.nfcapd.elements import read_elements


def read(*records):
    octets = np.frombuffer(b"".join(records), np.uint8)
    rows = np.zeros((len(records), 3), np.int64)
    assert find_records(octets, rows) == (len(records), octets.size)
    flows, is_sound = read_elements(octets, rows)
    return [dict(zip(flows.dtype.names, one.item(), strict=True)) for one in flows], is_sound


def one(*elements, **given):
    (found,), (is_sound,) = read(f.flow(*elements, **given))
    assert is_sound
    return found


def test_what_every_flow_has():
    found = one(flags=2, exporter=3, forwarding=0x40)
    assert found["first_ms"] == f.FIRST_MS
    assert found["last_ms"] == f.FIRST_MS + 5000
    assert (found["packets"], found["octets"]) == (6, 426)
    assert (found["source_port"], found["destination_port"]) == (19227, 9999)
    assert (found["protocol"], found["tcp_flags"], found["forwarding"]) == (6, 0x18, 0x40)
    assert (found["source_high"], found["source_low"]) == (0, 0xFFFF_C0A8_017F)
    assert (found["destination_high"], found["destination_low"]) == (0, 0xFFFF_08D1_428D)
    assert (found["exporter"], found["is_sampled"], found["selector"]) == (3, True, -1)
    assert found["has_addresses"]


def test_ipv6():
    halves = (0x2001_0DB8_0000_0000, 1, 0x2001_0DB8_0000_0001, 2)
    (found,), _ = read(f.record(f.generic(), f.element(3, struct.pack("<4Q", *halves))))
    assert found["source_high"], found["source_low"] == halves[:2]
    assert found["destination_high"], found["destination_low"] == halves[2:]
    assert found["has_addresses"]


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        (
            f.element(4, struct.pack("<II8B", 1, 2, 24, 24, 0, 0, 1, 3, 0x12, 0)),
            {"direction": 1, "end_reason": 3, "reverse_tcp_flags": 0x12},
        ),
        (f.element(5, struct.pack("<3Q", 1, 4, 300)), {"out_packets": 4, "out_octets": 300}),
        (f.element(6, struct.pack("<II", 0xF064, 0)), {"vlan": 100}),
        (f.element(12, struct.pack("<I", f.ip(192, 0, 2, 1))), {"received_low": 0xFFFF_C000_0201}),
        (
            f.element(13, struct.pack("<QQ", 0x2001, 1)),
            {"received_high": 0x2001, "received_low": 1},
        ),
        (f.element(18, struct.pack("<QHH", 17, 3, 0)), {"selector": 17}),
        (
            f.element(19, struct.pack("<QIHBB", f.FIRST_MS, 5, 1001, 3, 0)),
            {"event_ms": f.FIRST_MS, "firewall_event": 3},
        ),
        (f.element(38, struct.pack("<H", 200) + bytes(34)), {"vlan": 200}),
        (f.element(28, b"a label"), {}),
        (f.element(60_000, b"of a later version"), {}),
    ],
)
def test_optional_elements(element, expected):
    assert one(element) == one() | expected


def test_records_of_different_shape_in_one_block():
    short, wide = f.record(f.generic()), f.flow(f.element(6, struct.pack("<II", 5, 0)))
    broken = f.record(f.ipv4())
    found, is_sound = read(short, wide, broken, f.flow(packets=9))
    assert is_sound.tolist() == [True, True, False, True]
    assert [one["packets"] for one in found] == [6, 6, 0, 9]
    assert [one["has_addresses"] for one in found] == [False, True, False, True]
    assert [one["vlan"] for one in found] == [0, 5, 0, 0]
