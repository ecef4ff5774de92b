# SPDX-License-Identifier: Apache-2.0
"""Datagrams told apart by their version; and against tshark."""

import json
import shutil
import subprocess

import pytest

import packets as p
from export_datagrams import (
    PLAIN,
    PLAIN_VALUES,
    SENT,
    SENT_S,
    Heard,
    a_set,
    flow_sample,
    ipfix,
    ipfix_flows,
    raw_header,
    record,
    sflow,
    template,
    v5,
    v5_record,
    v9,
    v9_flows,
)
from minewatch.address import text_of
from minewatch.errors import SourceError

FRAME = p.ether(p.ipv4(p.A, p.B, 6, p.tcp(40_000, 3333, b"x" * 500)))


def test_four_versions():
    sampled = sflow(flow_sample(raw_header(FRAME)))
    heard = Heard(
        *(v5(v5_record()), v9_flows(PLAIN, PLAIN_VALUES), ipfix_flows(PLAIN, PLAIN_VALUES)),
        sampled,
        received_ns=SENT,
    )
    assert [one.protocol for one in heard.decoder.statistics] == [
        *("NetFlow v5", "NetFlow v9", "IPFIX", "sFlow v5"),
    ]
    assert heard.of("destination_transport_port") == [3333] * 4
    assert heard.of("source_address_low") == [0xFFFF_0A00_0001] * 4
    assert heard.counters.rows_seen == 4


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"", "nothing"),
        (b"\0", "00"),
        (b"\0\1\0\1", "00010001"),
        (b"\0\x08\0\1" + bytes(40), "00080001"),
        (b"\0\0\0\2" + bytes(40), "00000002"),
        (b"GET / HTTP/1.1", "47455420"),
    ],
)
def test_another_version_is_a_fault(data, shown):
    heard = Heard(data)
    assert heard.counters.examples == [
        f"a.pcap: datagram 1: unknown version; it begins with {shown}; NetFlow v5 and v9, IPFIX "
        "and sFlow v5 are read"
    ]
    with pytest.raises(SourceError):
        Heard(data, strict=True)


def test_octets_are_counted():
    data = v5(v5_record())
    heard = Heard(data, memoryview(data)[:10])
    assert heard.counters.octets_read == len(data) + 10


def test_what_waits_is_a_fault_in_the_end():
    data = record(PLAIN, PLAIN_VALUES)
    heard = Heard(v9(a_set(256, data)))
    assert heard.counters.rows_seen == 0
    assert heard.finish().counters.faulty == {"template not seen": 1}
    assert heard.finish().counters.rows_seen == 1


# Against tshark

V6 = [(27, 16), (28, 16), *PLAIN[2:6], (2, 8), (1, 8), (152, 8), (153, 8)]


def flows(n):
    """Rows of ``PLAIN`` and of ``V6`` that differ in all fields."""
    plain, wide = [], []
    for i in range(n):
        ports = [1024 + i, 3333 + i]
        kind = [6, 0x10 + i] if i % 2 else [17, 0]
        first = 10_000 + 997 * i
        plain.append(
            [f"10.0.{i}.1", f"198.51.100.{i}", *ports, *kind, 7 + i, 700 + i, first, first + 13 * i]
        )
        sent = SENT_S * 1000 - 100_000 + first
        wide.append(
            [
                *(f"2001:db8::{i + 1:x}", f"2001:db8:f::{i:x}", *ports, *kind),
                *(2**33 + i, 2**34 + i, sent, sent + 11 * i),
            ]
        )
    return plain, wide


def tshark_times(flow, uptime_s):
    """Start and end in microseconds of UTC."""
    if "cflow.abstimestart" in flow:
        absolute = [flow["cflow.abstimestart"], flow["cflow.abstimeend"]]
        words = [one.removesuffix(" UTC").rsplit(":", 1) for one in absolute]
        # All of them lie in one day: what tells them apart are minutes and seconds.
        return [
            int(head.rsplit(":", 1)[1]) * 60_000_000 + round(float(tail) * 1e6)
            for head, tail in words
        ]
    return [
        SENT_S * 1_000_000 - round((uptime_s - float(flow[name])) * 1e6)
        for name in ("cflow.timestart", "cflow.timeend")
    ]


def ours_as_tshark(one, is_absolute):
    times = [int(one[f"flow_{end}_nanoseconds"]) // 1000 for end in ("start", "end")]
    if is_absolute:
        times = [time % 3_600_000_000 for time in times]
    ends = [
        text_of(int(one[f"{end}_address_high"]), int(one[f"{end}_address_low"]))
        for end in ("source", "destination")
    ]
    names = ("source_transport_port", "destination_transport_port", "protocol_identifier")
    counts = ("packet_delta_count", "octet_delta_count")
    return [*ends, *(int(one[name]) for name in (*names, *counts)), *times]


def flattened(tree):
    found = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found.update(flattened(value))
        else:
            found[key] = value
    return found


def by_tshark(path):
    command = ["tshark", "-n", "-r", str(path), "-d", "udp.port==2055,cflow", "-T", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = []
    for packet in json.loads(done.stdout):
        export = packet["_source"]["layers"]["cflow"]
        uptime_s = float(export.get("cflow.sysuptime", 0))
        for name, value in export.items():
            pdus = {"pdu": value} if name.startswith("pdu") else value
            if not isinstance(pdus, dict):
                continue
            for inner, fields in pdus.items():
                if inner.startswith(("Flow ", "pdu")):
                    rows.append(tshark_row(flattened(fields), uptime_s))
    return rows


def tshark_row(flow, uptime_s):
    source = flow.get("cflow.srcaddr") or flow["cflow.srcaddrv6"]
    destination = flow.get("cflow.dstaddr") or flow["cflow.dstaddrv6"]
    numbers = [
        int(flow.get(name) or flow[f"{name}64"])
        for name in (
            *("cflow.srcport", "cflow.dstport", "cflow.protocol"),
            *("cflow.packets", "cflow.octets"),
        )
    ]
    return [source, destination, *numbers, *tshark_times(flow, uptime_s)]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("kind", ["v5", "v9", "ipfix"])
def test_values_are_those_of_tshark(tmp_path, kind):
    plain, wide = flows(20)
    datagrams = {
        "v5": [v5(*[v5_record(first=i, last=9 * i, ports=(i, 7)) for i in range(30)])],
        "v9": [
            v9_flows(PLAIN, *plain[:7]),
            v9(a_set(256, b"".join(record(PLAIN, one) for one in plain[7:])), sequence=1),
        ],
        "ipfix": [
            ipfix(a_set(2, template(256, V6))),
            ipfix(a_set(256, b"".join(record(V6, one) for one in wide))),
        ],
    }[kind]
    heard = Heard(*datagrams)
    path = tmp_path / "exports.pcap"
    packets = [p.ether(p.ipv4(p.A, p.B, 17, p.udp(2055, 2055, one))) for one in datagrams]
    path.write_bytes(p.pcap([p.Frame(one, SENT) for one in packets]))
    wanted = by_tshark(path)
    if kind == "v5":  # tshark leaves the fraction of the header's second out
        wanted = [[*row[:-2], row[-2] + 500_000, row[-1] + 500_000] for row in wanted]
    assert len(wanted) == len(heard.records) > 0
    found = [ours_as_tshark(one, is_absolute=kind == "ipfix") for one in heard.records]
    assert sorted(found) == sorted(wanted)
