# SPDX-License-Identifier: Apache-2.0
"""NetFlow v5, octet by octet."""

import pytest

from export_datagrams import SECOND, SENT, Heard, v5, v5_record
from minewatch.errors import SourceError

SENT_HALF = SENT + SECOND // 2


def test_a_record_with_all_that_it_tells():
    heard = Heard(v5(v5_record()))
    one = heard.one
    assert one["source_address_low"] == 0xFFFF_0A00_0001
    assert one["destination_address_low"] == 0xFFFF_C633_6407
    assert (one["source_address_high"], one["destination_address_high"]) == (0, 0)
    assert (one["packet_delta_count"], one["octet_delta_count"]) == (7, 700)
    assert (one["reverse_packet_delta_count"], one["reverse_octet_delta_count"]) == (-1, -1)
    assert (one["source_transport_port"], one["destination_transport_port"]) == (40_000, 3333)
    assert (one["protocol_identifier"], one["tcp_control_bits"]) == (6, 0x1B)
    assert one["flow_start_nanoseconds"] == SENT_HALF - 10 * SECOND
    assert one["flow_end_nanoseconds"] == SENT_HALF - SECOND
    assert one["sampling_packet_interval"] == 1
    assert (heard.counters.rows_seen, heard.counters.faulty.total()) == (1, 0)


def test_the_uptime_may_have_begun_anew_since_the_flow_did():
    one = Heard(v5(v5_record(first=2**32 - 5000, last=1000), uptime_ms=2000)).one
    assert SENT_HALF - one["flow_start_nanoseconds"] == 7 * SECOND
    assert one["flow_end_nanoseconds"] - one["flow_start_nanoseconds"] == 6 * SECOND


def test_a_flow_may_end_a_little_after_its_header():
    assert Heard(v5(v5_record(last=60_010))).one["flow_end_nanoseconds"] == SENT_HALF + 10_000_000


def test_only_the_low_bits_of_sampling_are_the_interval():
    heard = Heard(v5(v5_record(), sampling=0x4000 | 100), v5(v5_record(), sequence=1))
    assert heard.of("sampling_packet_interval") == [100, 1]
    assert heard.counters.sampling == {100: 1, 1: 1}
    assert heard.decoder.statistics[0].sampling == {100, 1}


def test_records_keep_the_sampling_of_their_datagram_when_decoded_together():
    heard = Heard()
    for sampling in (100, 0, 50):
        heard.decoder.add(v5(v5_record(), sampling=sampling), "192.0.2.9", "a", None)
    found = [int(one["sampling_packet_interval"]) for part in heard.decoder.take() for one in part]
    assert found == [100, 1, 50]


def test_engines_are_domains_and_sequence_numbers_count_records():
    heard = Heard(
        v5(v5_record(), v5_record(), sequence=10, engine=(1, 2)),
        v5(v5_record(), sequence=17, engine=(1, 2)),
        v5(v5_record(), sequence=3),
    )
    first, second = heard.decoder.statistics
    assert (first.protocol, first.domain, first.datagrams, first.records) == (
        *("NetFlow v5", "258", 2, 3),
    )
    assert (first.lost, first.gaps) == (5, 1)
    assert (second.domain, second.lost) == ("0", 0)
    assert len(set(heard.of("observation_point"))) == 2


def test_flags_that_tell_nothing_are_unknown():
    heard = Heard(v5(v5_record(flags=0), v5_record(protocol=17)))
    assert heard.of("tcp_control_bits") == [-1, -1]


def test_type_and_code_of_icmp_stay_in_the_port():
    one = Heard(v5(v5_record(protocol=1, ports=(9, 0x0801)))).one
    assert (one["source_transport_port"], one["destination_transport_port"]) == (0, 0x0801)


def test_a_cut_datagram_gives_what_is_whole():
    heard = Heard(v5(*[v5_record()] * 3)[:-60])
    assert len(heard.records) == 1
    assert heard.counters.faulty == {"datagram cut": 2}
    assert heard.counters.examples == [
        "a.pcap: datagram 1: datagram cut; 3 records are told, 1 are there"
    ]
    assert heard.counters.rows_seen == heard.counters.rows_accounted == 3


@pytest.mark.parametrize("n", [0, 31, 65535])
def test_a_count_that_cannot_be(n):
    heard = Heard(v5(v5_record(), v5_record(), n=n))
    assert heard.records == []
    assert heard.counters.faulty == {"lying count": 1}
    assert heard.decoder.statistics == []


def test_a_cut_header():
    heard = Heard(v5()[:23])
    assert heard.counters.examples == [
        "a.pcap: datagram 1: datagram cut; 23 octets are no header of v5"
    ]


def test_octets_after_the_last_record():
    heard = Heard(v5(v5_record()) + bytes(8), v5(v5_record(), sequence=1) + b"\1")
    assert len(heard.records) == 2
    assert heard.counters.faulty == {"octets after the last record": 1}


def test_an_end_before_the_start_is_no_flow():
    heard = Heard(v5(v5_record(), v5_record(first=59_001)))
    assert len(heard.records) == 1
    assert heard.counters.faulty == {"end before start": 1}
    assert heard.counters.rows_seen == heard.counters.rows_accounted == 2


def test_strict_stops_at_the_first_fault():
    with pytest.raises(SourceError, match="datagram 1: lying count"):
        Heard(v5(v5_record(), n=0), strict=True)
    with pytest.raises(SourceError, match="datagram 1: end before start"):
        Heard(v5(v5_record(first=59_001)), strict=True)
