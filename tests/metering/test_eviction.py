# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from metered import Packet, at, batches_of
from minewatch.metering import eviction
from minewatch.metering import state as st
from minewatch.metering.process import Meter
from minewatch.metering.state import MeteringOptions
from minewatch.schema import KIND_JSON
from packets import ACK, SYN

POOL = (0xFFFF_C633_6407, 3333)


def host(number):
    return (0xFFFF_0A00_0001, 51_000 + number)


def said(when, number, both=True, n=1, payload=b"x" * 20, **changes):
    packets = []
    for i in range(n):
        one = Packet(
            at(when + i * 0.001), host(number), POOL, octets=60, payload=payload, **changes
        )
        packets += [one, one.answer()] if both else [one]
    return packets


KINDS = {
    eviction.NOT_TCP: said(1, 0, n=9, protocol=17),
    eviction.SILENT: [Packet(at(1), host(1), POOL, flags=SYN)],
    eviction.ONE_WAY: said(1, 2, both=False, n=9),
    eviction.FEW: said(1, 3, n=2),
    eviction.TALK: said(1, 4, n=3),
    eviction.PLAINTEXT: said(1, 5, both=False, payload=b'{"id":1}', kind=KIND_JSON),
}


def metered(packets, **options):
    process = Meter(MeteringOptions(**options))
    tables = [out.flows for batch in batches_of(packets, [500]) for out in process.feed(batch)]
    return process, tables


@pytest.mark.parametrize("rank", KINDS)
def test_biflows_are_ranked_by_what_they_tell(rank):
    process, _ = metered(KINDS[rank])
    assert eviction.rank_of(process._pools.rows, 0) == rank
    process._pools.rows[0, st.STATUS] |= st.SUSPECT
    assert eviction.rank_of(process._pools.rows, 0) == eviction.SUSPECTED


def test_each_rank_has_a_name():
    assert len(eviction.RANKS) == eviction.SUSPECTED + 1


def evicted(process, tables):
    tables = [*tables, *(output.flows for output in process.finish())]
    table = pl.concat(tables).filter(pl.col("flow_end_reason") == 5)
    return table.get_column("source_transport_port").to_list()


@pytest.mark.parametrize("number", [3, 4, 5])
def test_a_flood_of_syn_costs_no_conversation(number):
    """A hundred times as many half-open connections as there is room for."""
    rank = [eviction.FEW, eviction.TALK, eviction.PLAINTEXT][number - 3]
    flood = [
        Packet(
            at(2 + i / 10_000), (0xFFFF_CB00_0000 + i // 50_000, 1 + i % 50_000), POOL, flags=SYN
        )
        for i in range(102_400)
    ]
    process, tables = metered([*KINDS[rank], *flood], max_biflows=1024)
    assert host(number)[1] not in evicted(process, tables)
    assert process.counters.evicted_biflows > 100_000
    assert set(process.counters.evicted_by_rank) == {"silent"}
    assert sum(process.counters.evicted_by_rank.values()) == process.counters.evicted_biflows


def test_within_a_rank_the_longest_silent_goes_first():
    packets = [packet for i in range(1_100) for packet in said(i * 0.01, i, n=3)]
    process, tables = metered(packets, max_biflows=1024)
    # When the last row is taken, its biflow has a single packet yet, and goes before all others.
    assert evicted(process, tables) == [host(1023)[1], *(host(i)[1] for i in range(127))]
    assert process.counters.evicted_by_rank == {"one-way": 1, "talk": 127}


def test_a_suspect_outlives_what_is_newer_and_says_more():
    process, tables = metered(said(1, 0, both=False), max_biflows=1024)
    process._pools.rows[0, st.STATUS] |= st.SUSPECT
    for batch in batches_of(
        [p for i in range(1, 3_000) for p in said(2 + i * 0.01, i, n=3)], [500]
    ):
        tables += [output.flows for output in process.feed(batch)]
    assert process._pools.rows[0, st.FLOW_ID] == 1
    assert host(0)[1] not in evicted(process, tables)
    assert process.counters.evicted_by_rank["talk"] > 1_000
    assert "suspect" not in process.counters.evicted_by_rank


def test_where_all_are_suspects_memory_is_bounded_all_the_same():
    one_each = [p for i in range(1_024) for p in said(i * 0.001, i, both=False)]
    process, _ = metered(one_each, max_biflows=1024)
    process._pools.rows[:, st.STATUS] |= st.SUSPECT
    for batch in batches_of(said(9, 5_000), [500]):
        assert [output.ended.size for output in process.feed(batch)] == [128]
    assert process.counters.evicted_by_rank == {"suspect": 128}


def test_full_series_and_rings_end_only_biflows_that_hold_some():
    silent = [Packet(at(0), host(9_000 + i), POOL, flags=SYN) for i in range(50)]
    packets = [*silent, *(p for i in range(400) for p in said(1 + i * 0.01, i, n=50))]
    process, tables = metered(packets, max_chunks=1024, max_rings=64)
    assert len(process._pools.series) == 1024
    assert len(process._pools.latest) == 64
    gone = evicted(process, tables)
    assert gone
    assert not set(gone) & {host(9_000 + i)[1] for i in range(50)}
    assert gone == sorted(gone)


def test_the_limits_have_a_least():
    with pytest.raises(ValueError, match="max_chunks must be 1024 or more, max_rings 64 or more"):
        MeteringOptions(max_rings=3)


def test_ranking_leaves_out_what_has_ended():
    process, _ = metered([*said(1, 0), *said(1, 1), Packet(at(2), host(1), POOL, flags=ACK)])
    process._pools.rows[0, st.STATUS] |= st.ENDED
    numbers, ranks, last_ns = np.empty((3, 1024), np.int64)
    assert eviction.rank_rows(process._pools, eviction.ANY, numbers, ranks, last_ns) == 1
    assert (numbers[0], last_ns[0]) == (1, at(2))
