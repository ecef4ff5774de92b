# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import polars as pl
import pytest

from metered import Packet, at, batches_of
from minewatch.address import parse_networks
from minewatch.exporting import settings as s
from minewatch.exporting.aggregating import Aggregator

HOME = parse_networks(["10.0.0.0/8"])
S = 1_000_000_000


def aggregate(packets, settings, *, size=50, **options):
    """Return the records that were told on the way, those of the end, and the counters."""
    sums = Aggregator(settings, HOME, **options)
    early = [told for batch in batches_of(packets, [size]) for told in sums.add(batch)]
    late = list(sums.finish())
    return early, late, sums.counters


def steady(n=600, hosts=3):
    """A packet a second of each host, there and back."""
    talk = []
    for t in range(n):
        for host in range(hosts):
            one = Packet(at(t), source=(0xFFFF_0A00_0001 + host, 40_000), flags=0x18, octets=100)
            talk.append(one if t % 2 else one.answer())
    return talk


ALL = (s.aws(), s.gcp(5, 1), s.gcp(5, 10), s.azure_vnet(), s.zeek(), s.ipfix(60, 3))


@pytest.mark.parametrize("settings", ALL)
def test_chunks_change_no_record(settings):
    def rows(chunk):
        early, late, counters = aggregate(steady(), settings, chunk_packets=chunk)
        told = pl.concat([*early, *late])
        assert counters.records == len(told)
        assert counters.packets == 1800
        # Whether a record was ended by the end of the capture is all that chunks may decide.
        return told.drop("flow_end_reason").sort(pl.all())

    whole = rows(10_000)
    for chunk in (100, 777):
        assert rows(chunk).equals(whole)


def test_records_come_as_soon_as_their_window_is_over():
    early, late, _ = aggregate(steady(), s.gcp(60, 1), chunk_packets=180)
    last = pl.concat(late)
    assert len(early) >= 8
    # Up to the clock less what may come out of order: one window is open, or two.
    assert last["flow_start_nanoseconds"].min() >= at(599 - 120)
    closes = pl.concat([*early, *late])["closes_ns"]
    assert closes.is_sorted()


def test_a_packet_somewhat_late_is_counted_where_it_belongs():
    talk = steady()
    last = next(i for i, one in enumerate(talk) if (one.time_ns + S) % (60 * S) == 0)
    talk.insert(last + 21, talk.pop(last))  # 7 s later, when the next window has begun
    settings = s.gcp(60, 1)
    expected = aggregate(steady(), settings, chunk_packets=9)
    found = aggregate(talk, settings, chunk_packets=9)
    rows = [pl.concat([*early, *last]).sort(pl.all()) for early, last, _ in (expected, found)]
    assert rows[0].equals(rows[1])


def test_one_packet_of_the_future_ends_nothing():
    talk = steady()
    talk[700] = replace(talk[700], time_ns=at(10**9))
    _, _, counters = aggregate(talk, s.gcp(600, 1), chunk_packets=200)
    assert counters.records == 2 * 3 * 2 + 1  # two windows, three hosts, both ways; and its own


def test_too_many_windows_close_those_that_would_be_over_first():
    scan = [
        Packet(at(t), source=(0xFFFF_0A00_0001, port), flags=2, octets=40)
        for t, port in enumerate(range(1000, 3000))
    ]
    early, late, counters = aggregate(
        scan, s.gcp(900, 1), size=500, chunk_packets=500, max_open=600
    )
    told = pl.concat([*early, *late])
    assert told["packet_delta_count"].sum() == 2000
    assert counters.closed_early > 0
    assert 300 <= len(pl.concat(late)) <= 600


def test_both_directions_of_a_biflow_close_together():
    talk = []
    for port in range(1000, 2000):
        one = Packet(at(port / 100), source=(0xFFFF_0A00_0001, port), octets=40)
        talk += [one, one.answer()]
    early, late, _ = aggregate(talk, s.zeek(), chunk_packets=500, max_open=600)
    told = pl.concat([*early, *late])
    assert told["packet_delta_count"].to_list() == [1] * 1000
    assert told["reverse_packet_delta_count"].to_list() == [1] * 1000


def test_packets_without_an_end_at_home_are_counted():
    foreign = [Packet(at(t), source=(0xFFFF_0B00_0001, 7)) for t in range(5)]
    early, late, counters = aggregate([*foreign, *steady(4)], s.aws())
    assert counters.unobserved_packets == 5
    assert pl.concat([*early, *late])["packet_delta_count"].sum() == 12
    _, _, counters = aggregate(foreign, s.ipfix())
    assert (counters.unobserved_packets, counters.records) == (0, 1)


def test_numbers_of_conversations_go_on():
    sums = Aggregator(s.zeek(), HOME, first_conversation=7)
    for batch in batches_of(steady(2), [50]):
        assert list(sums.add(batch)) == []
    told = pl.concat(sums.finish())
    assert sorted(told["conversation"]) == [7, 8, 9]
    assert sums.next_conversation == 10


def test_no_packets_no_records():
    assert aggregate([], s.aws())[:2] == ([], [])
