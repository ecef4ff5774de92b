# SPDX-License-Identifier: Apache-2.0
"""Flow records of nfdump 1.6."""

import struct
import time

import numpy as np
import pytest

import nfcapd_files as f
from minewatch.metering.nfcapd import find_records
from minewatch.readers.nfcapd import maps as module
from minewatch.readers.nfcapd.maps import MAX_EXTENSIONS, ExtensionMaps


def read(maps, *records):
    octets = np.frombuffer(b"".join(records), np.uint8)
    rows = np.zeros((len(records), 3), np.int64)
    assert find_records(octets, rows) == (len(records), octets.size)
    flows, is_sound = maps.read(octets, rows)
    return [dict(zip(flows.dtype.names, one.item(), strict=True)) for one in flows], is_sound


def one(extensions=(), rest=b"", **given):
    maps = ExtensionMaps()
    assert maps.learn(f.extension_map(0, *extensions))
    (found,), (is_sound,) = read(maps, f.old_flow(rest, **given))
    assert is_sound
    return found


@pytest.mark.parametrize("kind", [1, 10])
@pytest.mark.parametrize("flags", [0, 2, 4, 6])
def test_what_every_flow_has(kind, flags):
    found = one(kind=kind, flags=flags, forwarding=0x40, exporter=3)
    assert found["first_ms"] == f.FIRST_MS
    assert found["last_ms"] == f.FIRST_MS + 5000
    assert (found["packets"], found["octets"]) == (6, 426)
    assert (found["source_port"], found["destination_port"]) == (19227, 9999)
    assert (found["protocol"], found["tcp_flags"], found["forwarding"]) == (6, 0x18, 0x40)
    assert (found["source_high"], found["source_low"]) == (0, 0xFFFF_C0A8_017F)
    assert (found["destination_high"], found["destination_low"]) == (0, 0xFFFF_08D1_428D)
    assert (found["exporter"], found["is_sampled"], found["selector"]) == (3, False, -1)
    assert found["has_addresses"]


def test_ipv6_and_sampling():
    halves = (0x2001_0DB8_0000_0000, 1, 0x2001_0DB8_0000_0001, 2)
    found = one(flags=128 | 1, addresses=struct.pack("<4Q", *halves))
    assert (found["source_high"], found["source_low"]) == halves[:2]
    assert (found["destination_high"], found["destination_low"]) == halves[2:]
    assert (found["packets"], found["octets"], found["is_sampled"]) == (6, 426, True)


@pytest.mark.parametrize(
    ("extensions", "rest", "expected"),
    [
        ((5, 7, 9), bytes(20), {}),
        ((13,), struct.pack("<HH", 0xF064, 0), {"vlan": 100}),
        ((14, 16), struct.pack("<II", 4, 300), {"out_packets": 4, "out_octets": 300}),
        ((15, 17), struct.pack("<QQ", 4, 300), {"out_packets": 4, "out_octets": 300}),
        ((4, 23), struct.pack("<HHI", 1, 2, 0xC000_0201), {"received_low": 0xFFFF_C000_0201}),
        ((24,), struct.pack("<QQ", 0x2001, 1), {"received_high": 0x2001, "received_low": 1}),
        (
            (20, 37),
            bytes(16) + struct.pack("<QIHBBHH", f.FIRST_MS, 5, 0x0800, 3, 0, 1001, 0),
            {"event_ms": f.FIRST_MS, "firewall_event": 3, "destination_port": 0x0800},
        ),
        ((37,), struct.pack("<QIHBBHH", 9, 5, 0, 2, 0, 0, 0), {"event_ms": 9, "firewall_event": 2}),
    ],
)
def test_extensions(extensions, rest, expected):
    assert one(extensions, rest) == one() | expected


def test_how_it_ended_is_told_beside_the_masks():
    found = one((8,), bytes(4), direction=1, end_reason=3)
    assert (found["direction"], found["end_reason"]) == (1, 3)
    found = one((), direction=1, end_reason=3)
    assert (found["direction"], found["end_reason"]) == (0, 0)


def test_records_of_several_maps():
    maps = ExtensionMaps()
    assert maps.learn(f.extension_map(0, 13))
    assert maps.learn(f.extension_map(9, 14))
    found, is_sound = read(
        maps,
        f.old_flow(struct.pack("<HH", 5, 0)),
        f.old_flow(struct.pack("<I", 7), number=9),
        f.old_flow(number=3),
        f.old_flow(),
        f.exporter(1)[:2] + b"\x06\x00\x00\x00",
    )
    assert is_sound.tolist() == [True, True, False, False, False]
    assert [one["vlan"] for one in found] == [5, 0, 0, 0, 0]
    assert [one["out_packets"] for one in found] == [0, 7, 0, 0, 0]


def test_a_map_that_is_told_anew():
    maps = ExtensionMaps()
    assert maps.learn(f.extension_map(0, 14))
    record = f.old_flow(struct.pack("<I", 5))
    assert read(maps, record)[0][0]["out_packets"] == 5
    assert maps.learn(f.extension_map(0, 16))
    assert read(maps, record)[0][0]["out_octets"] == 5


def test_maps_that_cannot_be_read():
    maps = ExtensionMaps()
    assert maps.learn(f.extension_map(0, 13))
    assert not maps.learn(f.extension_map(0, 30))
    assert not read(maps, f.old_flow())[1].any()
    assert not maps.learn(f.extension_map(0, *[4] * (MAX_EXTENSIONS + 1)))
    assert not maps.learn(b"\x02\x00\x06\x00\x00\x00")


def test_so_many_maps_are_kept(monkeypatch):
    monkeypatch.setattr(module, "MAX_MAPS", 2)
    maps = ExtensionMaps()
    learnt = [maps.learn(f.extension_map(number, 14)) for number in (5, 6, 7, 6)]
    assert learnt == [True, True, False, True]
    _, is_sound = read(maps, *[f.old_flow(bytes(4), number=number) for number in (5, 6, 7)])
    assert is_sound.tolist() == [True, True, False]


def test_a_block_of_many_shapes_is_read_once():
    maps = ExtensionMaps()
    for number in range(1000):
        assert maps.learn(f.extension_map(number, 14))
    octets = b"".join(
        f.old_flow(struct.pack("<I", number), number=number % 1000) for number in range(50_000)
    )
    rows = np.zeros((50_000, 3), np.int64)
    data = np.frombuffer(octets, np.uint8)
    find_records(data, rows)
    started = time.process_time()
    flows, is_sound = maps.read(data, rows)
    assert time.process_time() - started < 5
    assert is_sound.all()
    assert flows["out_packets"].tolist() == list(range(50_000))
