# SPDX-License-Identifier: Apache-2.0
"""Sets: records of fixed and of variable length, padding, and data before its template."""

import struct

import pytest

from export_datagrams import (
    PLAIN,
    PLAIN_VALUES,
    SECOND,
    SENT,
    SENT_S,
    Heard,
    a_set,
    ipfix,
    ipfix_flows,
    ipfix_options,
    record,
    template,
    v9,
    v9_flows,
)
from minewatch.readers.netflow.templates import DecoderLimits

TEMPLATE = a_set(0, template(256, PLAIN))
ONE = record(PLAIN, PLAIN_VALUES)


@pytest.mark.parametrize("padding", [b"", bytes(3), b"\x0d\0\1", bytes(len(ONE) - 1)])
def test_octets_that_are_no_whole_record_are_padding(padding):
    heard = Heard(v9(TEMPLATE, a_set(256, ONE + ONE + padding)))
    assert (len(heard.records), heard.counters.faulty) == (2, {})


@pytest.mark.parametrize("body", [b"", ONE[:-1]])
def test_a_set_without_a_whole_record(body):
    heard = Heard(v9(TEMPLATE, a_set(256, body)))
    assert heard.counters.faulty == {"set shorter than a record": 1}
    assert heard.counters.examples == [
        "a.pcap: datagram 1: set shorter than a record; "
        f"{len(body)} octets for records of {len(ONE)} of template 256"
    ]


@pytest.mark.parametrize("octets", [3, 0, 500])
def test_a_set_that_lies_of_its_length(octets):
    heard = Heard(v9(TEMPLATE, a_set(256, ONE), a_set(256, ONE, octets), a_set(256, ONE)))
    assert len(heard.records) == 1
    assert heard.counters.faulty == {"lying set length": 1}


def test_a_datagram_filled_up_with_zeros():
    heard = Heard(v9(TEMPLATE, a_set(256, ONE)) + bytes(800))
    assert (len(heard.records), heard.counters.faulty) == (1, {})


@pytest.mark.parametrize(("build", "number"), [(v9, 2), (v9, 255), (ipfix, 0), (ipfix, 4)])
def test_sets_of_no_known_kind(build, number):
    heard = Heard(build(a_set(number, bytes(8))))
    assert heard.counters.faulty == {"unknown set": 1}


STRINGS = [(8, 4), (96, 65535), (12, 4), (1, 2), (82, 65535)]


def strings(first, last, octets=1):
    return ["10.0.0.1", first, "10.0.0.2", octets, last]


def test_variable_fields_are_stepped_over():
    rows = [strings(b"", b"x" * 254), strings(b"y" * 255, b"z", 2), strings(b"v" * 300, b"", 3)]
    heard = Heard(ipfix_flows(STRINGS, *rows))
    assert heard.of("octet_delta_count") == [1, 2, 3]
    assert [int(one["destination_address_low"]) & 0xFF for one in heard.records] == [2, 2, 2]
    assert heard.counters.faulty == {}


def test_fields_after_the_last_variable_one():
    fields = [(96, 65535), (8, 4), (12, 4), (1, 2)]
    heard = Heard(ipfix_flows(fields, [b"abc", "10.0.0.1", "10.0.0.2", 7]))
    assert heard.of("octet_delta_count") == [7]


def test_v9_with_variable_fields_as_some_routers_send():
    heard = Heard(v9_flows(STRINGS, strings(b"ab", b"c", 9)))
    assert heard.of("octet_delta_count") == [9]


@pytest.mark.parametrize("cut", [1, 2, 4])
def test_a_variable_field_that_overruns_its_set(cut):
    whole, last = record(STRINGS, strings(b"a", b"b")), record(STRINGS, strings(b"a", b"c" * 300))
    data = whole + last[: len(last) - 300 - cut + 1]
    heard = Heard(ipfix(a_set(2, template(256, STRINGS)), a_set(256, data)))
    assert len(heard.records) == 1
    assert heard.counters.faulty == {"record overruns its set": 1}
    assert heard.counters.examples == [
        "a.pcap: datagram 1: record overruns its set; "
        "record 2 of template 256; what is before it is used"
    ]


