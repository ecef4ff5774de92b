# SPDX-License-Identifier: Apache-2.0
"""Captures of exports."""

import io
import struct

import pytest

import packets as p
from export_datagrams import (
    PLAIN,
    PLAIN_VALUES,
    SENT,
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
from minewatch.errors import SourceError
from minewatch.readers.netflow.captures import CaptureExports
from minewatch.readers.netflow.exports import NetflowFormat
from minewatch.types import BATCH_OCTETS

NETFLOW = NetflowFormat()


def frame(payload, source=p.A, time_ns=SENT, **options):
    body = p.ipv4(source, p.B, 17, p.udp(40_000, 2055, payload), **options)
    return p.Frame(p.ether(body), time_ns)


def read(data, strict=False):
    source = NETFLOW.open("a.pcap", "a.pcap", io.BytesIO(data), strict=strict)
    assert isinstance(source, CaptureExports)
    records = [one for block in source.read() for one in block.copy()]
    source.close()
    counters = source.counters
    assert counters.rows_seen == counters.rows_accounted
    assert counters.rows_parsed == len(records)
    return records, counters


@pytest.mark.parametrize("write", [p.pcap, p.pcapng])
def test_payloads_are_decoded_by_sender(write):
    data = a_set(256, record(PLAIN, PLAIN_VALUES))
    capture = write(
        [
            frame(v9(a_set(0, template(256, PLAIN)), data)),
            frame(v9(data), source=p.C),
            frame(ipfix_flows(PLAIN, PLAIN_VALUES), source=p.C),
        ]
    )
    assert NETFLOW.recognises(capture)
    records, counters = read(capture)
    assert len(records) == 2
    assert counters.faulty == {"template not seen": 1}
    assert "a.pcap: datagram 2: template not seen" in counters.examples[1]
    assert f"of {p.C} was not sent" in counters.examples[1]
    assert counters.octets_read == len(capture)


def test_times_of_capture_are_those_of_sampled_packets():
    sample = flow_sample(raw_header(p.ether(p.ipv4(p.A, p.B, 6, p.tcp(40_000, 3333)))))
    capture = p.pcap([frame(sflow(sample), time_ns=SENT + 5000)])
    assert NETFLOW.recognises(capture)
    records, counters = read(capture)
    assert records[0]["flow_start_nanoseconds"] == SENT + 5000
    assert counters.notes == []


def test_senders_may_have_ipv6():
    body = p.ipv6(p.A6, p.B6, 17, p.udp(40_000, 2055, v5(v5_record())))
    capture = p.pcap([p.Frame(p.ether(body, p.IPV6), SENT)])
    assert NETFLOW.recognises(capture)
    assert len(read(capture)[0]) == 1


def test_templates_age_by_the_time_of_capture():
    data = a_set(256, record(PLAIN, PLAIN_VALUES))
    late = SENT + 1801 * 10**9
    capture = p.pcap([frame(v9(a_set(0, template(256, PLAIN)))), frame(v9(data), time_ns=late)])
    assert read(capture)[1].faulty == {"template not seen": 1}


def test_many_blocks_of_a_capture():
    one = frame(v5(*[v5_record()] * 30))
    n = 3 * BATCH_OCTETS // len(one.data)
    records, counters = read(p.pcap([one] * n))
    assert len(records) == 30 * n
    assert counters.faulty == {}


def test_an_ordinary_capture_that_holds_some_exports_is_not_taken():
    export = frame(v5(v5_record()))
    assert not NETFLOW.recognises(p.pcap([export, frame(b"\x12\x34" + bytes(40))]))
    assert not NETFLOW.recognises(p.pcap([export, p.tcp_frame(payload=b"x")]))
    assert not NETFLOW.recognises(p.pcap([]))
    assert not NETFLOW.recognises(p.pcap([p.Frame(p.ether(bytes(46), 0x0806))]))


def test_answers_of_icmp_and_other_noise_do_not_hide_exports():
    unreachable = p.Frame(p.ether(p.ipv4(p.B, p.A, 1, p.icmp(3, 3, bytes(28)))), SENT)
    arp = p.Frame(p.ether(bytes(46), 0x0806), SENT)
    capture = p.pcap([arp, unreachable, frame(v5(v5_record()))])
    assert NETFLOW.recognises(capture)
    records, counters = read(capture)
    assert len(records) == 1
    assert counters.ignored == {"not UDP": 1, "not IP": 1}


def test_a_head_that_ends_within_a_packet_is_recognised():
    capture = p.pcap([frame(v5(*[v5_record()] * 30))] * 60)
    assert NETFLOW.recognises(capture[: 1 << 16])


def test_fragments_are_faults():
    whole = p.udp(40_000, 2055, v5(*[v5_record()] * 30))
    first = p.Frame(p.ether(p.ipv4(p.A, p.B, 17, whole[:800], more=True)), SENT)
    rest = p.Frame(p.ether(p.ipv4(p.A, p.B, 17, whole[800:], offset=100)), SENT)
    records, counters = read(p.pcap([first, rest, frame(v5(v5_record()))]))
    assert len(records) == 1
    assert counters.faulty == {"fragment of a datagram": 2}
    assert counters.examples[0] == (
        "a.pcap: datagram 1: fragment of a datagram; "
        "fragments are not joined; let the exporter send datagrams that fit"
    )


def test_a_fragment_without_its_first_one():
    rest = p.Frame(p.ether(p.ipv4(p.A, p.B, 17, bytes(40), offset=100)), SENT)
    _, counters = read(p.pcap([rest, frame(v5(v5_record()))]))
    assert counters.faulty == {"fragment of a datagram": 1}


def test_a_datagram_that_the_capture_cut():
    data = frame(v5(*[v5_record()] * 30))
    cut = p.Frame(data.data[:500], SENT, wire=len(data.data))
    records, counters = read(p.pcap([cut, data]))
    assert len(records) == 30
    assert counters.faulty == {"datagram cut": 1}
    with pytest.raises(SourceError, match="datagram 1: datagram cut"):
        read(p.pcap([cut, data]), strict=True)


def test_another_datagram_later_in_the_capture_is_a_fault():
    _, counters = read(p.pcap([frame(v5(v5_record())), frame(b"\x12\x34" + bytes(40))]))
    assert counters.faulty == {"unknown version": 1}


def test_a_cut_capture_gives_what_precedes_the_cut():
    capture = p.pcap([frame(v5(v5_record()))] * 3)
    records, counters = read(capture[:-5])
    assert len(records) == 2
    assert counters.faulty == {"capture cut or damaged": 1}
    assert len(counters.notes) == 1
    with pytest.raises(SourceError, match="capture cut or damaged"):
        read(capture[:-5], strict=True)


def test_a_capture_of_an_unknown_link():
    capture = p.pcap([frame(v5(v5_record()))], link=147)
    assert not NETFLOW.recognises(capture)
    with pytest.raises(SourceError, match="link type 147"):
        read(capture)


def test_something_that_begins_like_a_capture():
    magic = struct.pack("<I", 0xA1B2C3D4)
    assert not NETFLOW.recognises(magic)
    with pytest.raises(SourceError, match="the file ends within its header"):
        NETFLOW.open("a.pcap", "a.pcap", io.BytesIO(magic), strict=False)


def test_a_message_without_records():
    capture = p.pcap([frame(ipfix(a_set(2, template(256, PLAIN))))])
    assert NETFLOW.recognises(capture)
    assert read(capture)[0] == []


def test_exports_that_a_cloud_mirrors_in_a_tunnel():
    inner = frame(v9_flows(PLAIN, PLAIN_VALUES)).data
    outer = p.ether(p.ipv4(p.B, p.C, 17, p.udp(5000, 4789, p.vxlan(inner))))
    capture = p.pcap([p.Frame(outer, SENT)])
    assert NETFLOW.recognises(capture)
    assert len(read(capture)[0]) == 1
