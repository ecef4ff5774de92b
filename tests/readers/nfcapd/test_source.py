# SPDX-License-Identifier: Apache-2.0
"""Whole files; those that nfdump itself writes are compared with what it prints of them."""

import bz2
import csv
import io
import shutil
import struct
import subprocess
import tracemalloc

import numpy as np
import pytest
import zstandard

import nfcapd_files as f
from minewatch.address import text_of
from minewatch.contracts import FlowFormat, FlowSource
from minewatch.errors import SourceError
from minewatch.readers.nfcapd import source
from minewatch.readers.nfcapd.source import NfcapdFormat
from minewatch.records import DENIED

IGNORED = source.NO_FLOW_RECORD


def opened(octets, strict=False):
    return NfcapdFormat().open("a.nf", "a.nf", io.BytesIO(octets), strict=strict)


def read(octets, strict=False):
    found = opened(octets, strict)
    blocks = [block.copy() for block in found.read()]
    counters = found.counters
    assert counters.rows_accounted == counters.rows_seen
    return np.concatenate(blocks) if blocks else np.empty(0), counters


def test_it_is_what_the_contracts_ask_for():
    assert isinstance(NfcapdFormat(), FlowFormat)
    assert isinstance(opened(f.layout_2()), FlowSource)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (f.layout_1(), True),
        (f.layout_2(), True),
        (b"\x0c\xa5\x03\x00", True),
        (b"\xa5\x0c\x00\x01", True),
        (b"\x0c\xa5", False),
        (b"\x0c\xa5\x02\x09", False),
        (b"\xd4\xc3\xb2\xa1", False),
        (b"", False),
    ],
)
def test_by_what_it_is_told(head, expected):
    assert NfcapdFormat().recognises(head) is expected


