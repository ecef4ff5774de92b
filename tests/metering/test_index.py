# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metered import Packet, fill_batch
from minewatch.metering.index import find_row, hash_key, insert_index, remove_index
from minewatch.metering.state import A_HIGH, A_LOW, B_HIGH, B_LOW, KEY_TAIL, ROW_WORDS
from minewatch.types import P_KEY_TAIL, PacketBatch

SLOTS = 16
# Homes that collide, that wrap around the end, and hashes that differ in the upper bits only.
HASHES = [0, 1, 1, 14, 15, 15, 0xFFFF_FFFF, 0xFFFF_FFF0, 0x8000_0000, SLOTS, SLOTS + 15]


def found(index, rows, tails, hashed, number):
    """Look the biflow ``number`` up by its key."""
    columns = PacketBatch().columns[:1]
    packet = Packet(0, hashed=hashed)
    batch = PacketBatch()
    batch.columns = columns
    fill_batch(batch, [packet])
    columns[0, P_KEY_TAIL] = tails[number]
    return find_row(index, rows, columns, 0)


def new_rows():
    """Rows whose keys differ in the ports only, as the packet's addresses are the same."""
    rows = np.zeros((SLOTS, ROW_WORDS), np.int64)
    tails = [(1 + number) << 32 | 6 for number in range(SLOTS)]
    rows[:, A_LOW], rows[:, B_LOW] = 0xFFFF_0A00_0001, 0xFFFF_C633_6407
    rows[:, A_HIGH] = rows[:, B_HIGH] = 0
    rows[:, KEY_TAIL] = tails
    return rows, tails


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(HASHES), min_size=SLOTS - 2, max_size=SLOTS - 2),
    st.lists(st.integers(0, SLOTS - 3), max_size=60),
)
def test_the_index_is_a_dict(hashes, turns):
    """Each turn puts a row in or, if it is in, takes it out; what is in is always found."""
    rows, tails = new_rows()
    index = np.zeros(SLOTS, np.int64)
    inside = set()
    for number in turns:
        if number in inside:
            remove_index(index, hashes[number], number)
            inside.remove(number)
        else:
            insert_index(index, hashes[number], number)
            inside.add(number)
        assert np.count_nonzero(index) == len(inside)
        for candidate in range(SLOTS - 2):
            expected = candidate if candidate in inside else -1
            assert found(index, rows, tails, hashes[candidate], candidate) == expected


@pytest.mark.parametrize("word", [A_HIGH, A_LOW, B_HIGH, B_LOW, KEY_TAIL])
def test_equal_hashes_are_told_apart_by_every_word_of_the_key(word):
    rows, tails = new_rows()
    index = np.zeros(SLOTS, np.int64)
    insert_index(index, 5, 0)
    assert found(index, rows, tails, 5, 0) == 0
    rows[0, word] += 1
    assert found(index, rows, tails, 5, 0) == -1


def test_hashes_are_32_bits_and_depend_on_everything():
    key = [1, 2, 3, 4, 5]
    one = hash_key(*key, 6)
    assert 0 <= one < 1 << 32
    for at in range(5):
        other = list(key)
        other[at] += 1
        assert hash_key(*other, 6) != one
    assert hash_key(*key, 7) != one


def test_nobody_can_choose_addresses_that_share_a_slot():
    """Pairs of halves that agree in any one sum or difference would make a chain of all."""
    n = 2000
    numbers = [1 + 7919 * i for i in range(n)]
    inverse = pow(31, -1, 1 << 64)
    families = {
        "xor times 31": [(k, (k ^ 5) * inverse) for k in numbers],
        "xor": [(k, k ^ 5) for k in numbers],
        "sum": [(k, -k) for k in numbers],
        "one": [(k, 0) for k in numbers],
        "other": [(0, k) for k in numbers],
    }
    for name, pairs in families.items():
        for place in ((0, 2), (1, 3), (0, 1), (2, 3)):
            hashes = set()
            for pair in pairs:
                key = [9, 9, 9, 9]
                for at, value in zip(place, pair, strict=True):
                    key[at] = (value + (1 << 63)) % (1 << 64) - (1 << 63)
                hashes.add(hash_key(*key, 6, 99))
            assert len(hashes) > 0.99 * n, (name, place)


def test_hashes_of_neighbours_spread(rng):
    """Ports and addresses that count up must not meet in the low bits."""
    slots = np.zeros(4096, np.int64)
    for number in range(20_000):
        address, port = 0xFFFF_0A00_0000 + number % 200, 1024 + number // 200
        hashed = hash_key(0, address, 0, 0xFFFF_C633_6407, (port << 32) | (443 << 16) | 6, 99)
        slots[hashed % 4096] += 1
    # Poisson with mean 4.9: more than 20 in a slot has a probability of 1e-7.
    assert slots.max() <= 20
    assert np.count_nonzero(slots == 0) < 80
