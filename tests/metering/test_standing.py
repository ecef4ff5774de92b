# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from metered import Packet, at, batches_of
from minewatch.metering import standing
from minewatch.metering import state as st
from minewatch.metering.process import Meter
from minewatch.metering.state import MeteringOptions
from minewatch.schema import KIND_JSON
from packets import ACK, FIN, NS, START, SYN

AGES = np.array([30, 60, 120], np.int64) * NS
MINER, POOL = (0xFFFF_0A00_0001, 40_000), (0xFFFF_C633_6407, 3333)


def talk(seconds, source=MINER, destination=POOL, every_s=5, **changes):
    """Payload both ways, every few seconds."""
    packets = []
    for i in range(int(seconds / every_s)):
        sent = Packet(
            at(i * every_s), source, destination, octets=140, payload=b"x" * 100, **changes
        )
        packets += [sent, sent.answer(time_ns=sent.time_ns + NS // 10)]
    return packets


def metered(packets, **options):
    process = Meter(MeteringOptions(**options))
    for batch in batches_of(packets, [50]):
        for output in process.feed(batch):
            output.packets(output.ended)
    return process


def look_at(process, before_s, now_s, ages=AGES, least=6):
    """The biflows that are due, which are few enough for one look; None if none is."""
    looks = [*process.due_biflows(at(before_s), at(now_s), ages, least)]
    assert len(looks) <= 1
    return looks[0] if looks else None


def due(process, before_s, now_s):
    look = look_at(process, before_s, now_s)
    return [] if look is None else look.flow_ids.tolist()


@pytest.mark.parametrize(
    ("age", "steps"),
    [
        (0, 0),
        (29.9, 0),
        (30, 1),
        (59, 1),
        (60, 2),
        (119, 2),
        (120, 3),
        (239, 3),
        (240, 4),
        (360, 5),
    ],
)
def test_the_last_age_comes_again_and_again(age, steps):
    assert standing.steps_at(int(age * NS), AGES) == steps
    assert standing.age_of(steps, AGES) <= age * NS
    assert standing.steps_at(standing.age_of(steps, AGES), AGES) == steps


def test_a_biflow_is_due_once_at_each_age():
    process = metered(talk(200))
    ticks = range(5, 200, 5)
    assert [now for now in ticks if due(process, now - 5, now) == [1]] == [30, 60, 120]
    assert due(process, 20, 70) == [1]
    assert due(process, 30, 59) == []


def test_not_before_it_began_and_not_for_nothing_new():
    process = metered(talk(50))  # its last packet is at 45.1 s
    assert due(process, -100, -50) == []
    assert due(process, 55, 60) == [1]
    assert due(process, 100, 120) == []


@pytest.mark.parametrize(
    "packets",
    [
        talk(200, protocol=17),
        [packet for packet in talk(200) if packet.source == MINER],
        talk(10),
        [Packet(at(i), MINER, POOL, flags=ACK) for i in range(60)],
    ],
    ids=["udp", "one way", "too few", "no payload"],
)
def test_what_no_detector_is_asked_about_is_not_due(packets):
    assert due(metered(packets), 55, 60) == []


def test_plaintext_is_due_with_a_single_message():
    packets = [Packet(at(31), MINER, POOL, 6, 90, b"{" * 50, kind=KIND_JSON)]
    assert due(metered([Packet(at(0), flags=SYN), *packets]), 55, 60) == [1]


CLOSE = [Packet(at(41), flags=FIN), Packet(at(41)).answer(flags=FIN)]


def test_a_biflow_that_has_ended_is_due_once_until_it_is_handed_out():
    packets = [*talk(40), *CLOSE, Packet(at(55), flags=SYN)]
    process = metered(packets)
    look = look_at(process, 50, 55)
    assert look.flow_ids.tolist() == [1]
    assert look.has_ended.tolist() == [True]
    assert look.flows.select("flow_end_reason", "payload_packet_count").rows() == [(3, 8)]
    assert due(process, 55, 60) == []
    assert [output.ended.tolist() for output in process.finish()] == [[1, 2]]


def test_one_that_ended_without_a_talk_is_not_due():
    packets = [Packet(at(40), flags=SYN), *CLOSE, Packet(at(55), flags=SYN, sequence=5)]
    assert due(metered(packets), 50, 55) == []


def test_a_look_tells_what_the_end_of_the_input_would():
    """At any moment, and whatever was handed out before; and it changes nothing."""
    packets = sorted(
        [*talk(400), *talk(300, (MINER[0], 50_000), every_s=7), *talk(250, every_s=3, protocol=17)],
        key=lambda packet: packet.time_ns,
    )
    for n in (40, 111, 200, len(packets)):
        process = metered(packets[:n])
        rest = [*metered(packets[:n]).finish()][-1]
        now_s = (packets[n - 1].time_ns - START) / NS + 1
        look = look_at(process, -1, now_s, np.array([1], np.int64))
        wanted = rest.flows.filter(pl.col("flow_id").is_in(look.flow_ids.tolist()))
        order = ["flow_id", "flow_start_nanoseconds"]
        assert look.flows.sort(order).equals(wanted.sort(order)), n
        mine, theirs = look.packets(look.flow_ids), rest.packets(look.flow_ids)
        for flow_id in look.flow_ids.tolist():
            assert mine[flow_id].time_ns.tolist() == theirs[flow_id].time_ns.tolist()
        again = look_at(process, -1, now_s, np.array([1], np.int64))
        assert again.flows.equals(look.flows)
        after = [*process.finish()][-1]
        assert after.flows.equals(rest.flows)


def test_suspects_are_marked_and_let_go():
    process = metered([*talk(50), *talk(50, (MINER[0], 50_000))])
    look = look_at(process, 0, 30)
    look.keep(np.array([2], np.int64))
    rows = process._pools.rows
    is_suspect = {int(row[st.FLOW_ID]): bool(row[st.STATUS] & st.SUSPECT) for row in rows[:2]}
    assert is_suspect == {1: False, 2: True}
    look.keep(np.array([1], np.int64))
    is_suspect = {int(row[st.FLOW_ID]): bool(row[st.STATUS] & st.SUSPECT) for row in rows[:2]}
    assert is_suspect == {1: True, 2: False}


def test_a_look_is_at_no_more_than_so_many_and_at_all_of_them(monkeypatch):
    monkeypatch.setattr("minewatch.metering.process.MOST_LOOKED_AT", 3)
    packets = [one for i in range(8) for one in talk(40, (MINER[0], 50_000 + i))]
    process = metered(sorted(packets, key=lambda packet: packet.time_ns))
    looks = []
    for look in process.due_biflows(at(0), at(31), AGES, 6):
        looks.append(look.flow_ids.tolist())
        look.keep(look.flow_ids[:1])
    assert looks == [[1, 2, 3], [4, 5, 6], [7, 8]]
    status = process._pools.rows[:8, st.STATUS]
    assert np.flatnonzero(status & st.SUSPECT).tolist() == [0, 3, 6]