def test_a_set_of_nothing_but_an_overrun():
    data = record(STRINGS, strings(b"a", b"c" * 300))[:-1]
    heard = Heard(ipfix(a_set(2, template(256, STRINGS)), a_set(256, data)))
    assert heard.counters.faulty == {"record overruns its set": 1}
    assert heard.counters.rows_seen == 1


def test_options_of_variable_length():
    fields = [(149, 4), (34, 4), (96, 65535)]
    message = ipfix(
        a_set(3, ipfix_options(300, fields[:1], fields[1:])),
        a_set(300, record(fields, [1, 77, b"name"])),
        a_set(2, template(256, PLAIN)),
        a_set(256, ONE),
    )
    assert Heard(message).of("sampling_packet_interval") == [77]


def test_data_before_its_template_waits_for_it():
    heard = Heard(v9(a_set(256, ONE + ONE), seconds=SENT_S - 100, sequence=0))
    assert heard.records == []
    assert heard.decoder.statistics[0].unknown_templates == 1
    heard.hear(v9(TEMPLATE, sequence=1))
    assert heard.of("flow_end_nanoseconds") == [SENT - 101 * SECOND] * 2
    heard.finish()
    assert heard.counters.rows_seen == heard.counters.rows_accounted == 2


def test_data_in_the_datagram_of_its_template_may_stand_before_it():
    assert len(Heard(v9(a_set(256, ONE), TEMPLATE)).records) == 1


def test_data_whose_template_never_comes_is_a_fault():
    heard = Heard(v9(a_set(256, ONE)), v9(a_set(0, template(257, PLAIN)), sequence=1)).finish()
    assert heard.counters.faulty == {"template not seen": 1}
    assert heard.counters.examples == [
        "a.pcap: datagram 1: template not seen; template 256 of domain 1 of 192.0.2.9 was not "
        "sent; begin earlier, or let the exporter send its templates more often"
    ]


@pytest.mark.parametrize(
    "limits",
    [{"waiting_sets": 3}, {"waiting_octets": 3 * 36}, {"waiting_octets_in_all": 3 * 36}],
)
def test_so_much_data_waits_and_no_more(limits):
    assert 3 * len(ONE) <= 3 * 36 < 4 * len(ONE)
    heard = Heard(limits=DecoderLimits(**limits))
    for i in range(5):
        heard.hear(v9(a_set(256, ONE), sequence=i))
    assert heard.counters.faulty == {"template not seen": 2}
    assert heard.decoder.refused == {"data before its template": 2}
    heard.hear(v9(TEMPLATE, sequence=5))
    assert len(heard.records) == 3
    heard.hear(*[v9(a_set(300, ONE), sequence=6 + i) for i in range(3)])
    assert heard.counters.faulty == {"template not seen": 2}
    assert heard.finish().counters.rows_seen == heard.counters.rows_accounted == 8


def test_an_old_template_is_forgotten_by_the_time_of_the_data():
    half_an_hour = 1800 * SECOND
    heard = Heard(v9(TEMPLATE, a_set(256, ONE)), received_ns=SENT)
    heard.hear(v9(a_set(256, ONE)), received_ns=SENT + half_an_hour)
    assert len(heard.records) == 2
    heard.hear(v9(a_set(256, ONE)), received_ns=SENT + half_an_hour + 1).finish()
    assert len(heard.records) == 2
    assert heard.counters.faulty == {"template not seen": 1}


def test_a_datagram_cut_anywhere_is_accounted_for():
    whole = v9(TEMPLATE, a_set(256, ONE + ONE))
    for octets in range(len(whole)):
        heard = Heard(whole[:octets]).finish()
        assert heard.counters.rows_seen == heard.counters.rows_accounted
        assert heard.counters.faulty.total() <= 1
        assert len(heard.records) == 0


def test_any_octets_are_accounted_for(rng):
    whole = ipfix_flows(STRINGS, *[strings(b"a" * i, b"b" * i, i) for i in range(5)])
    whole += struct.pack(">HH", 2, 8)
    for _ in range(500):
        octets = bytearray(whole)
        for place in rng.integers(0, len(octets), 5):
            octets[place] = rng.integers(0, 256)
        heard = Heard(bytes(octets)).finish()
        assert heard.counters.rows_seen == heard.counters.rows_accounted
