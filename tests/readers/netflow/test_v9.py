# SPDX-License-Identifier: Apache-2.0
"""Heads of NetFlow v9."""

from export_datagrams import PLAIN, PLAIN_VALUES, SECOND, SENT, Heard, v9, v9_flows


def test_the_head_gives_time_and_domain():
    heard = Heard(v9_flows(PLAIN, PLAIN_VALUES, source=0x1_0002))
    assert heard.one["flow_start_nanoseconds"] == SENT - 10 * SECOND
    (statistics,) = heard.decoder.statistics
    assert (statistics.protocol, statistics.version) == ("NetFlow v9", 9)
    assert (statistics.domain, statistics.exporter) == ("65538", "192.0.2.9")


def test_sequence_numbers_count_datagrams():
    heard = Heard(*[v9_flows(PLAIN, PLAIN_VALUES, sequence=number) for number in (5, 6, 9)])
    (statistics,) = heard.decoder.statistics
    assert (statistics.datagrams, statistics.lost, statistics.gaps) == (3, 2, 1)


def test_a_cut_head():
    heard = Heard(v9()[:19])
    assert heard.counters.examples == [
        "a.pcap: datagram 1: datagram cut; 19 octets are no header of v9"
    ]


def test_a_head_alone_is_no_fault():
    heard = Heard(v9())
    assert heard.counters.rows_seen == 0
    assert heard.decoder.statistics[0].datagrams == 1
