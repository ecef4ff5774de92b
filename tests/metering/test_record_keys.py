# SPDX-License-Identifier: Apache-2.0
"""A biflow has one key, whichever side a record names first."""

import numpy as np
import pytest

from made_up_records import record
from minewatch.metering.record_keys import (
    directions,
    group_records,
    is_same_biflow,
    is_swapped,
    record_hash,
    tie_keys,
)
from minewatch.records import DENIED, RECORD

FIELDS = [
    ("source_address_high", 1),
    ("source_address_low", 5),
    ("destination_address_high", 1),
    ("destination_address_low", 5),
    ("source_transport_port", 5),
    ("destination_transport_port", 5),
    ("protocol_identifier", 17),
]


def test_both_directions_are_one_biflow():
    both = np.concatenate([record(), record(back=True)])
    assert is_same_biflow(both, 0, 1)
    assert record_hash(both, 0, 9) == record_hash(both, 1, 9)
    assert is_swapped(both, 0) != is_swapped(both, 1)
    assert record_hash(both, 0, 9) != record_hash(both, 0, 10)


@pytest.mark.parametrize(("name", "value"), FIELDS)
@pytest.mark.parametrize("back", [False, True])
def test_each_part_of_the_key_counts(name, value, back):
    both = np.concatenate([record(), record(back=back, **{name: value})])
    assert not is_same_biflow(both, 0, 1)
    assert record_hash(both, 0, 9) != record_hash(both, 1, 9)


def test_an_end_is_the_greater_by_address_then_by_port():
    ends = {
        "source_address_low": 7,
        "destination_address_low": 7,
        "source_transport_port": 2,
        "destination_transport_port": 1,
    }
    assert is_swapped(record(**ends), 0)
    assert not is_swapped(record(**{**ends, "source_address_low": 6}), 0)
    assert not is_swapped(record(**{**ends, "destination_address_high": 1}), 0)
    # Addresses are unsigned.
    assert is_swapped(record(**{**ends, "source_address_high": 1 << 63}), 0)


@pytest.mark.parametrize(("back", "one_way"), [(False, 1), (True, 2)])
def test_directions_of_which_a_record_tells(back, one_way):
    assert directions(record(back=back), 0) == one_way
    assert directions(record(back=back, reverse_packet_delta_count=0), 0) == 3
    assert directions(record(back=back, reverse_octet_delta_count=0), 0) == 3


def test_keys_for_ties_are_those_of_biflows_and_the_same_in_every_run():
    records = np.repeat(record(), 500)
    records["source_transport_port"] = 40_000 + np.arange(500)
    keys = tie_keys(np.concatenate([records, record(back=True)]))
    assert len(set(keys.tolist())) == 500
    assert keys[500] == keys[0] == 8_830_784_331_439_239_832


def test_records_of_a_group_stand_together_and_denied_ones_are_left_out():
    records = np.repeat(record(), 200)
    records["source_transport_port"] = np.arange(200)
    records["firewall_event"][::10] = DENIED
    words = records.view(np.int64).reshape(200, -1)
    grouped, counts = np.zeros_like(words), np.zeros(8, np.int64)
    group_records(records, words, grouped, counts)
    assert counts.sum() == 180
    assert (counts > 0).all()
    found = grouped[:180].reshape(-1).view(RECORD)
    kept = set(range(200)) - set(range(0, 200, 10))
    assert set(found["source_transport_port"].tolist()) == kept
    assert not grouped[180:].any()
    again, same = np.zeros_like(words), np.zeros(8, np.int64)
    group_records(records[::-1].copy(), words[::-1].copy(), again, same)
    assert same.tolist() == counts.tolist()
