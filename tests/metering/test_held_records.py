# SPDX-License-Identifier: Apache-2.0
"""Records kept by biflow in memory of a fixed size."""

import numpy as np
import pytest

from made_up_records import START, record, talk
from minewatch.metering import held_records as h
from minewatch.records import DENIED

SEED = 7
HOUR = 3600 * 10**9


def take(held, records, *, most_of_one=1_000, now=START, start=0):
    words = records.view(np.int64).reshape(-1, h.WORDS)
    shown = np.full(len(records), now)
    return h.take_records(held, records, words, start, len(records), shown, most_of_one, HOUR, SEED)


def gathered(held, *rows):
    numbers = np.array(rows)
    n = int(held.rows[numbers, h.COUNT].sum())
    words, row_of = np.empty((n, h.WORDS), np.int64), np.empty(n, np.int64)
    assert h.gather_records(held, numbers, words, row_of) == n
    return words.reshape(-1).view(held.records.dtype), row_of


def of_ports(*ports):
    records = np.repeat(record(), len(ports))
    records["source_transport_port"] = ports
    return records


def is_sound(held):
    """Every slot is in one chain, or free; counts say so; each row is found by its index."""
    used = [row for row in range(held.counts[h.ROWS]) if held.rows[row, h.COUNT]]
    seen = []
    for row in used:
        slot, n = held.rows[row, h.FIRST], 0
        while slot >= 0:
            seen.append(slot)
            last, n, slot = slot, n + 1, held.links[slot]
        assert (n, last) == (held.rows[row, h.COUNT], held.rows[row, h.LAST])
    slot = held.counts[h.FREE_SLOT]
    while slot >= 0:
        seen.append(slot)
        slot = held.links[slot]
    assert sorted(seen) == list(range(held.counts[h.SLOTS]))
    assert held.counts[h.HELD] == held.rows[used, h.COUNT].sum() == held.of_observer.sum()
    assert held.counts[h.OPEN] == len(used)
    assert np.count_nonzero(held.index) == len(used)
    return True


def test_both_directions_of_a_biflow_hang_together_in_the_order_in_which_they_came():
    held = h.new_held(100, 10)
    records = np.concatenate([talk(3), of_ports(50_000)])
    assert take(held, records) == (7, h.ALL)
    mine, row_of = gathered(held, 0)
    assert (mine == talk(3)).all()
    assert row_of.tolist() == [0] * 6
    row = held.rows[0]
    assert (row[h.COUNT], row[h.NEW], row[h.WAYS], row[h.ARRIVED]) == (6, 6, h.BOTH_WAYS, 5)
    assert (row[h.START_NS], row[h.END_NS]) == (START, START + 170 * 10**9)
    assert held.rows[1, h.COUNT] == 1
    assert held.rows[1, h.WAYS] != h.BOTH_WAYS
    assert is_sound(held)


def test_what_comes_after_a_long_silence_begins_anew():
    held = h.new_held(100, 10)
    for now, began in ((0, 0), (HOUR, 0), (2 * HOUR + 1, 2 * HOUR + 1)):
        held.rows[0, h.LOOK_NS] = 5
        take(held, talk(1), now=now)
        assert held.rows[0, h.BEGAN_NS] == began
    assert held.rows[0, h.LOOK_NS] == 0
    assert held.rows[0, h.SEEN_NS] == 2 * HOUR + 1
    assert held.rows[0, h.NEW_NS] == 0  # nobody has looked since the first


def test_what_the_gate_can_never_pass_takes_no_room():
    held = h.new_held(100, 10)
    records = np.concatenate(
        [record(protocol_identifier=17), record(firewall_event=DENIED), record()]
    )
    assert take(held, records) == (3, h.ALL)
    counts = held.counts
    assert (counts[h.TAKEN], counts[h.TCP], counts[h.DENIED_RECORDS], counts[h.HELD]) == (
        3,
        1,
        1,
        1,
    )


def test_where_there_is_no_room_it_says_which():
    held = h.new_held(4, 3)
    assert take(held, of_ports(1, 2, 3, 4)) == (3, h.NO_ROW)
    assert take(held, of_ports(1, 2)) == (1, h.NO_SLOT)
    assert is_sound(held)
    full = h.new_held(100, 10)
    assert take(full, of_ports(5, 6, 6, 6), most_of_one=2) == (3, h.ROW_IS_FULL)
    assert full.counts[h.FULL] == 1
    assert is_sound(full)


def test_what_is_forgotten_makes_room():
    held = h.new_held(6, 3)
    take(held, of_ports(1, 1, 2, 2, 3, 3))
    h.drop_rows(held, np.array([0, 2]))
    assert is_sound(held)
    assert take(held, of_ports(4, 2, 4, 5)) == (4, h.ALL)
    assert is_sound(held)
    assert sorted(held.rows[:, h.COUNT].tolist()) == [1, 2, 3]
    assert take(held, of_ports(9)) == (0, h.NO_SLOT)


def test_a_row_gets_fewer_records_and_knows_what_it_knew():
    held = h.new_held(20, 5)
    take(held, talk(5))
    take(held, of_ports(50_000))
    before = held.rows[0].copy()
    h.empty_row(held, 0)
    h.put_records(held, 0, talk(2).view(np.int64).reshape(-1, h.WORDS))
    assert held.rows[0, h.COUNT] == 4
    kept = [h.START_NS, h.END_NS, h.NEW, h.SEEN_NS, h.ARRIVED, h.WAYS, h.BEGAN_NS]
    assert held.rows[0, kept].tolist() == before[kept].tolist()
    assert is_sound(held)
    assert (gathered(held, 0)[0] == talk(2)).all()


def test_rows_come_back_from_another_process():
    held = h.new_held(50, 9)
    take(held, np.concatenate([talk(3), of_ports(50_000, 50_001, 50_000)]))
    h.drop_rows(held, np.array([1]))
    used = np.array([0, 2])
    words = np.ascontiguousarray(gathered(held, *used)[0]).view(np.int64).reshape(-1, h.WORDS)
    other = h.new_held(50, 9)
    h.restore_rows(other, held.rows[used], words, SEED)
    assert is_sound(other)
    assert take(other, talk(4)) == (8, h.ALL)
    assert other.rows[:2, h.COUNT].tolist() == [14, 1]
    assert is_sound(other)


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_taking_and_forgetting_leaves_it_sound(seed):
    random = np.random.default_rng(seed)
    held = h.new_held(300, 40)
    for _ in range(60):
        records = of_ports(*random.integers(1, 60, 25).tolist())
        at = 0
        while at < len(records):
            at, why = take(held, records, start=at)
            if why != h.ALL:
                used = np.flatnonzero(held.rows[:, h.COUNT] > 0)
                h.drop_rows(held, random.permutation(used)[: max(1, len(used) // 3)])
    assert is_sound(held)
    assert held.counts[h.TAKEN] == 60 * 25
