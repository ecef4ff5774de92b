# SPDX-License-Identifier: Apache-2.0
import ipaddress
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from minewatch.address import halves_of
from minewatch.allow.entries import Ends, Entry, Known, end_of_day, ranges_of

NEAR, FAR = halves_of("10.0.0.5"), halves_of("203.0.113.7")
ENDS = Ends(NEAR, FAR, 3333, names=("eu.pool.example",), tags=("lab",))
ENTRY = Entry("o", "r", 1000, "2027-01-01", "a.toml:1")


@pytest.mark.parametrize(
    ("met", "missed"),
    [
        ({"host": NEAR}, {"host": FAR}),
        (
            {"network": ranges_of([ipaddress.ip_network("10.0.0.0/24")])},
            {"network": ranges_of([ipaddress.ip_network("203.0.113.0/24")])},
        ),
        ({"tag": "lab"}, {"tag": "gpu"}),
        ({"pool_address": FAR}, {"pool_address": NEAR}),
        ({"pool_name": "pool.example"}, {"pool_name": "ol.example"}),
        ({"pool_name": "eu.pool.example"}, {"pool_name": "us.eu.pool.example"}),
        ({"pool_port": 3333}, {"pool_port": 443}),
    ],
)
def test_each_key_asks_its_end(met, missed):
    assert replace(ENTRY, **met).is_met(ENDS)
    assert not replace(ENTRY, **missed).is_met(ENDS)
    assert not replace(ENTRY, **(met | missed)).is_met(ENDS)


def test_several_keys_narrow():
    both = replace(ENTRY, host=NEAR, pool_address=FAR, pool_port=3333)
    assert both.is_met(ENDS)
    assert not both.is_met(replace(ENDS, far_port=443))


def test_a_name_does_not_meet_a_far_end_without_one():
    assert not replace(ENTRY, pool_name="pool.example").is_met(replace(ENDS, names=()))


def test_an_entry_holds_until_its_end():
    assert ENTRY.holds(999)
    assert not ENTRY.holds(1000)


def test_what_holds_comes_before_what_expired():
    old = replace(ENTRY, host=NEAR, expires_ns=10, owner="old")
    older = replace(old, expires_ns=5, owner="older")
    valid = replace(old, expires_ns=100, owner="valid")
    other = replace(old, host=FAR, expires_ns=100)
    assert Known([older, old, other, valid]).allowance(ENDS, 50) == valid
    assert Known([older, old, other]).allowance(ENDS, 50) == old
    assert Known([other]).allowance(ENDS, 50) is None
    assert Known().allowance(ENDS, 50) is None


def test_the_named_day_counts_whole():
    end = end_of_day(datetime(2027, 1, 31, tzinfo=UTC))
    assert end == int(datetime(2027, 2, 1, tzinfo=UTC).timestamp()) * 10**9
