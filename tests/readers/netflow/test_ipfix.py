# SPDX-License-Identifier: Apache-2.0
"""Heads of IPFIX messages."""

import pytest

from export_datagrams import (
    PLAIN,
    PLAIN_VALUES,
    Heard,
    a_set,
    ipfix,
    ipfix_flows,
    ipfix_options,
    record,
    template,
)


def test_the_head_gives_the_domain():
    heard = Heard(ipfix_flows(PLAIN, PLAIN_VALUES, domain=77))
    (statistics,) = heard.decoder.statistics
    assert (statistics.protocol, statistics.version, statistics.domain) == ("IPFIX", 10, "77")


def test_sequence_numbers_count_data_records_of_all_kinds():
    data = record(PLAIN, PLAIN_VALUES)
    heard = Heard(
        ipfix(
            a_set(2, template(256, PLAIN)),
            a_set(3, ipfix_options(300, [(149, 4)], [(34, 4)])),
            a_set(256, data * 3),
            a_set(300, bytes(16)),
            sequence=100,
        ),
        ipfix(a_set(256, data), sequence=105),
        ipfix(a_set(256, data), sequence=110),
    )
    (statistics,) = heard.decoder.statistics
    assert (statistics.records, statistics.lost, statistics.gaps) == (7, 4, 1)


def test_data_that_nobody_can_count_is_not_taken_for_lost():
    data = record(PLAIN, PLAIN_VALUES)
    heard = Heard(
        ipfix(a_set(256, data * 5), sequence=0),
        ipfix(a_set(2, template(256, PLAIN)), a_set(256, data), sequence=5),
        ipfix(a_set(256, data), sequence=6),
    )
    assert heard.decoder.statistics[0].lost == 0
    assert len(heard.records) == 7


def test_what_follows_the_message_is_not_read():
    whole = ipfix_flows(PLAIN, PLAIN_VALUES)
    assert len(Heard(whole + a_set(256, record(PLAIN, PLAIN_VALUES))).records) == 1


def test_a_message_longer_than_its_datagram():
    message = ipfix_flows(PLAIN, PLAIN_VALUES, octets=500)
    heard = Heard(message)
    assert len(heard.records) == 1
    assert heard.counters.faulty == {"datagram cut": 1}


@pytest.mark.parametrize("octets", [0, 15])
def test_a_length_that_cannot_be(octets):
    heard = Heard(ipfix_flows(PLAIN, PLAIN_VALUES, octets=octets))
    assert heard.counters.faulty == {"lying length": 1}
    assert heard.records == []


def test_a_cut_head():
    assert Heard(ipfix()[:15]).counters.faulty == {"datagram cut": 1}