PACKED = {
    0: lambda octets: octets,
    2: bz2.compress,
    3: lambda octets: b"\xf0" + bytes([255] * ((len(octets) - 15) // 255))
    + bytes([(len(octets) - 15) % 255]) + octets,
    4: zstandard.compress,
}  # fmt: skip


@pytest.mark.parametrize("compression", list(PACKED))
def test_a_file_of_nfdump_1_7(compression):
    block = f.block(f.exporter(1), f.flow(exporter=1), f.flow(packets=9), pack=PACKED[compression])
    records, counters = read(f.layout_2(block, compression=compression))
    assert records["packet_delta_count"].tolist() == [6, 9]
    assert records["observation_point"][0] != 0
    assert records["observation_point"][1] == 0
    assert (counters.rows_seen, counters.rows_parsed) == (3, 2)
    assert counters.ignored == {IGNORED: 1}
    assert counters.sampling == {1: 2}
    assert counters.notes == []


def test_a_file_of_nfdump_1_6():
    block = f.block(f.exporter(1), f.extension_map(0), f.old_flow(), f.old_flow(), kind=2)
    records, counters = read(f.layout_1(block))
    assert records["octet_delta_count"].tolist() == [426, 426]
    assert (counters.rows_parsed, counters.ignored) == (2, {IGNORED: 2})
    assert counters.octets_read == len(f.layout_1(block))


def test_a_map_holds_for_what_follows_it():
    block = f.block(
        f.extension_map(0, 14), *[f.old_flow(b"\x05\0\0\0")] * 8,
        f.extension_map(0, 16), f.old_flow(b"\x07\0\0\0"), kind=2,
    )  # fmt: skip
    records, _ = read(f.layout_1(block))
    assert records["reverse_packet_delta_count"].tolist() == [5] * 8 + [-1]
    assert records["reverse_octet_delta_count"].tolist() == [-1] * 8 + [7]


def test_faults_by_place_with_their_cure():
    bad_time = f.flow(last=f.FIRST_MS - 1)
    no_flow = f.record(f.generic())
    broken = f.record(f.ipv4())
    block = f.block(f.flow(), bad_time, no_flow, broken, bad_time, f.flow())
    records, counters = read(f.layout_2(block))
    assert records.size == 2
    assert counters.faulty == {
        "end before start": 2,
        "no addresses": 1,
        "its parts do not fit it, or have no map": 1,
    }
    assert "a.nf: block 1, record 2: end before start; check the clock of the exporter" in (
        counters.examples
    )
    for bad, place in ((bad_time, 2), (no_flow, 2), (broken, 2)):
        with pytest.raises(SourceError, match=rf"a\.nf: block 1, record {place}: "):
            read(f.layout_2(f.block(f.flow(), bad)), strict=True)


def test_denied_and_opened_sessions_of_a_firewall():
    def event(number):
        content = f.FIRST_MS.to_bytes(8, "little") + bytes(6) + bytes([number, 0])
        return f.flow(f.element(19, content), flags=1, packets=0, octets=0)

    records, counters = read(f.layout_2(f.block(event(1), event(3))))
    assert records["firewall_event"].tolist() == [DENIED]
    assert counters.ignored == {"no packets": 1}


def test_counts_that_a_collector_scaled():
    scaled = {"packets": 600, "octets": 42_600, "flags": 2}
    block = f.block(f.exporter(1), f.sampler(1, -1, 100), f.flow(exporter=1, **scaled), f.flow())
    records, counters = read(f.layout_2(block, f.block(f.flow(exporter=2, **scaled))))
    assert records["packet_delta_count"].tolist() == [6, 6, 600]
    assert records["sampling_packet_interval"].tolist() == [100, 1, 1]
    assert counters.sampling == {100: 1, 1: 2}
    assert counters.notes == [
        "1 records were scaled by a sampling rate that the file does not tell; they count "
        "as if nothing was sampled"
    ]


def test_a_cut_file_gives_all_that_precedes_the_cut():
    whole = f.layout_2(f.block(f.flow(), f.flow(), f.flow()))
    for cut in range(1, len(f.flow())):
        records, counters = read(whole[:-cut])
        assert records.size == 2
        assert counters.faulty == {"the file ends in it": 1}
        assert counters.notes == ["ends in block 1"]
    with pytest.raises(SourceError, match=r"a\.nf: has 1 of 2 blocks; fetch it again"):
        read(f.layout_2(f.block(f.flow()), f.block())[: -len(f.block())], strict=True)


def test_a_compressed_block_that_is_cut_loses_its_records():
    block = f.block(f.flow(), f.flow(), pack=bz2.compress)
    records, counters = read(f.layout_2(block, compression=2)[:-5])
    assert records.size == 0
    assert counters.faulty == {"cut in a compressed block": 2}


def test_a_block_whose_head_lies():
    records, counters = read(f.layout_2(f.block(f.flow(), count=0xFFFF_FFFF)))
    assert records.size == 1
    assert counters.faulty.keys() == {"does not fit into its block"}
    assert counters.rows_seen < 30
    records, counters = read(f.layout_2(f.block(f.flow(), f.flow(), count=1)))
    assert records.size == 1
    assert counters.notes == ["block 1 has 76 octets after its last record"]
    lost, counters = read(
        f.layout_2(f.block(b"", pack=lambda _: b"no", count=1 << 31), compression=2)
    )
    assert lost.size == 0
    assert counters.rows_seen < 1 << 21


def test_blocks_of_other_kinds_tell_of_no_flow():
    records, counters = read(f.layout_2(f.block(b"table", kind=4, count=12), f.block(f.flow())))
    assert records.size == 1
    assert counters.ignored == {"block of type 4": 12}


def test_records_that_teach_nothing():
    block = f.block(f.exporter(1)[:2] + b"\x08\0" + bytes(4), f.extension_map(0, 30), f.flow())
    records, counters = read(f.layout_2(block))
    assert records.size == 1
    assert counters.faulty == {
        "exporter's record is damaged": 1,
        "extension map is damaged": 1,
    }


def test_no_end_of_maps(monkeypatch):
    monkeypatch.setattr(source, "MAX_TEACHING", 3)
    records, counters = read(f.layout_2(f.block(*[f.exporter(1)] * 5, f.flow(exporter=1))))
    assert records.size == 1
    assert counters.ignored == {IGNORED: 3}
    assert counters.faulty == {"too many maps and exporters": 2}


def test_any_octets_end_it(rng):
    good = f.layout_1(
        f.block(f.extension_map(0, 13), f.exporter(1), f.old_flow(bytes(4)), f.flow(), kind=2)
    )
    for _ in range(500):
        octets = bytearray(good)
        for at in rng.integers(276, len(good), 6):
            octets[at] = rng.integers(0, 256)
        read(bytes(octets))
    for _ in range(200):
        read(good[:276] + rng.integers(0, 256, 200, np.uint8).tobytes())


def test_memory_does_not_grow_with_the_file():
    one = f.block(*[f.flow()] * 4000)

    class Blocks(io.RawIOBase):
        """A file of many blocks, none of which is kept."""

        def __init__(self, n):
            self.parts = iter([f.layout_2(), *[one] * n])
            self.rest = b""

        def read(self, size=-1):
            self.rest = self.rest or next(self.parts, b"")
            part, self.rest = self.rest[:size], self.rest[size:]
            return part

    def peak(n):
        tracemalloc.start()
        found = NfcapdFormat().open("a.nf", "a.nf", Blocks(n), strict=False)
        assert sum(block.size for block in found.read()) == 4000 * n
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(1)
    assert peak(40) < 2 * peak(4)


needs_nfdump = pytest.mark.skipif(shutil.which("nfdump") is None, reason="nfdump is not here")


def printed(path):
    """What nfdump prints of a file: start, end, addresses, ports, protocol, packets, octets."""
    run = subprocess.run(
        ["nfdump", "-r", str(path), "-q", "-N", "-o", "csv"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    rows = [row for row in csv.reader(io.StringIO(run.stdout)) if len(row) > 40 and row[0] != "ts"]
    return [
        (row[0], row[1], float(row[2]), row[3], row[4], row[5], row[6], row[8], row[11], row[12])
        for row in rows
    ]


def as_printed(records):
    letters = "CEUAPRSF"
    rows = []
    for one in records:
        start, end = int(one["flow_start_nanoseconds"]), int(one["flow_end_nanoseconds"])
        times = np.array([start, end], "datetime64[ns]").astype("datetime64[s]")
        bits = max(int(one["tcp_control_bits"]), 0)
        flags = "".join(c if bits >> (7 - i) & 1 else "." for i, c in enumerate(letters))
        scale = int(one["sampling_packet_interval"])
        rows.append(
            (
                *(str(time).replace("T", " ") for time in times),
                round((end - start) / 1e9, 3),
                text_of(int(one["source_address_high"]), int(one["source_address_low"])),
                text_of(int(one["destination_address_high"]), int(one["destination_address_low"])),
                str(one["source_transport_port"]),
                str(one["destination_transport_port"]),
                flags,
                str(int(one["packet_delta_count"]) * scale),
                str(int(one["octet_delta_count"]) * scale),
            )
        )
    return rows


def many_flows(rng):
    """Flows of all sorts, in both layouts: enough that compression finds something to do."""
    for i in range(3000):
        icmp = {"protocol": 1, "source_port": 0, "destination_port": 0x0303, "tcp_flags": 0}
        yield {
            "first": f.FIRST_MS + i * 977,
            "last": f.FIRST_MS + i * 977 + int(rng.integers(0, 10**6)),
            "packets": int(rng.integers(1, 10**6)),
            "octets": int(rng.integers(40, 10**9)),
            "source_port": int(rng.integers(1, 65_536)),
            "destination_port": 443,
            "tcp_flags": int(rng.integers(1, 256)),
        } | (icmp if i % 7 == 0 else {})


@needs_nfdump
@pytest.mark.parametrize("option", [None, "-z", "-y", "-j"])
@pytest.mark.parametrize("layout", [1, 2])
def test_every_value_is_what_nfdump_prints(layout, option, tmp_path, rng):
    path = tmp_path / "made.nf"
    ipv6 = f.element(3, struct.pack("<4Q", 0x2001 << 48, 1, 0xFE80 << 48, 2))
    if layout == 1:
        flows = [f.old_flow(bytes(8), **given) for given in many_flows(rng)]
        block = f.block(f.exporter(1), f.extension_map(0, 5, octets=8), *flows, kind=2)
        path.write_bytes(f.layout_1(block))
    else:
        flows = [f.flow(**given) for given in many_flows(rng)]
        flows += [f.record(f.generic(), ipv6)]
        path.write_bytes(f.layout_2(f.block(f.exporter(1), *flows)))
    if option is not None:
        packed = tmp_path / "packed.nf"
        subprocess.run(
            ["nfdump", "-r", str(path), "-w", str(packed), option, "-q"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        assert packed.stat().st_size < path.stat().st_size
        path = packed
    records, counters = read(path.read_bytes())
    assert records.size == len(flows)
    assert counters.faulty == {}
    assert as_printed(records) == printed(path)
