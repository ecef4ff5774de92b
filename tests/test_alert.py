# SPDX-License-Identifier: Apache-2.0
"""Ids of alerts are stable, and blocks are possible ones."""

import pytest

from minewatch.alert import Block, alert_id

BLOCK = ("a" * 32, "10.0.0.5", "203.0.113.9", 3333, 6, 3600)


def test_each_part_of_an_alert_makes_another_id():
    parts = ("10.0.0.5", "203.0.113.9", 443, 17)
    others = [("10.0.0.6",), ("203.0.113.8",), (444,), (18,)]
    ids = {alert_id(*parts)}
    for i, (other,) in enumerate(others):
        ids.add(alert_id(*parts[:i], other, *parts[i + 1 :]))
    assert len(ids) == 5
    assert all(len(one) == 32 for one in ids)


@pytest.mark.parametrize(("seconds", "port"), [(0, 3333), (2_592_001, 3333), (60, 0), (60, 65_536)])
def test_an_impossible_block_is_refused(seconds, port):
    with pytest.raises(ValueError, match=r"seconds|pool_port"):
        Block(*BLOCK[:3], port, 6, seconds)


def test_a_block_is_what_it_was_made_of():
    assert Block(*BLOCK).pool_port == 3333
