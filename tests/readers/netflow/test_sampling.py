# SPDX-License-Identifier: Apache-2.0
"""What options tell of sampling, and of the start of the system."""

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
    ipfix_options,
    record,
    template,
    v9,
    v9_options,
)
from minewatch.readers.netflow.templates import DecoderLimits

SYSTEM, INTERFACE = (1, 4), (2, 4)


def v9_told(scopes, fields, *rows):
    """A v9 datagram that tells options."""
    data = b"".join(record([*scopes, *fields], one) for one in rows)
    return v9(a_set(1, v9_options(300, scopes, fields)), a_set(300, data))


def ipfix_told(scopes, fields, *rows):
    data = b"".join(record([*scopes, *fields], one) for one in rows)
    return ipfix(a_set(3, ipfix_options(300, scopes, fields)), a_set(300, data))


def v9_data(fields=PLAIN, *rows):
    data = b"".join(record(fields, one) for one in rows or [PLAIN_VALUES])
    return v9(a_set(0, template(256, fields)), a_set(256, data))


def intervals(*datagrams):
    heard = Heard(*datagrams)
    assert heard.counters.faulty == {}
    return heard.of("sampling_packet_interval")


@pytest.mark.parametrize(
    ("fields", "row", "interval"),
    [
        ([(34, 4), (35, 1)], [100, 2], 100),
        ([(34, 2)], [100], 100),
        ([(50, 4), (49, 1)], [64, 2], 64),
        ([(305, 2), (306, 4)], [1, 999], 1000),
        ([(305, 4), (306, 4)], [0, 999], 1),
        ([(309, 4), (310, 4)], [1, 256], 256),
        ([(309, 4), (310, 4)], [0, 256], 1),
        ([(34, 4)], [0], 1),
        ([(34, 8)], [2**64 - 1], 2**32 - 1),
        ([(41, 4)], [12], 1),
    ],
)
def test_the_interval_of_a_system(fields, row, interval):
    assert intervals(v9_told([SYSTEM], fields, [0, *row]), v9_data()) == [interval]


def test_options_of_ipfix():
    told = ipfix_told([(149, 4)], [(304, 2), (305, 4), (306, 4)], [1, 1, 1, 99])
    data = ipfix(a_set(2, template(256, PLAIN)), a_set(256, record(PLAIN, PLAIN_VALUES)))
    heard = Heard(told, data)
    assert heard.of("sampling_packet_interval") == [100]
    assert heard.counters.sampling == {100: 1}
    assert heard.counters.ignored == {"options": 1}


@pytest.mark.parametrize("number", [48, 302])
def test_records_name_their_sampler(number):
    told = v9_told([SYSTEM], [(number, 2), (34, 4)], [0, 1, 10], [0, 2, 20])
    fields = [*PLAIN, (number, 1)]
    rows = [[*PLAIN_VALUES, one] for one in (2, 1, 3)]
    assert intervals(told, v9_data(fields, *rows)) == [20, 10, 1]


def test_the_scope_of_ipfix_may_be_the_sampler():
    told = ipfix_told([(302, 8)], [(305, 4), (306, 4)], [7, 1, 9])
    fields = [*PLAIN[:-2], (302, 1)]
    data = record(fields, [*PLAIN_VALUES[:-2], 7])
    assert intervals(told, ipfix(a_set(2, template(256, fields)), a_set(256, data))) == [10]


def test_an_only_sampler_counts_for_records_that_name_none():
    told = v9_told([SYSTEM], [(48, 1), (34, 4)], [0, 1, 10])
    assert intervals(told, v9_data()) == [10]
    told = v9_told([SYSTEM], [(48, 1), (34, 4)], [0, 1, 10], [0, 2, 20])
    assert intervals(told, v9_data()) == [1]


def test_packets_are_sampled_where_they_are_looked_at():
    told = v9_told([INTERFACE], [(34, 4)], [1, 100], [2, 1000])
    fields = [*PLAIN, (10, 2), (14, 2), (61, 1)]
    ways = [(1, 2, 0), (1, 2, 1), (2, 1, 1), (2, 9, 1), (1, 2, 255)]
    rows = [[*PLAIN_VALUES, *way] for way in ways]
    assert intervals(told, v9_data(fields, *rows)) == [100, 1000, 100, 1, 100]


def test_interfaces_may_be_sampled_differently():
    told = v9_told([INTERFACE], [(34, 4)], [5, 10], [6, 20])
    fields = [*PLAIN, (10, 2)]
    rows = [[*PLAIN_VALUES, one] for one in (6, 5, 7)]
    assert intervals(told, v9_data(fields, *rows)) == [20, 10, 1]


def test_what_a_record_says_itself_counts():
    told = v9_told([SYSTEM], [(34, 4)], [0, 100])
    assert intervals(told, v9_data([*PLAIN, (34, 4)], [*PLAIN_VALUES, 7])) == [7]


def test_an_interval_holds_from_when_it_is_told():
    heard = Heard()
    datagrams = [
        *(v9_data(), v9_told([SYSTEM], [(34, 4)], [0, 100]), v9_data()),
        *(v9_told([SYSTEM], [(34, 4)], [0, 50]), v9_data()),
    ]
    for data in datagrams:
        heard.decoder.add(data, "192.0.2.9", "a", None)
    found = [int(one["sampling_packet_interval"]) for part in heard.decoder.take() for one in part]
    assert found == [1, 100, 50]


def test_samplers_are_bounded():
    rows = [[0, i, 10] for i in range(8)]
    heard = Heard(
        v9_told([SYSTEM], [(48, 2), (34, 4)], *rows),
        limits=DecoderLimits(samplers_per_domain=5),
    )
    assert heard.decoder.refused == {"samplers": 3}


def test_the_start_of_the_system():
    told = ipfix_told([(143, 4)], [(160, 8)], [1, SENT_S * 1000 - 100_000])
    data = ipfix(a_set(2, template(256, PLAIN)), a_set(256, record(PLAIN, PLAIN_VALUES)))
    heard = Heard(told, data)
    assert heard.of("flow_start_nanoseconds") == [SENT - 50 * SECOND]
    assert heard.counters.repaired == {}
    told = ipfix_told([(143, 4)], [(160, 8)], [1, 2**64 - 1])
    assert Heard(told, data).counters.repaired.total() == 1
