# SPDX-License-Identifier: Apache-2.0
"""The memory itself; what fragments come to is in `test_decode.py`."""

import numpy as np
import pytest

from minewatch import types
from minewatch.metering.fragments import (
    FRAGMENT_LIFE_NS,
    FRAGMENT_SLOTS,
    fragment_slot,
    recall_fragment,
    remember_fragment,
)


@pytest.fixture
def fragments():
    return np.zeros((FRAGMENT_SLOTS, 8), np.int64)


def packet(**changes):
    columns = np.zeros((1, types.PACKET_WORDS), np.int64)
    given = {
        "time": 1_000,
        "source_low": 0xFFFF_0A00_0001,
        "destination_low": 0xFFFF_0A00_0002,
        "source_port": 0,
        "destination_port": 0,
        "protocol": 17,
        **changes,
    }
    for name, value in given.items():
        columns[0, getattr(types, f"P_{name.upper()}")] = value
    return columns


FIRST = {"source_port": 50_000, "destination_port": 65_535}


def test_ports_come_back(fragments):
    remember_fragment(packet(**FIRST), 0, 7, fragments)
    later = packet(time=1_000 + FRAGMENT_LIFE_NS)
    assert recall_fragment(later, 0, 7, fragments)
    assert later[0, types.P_SOURCE_PORT] == 50_000
    assert later[0, types.P_DESTINATION_PORT] == 65_535
    assert later[0, types.P_PROTOCOL] == 17


@pytest.mark.parametrize(
    "changes",
    [
        {"source_high": 1},
        {"source_low": 0xFFFF_0A00_0003},
        {"destination_high": 1},
        {"destination_low": 0xFFFF_0A00_0003},
        {"protocol": 6},
        {"time": 1_001 + FRAGMENT_LIFE_NS},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_nothing_comes_back_for_another_datagram(fragments, changes):
    remember_fragment(packet(**FIRST), 0, 7, fragments)
    later = packet(**changes)
    before = later.copy()
    assert not recall_fragment(later, 0, 7, fragments)
    assert (later == before).all()
    assert not recall_fragment(packet(), 0, 8, fragments)


def test_a_slot_holds_the_latest_datagram(fragments):
    """Direct-mapped: an older datagram in the same slot is forgotten, never confused."""
    columns = packet(**FIRST)
    slot = fragment_slot(columns, 0, 7)
    other = next(i for i in range(8, 100_000) if fragment_slot(columns, 0, i) == slot)
    remember_fragment(columns, 0, 7, fragments)
    remember_fragment(packet(source_port=1), 0, other, fragments)
    assert not recall_fragment(packet(), 0, 7, fragments)
    assert recall_fragment(packet(), 0, other, fragments)


def test_slots_are_inside_the_memory_and_spread(fragments, rng):
    slots = []
    for identification in rng.integers(0, 2**32, 4000).tolist():
        low = int(rng.integers(-(2**63), 2**63 - 1))
        slots.append(fragment_slot(packet(source_low=low), 0, identification))
    assert min(slots) >= 0
    assert max(slots) < FRAGMENT_SLOTS
    assert len(set(slots)) > 2200  # 4000 random draws of 4096 leave about 2550 distinct
