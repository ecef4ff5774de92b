# SPDX-License-Identifier: Apache-2.0
"""Queues over rings that are played: what the kernel hands over when is the test's choice."""

import pytest

from minewatch.readers.live.blocks import SETTLE_S, BlockQueue, mergeable, settled_at
from minewatch.readers.live.ring import Block, Statistics


class PlayedRing:
    """Eight blocks; those in ``ready`` belong to the reader."""

    def __init__(self, *ready):
        self.blocks = 8
        self.ready = set(ready)
        self.asked = 0

    def is_ready(self, number):
        return number in self.ready

    def block(self, number):
        self.asked += 1
        return Block(3, number * 100 + 48, number * 100 + 90)

    def release(self, number):
        self.ready.remove(number)

    def statistics(self):
        return Statistics(5, 2, 1)


@pytest.fixture
def queue():
    return BlockQueue(PlayedRing(0, 1, 3))


def test_blocks_are_noticed_in_order_and_keep_their_time(queue):
    assert queue.since_s is None
    queue.notice(10.0)
    queue.notice(11.0)
    assert queue.since_s == 10.0
    queue.ring.ready.add(2)
    queue.notice(12.0)
    seen = []
    for _ in range(4):
        seen.append((queue.since_s, queue.rest().first))
        queue.use(0, 0)
    assert seen == [(10.0, 48), (10.0, 148), (12.0, 248), (12.0, 348)]
    assert queue.since_s is None
    assert queue.ring.ready == set()


def test_a_block_may_be_read_in_parts(queue):
    queue.notice(1.0)
    queue.use(2, 60)
    assert queue.rest() == Block(2, 60, 90)
    assert 0 in queue.ring.ready
    queue.use(0, 90)
    assert 0 not in queue.ring.ready
    assert queue.rest() == Block(3, 148, 190)


def test_a_full_ring_goes_round_once(queue):
    queue.ring.ready = set(range(8))
    queue.notice(1.0)
    for _ in range(8):
        queue.use(0, 0)
    assert queue.since_s is None
    queue.ring.ready = {0}
    queue.notice(2.0)
    assert queue.rest().first == 48


def test_counts_are_added(queue):
    queue.count()
    queue.count()
    counters = queue.counters
    assert (counters.received, counters.dropped, counters.freezes) == (10, 4, 2)


def test_one_interface_never_waits(queue):
    assert mergeable([queue], 1.0) == []
    assert settled_at([queue]) is None
    queue.notice(1.0)
    assert mergeable([queue], 1.0) == [queue]


def test_a_silent_interface_is_waited_for_until_it_cannot_have_an_earlier_packet(queue):
    silent = BlockQueue(PlayedRing())
    queue.notice(1.0)
    assert settled_at([queue, silent]) == 1.0 + SETTLE_S
    assert mergeable([queue, silent], 1.0 + 0.9 * SETTLE_S) == []
    assert mergeable([queue, silent], 1.0 + SETTLE_S) == [queue]


def test_all_that_have_a_block_are_merged(queue):
    other = BlockQueue(PlayedRing(0))
    queue.notice(1.0)
    other.notice(1.1)
    assert mergeable([queue, other], 1.1) == [queue, other]


def test_an_interface_that_is_down_is_not_waited_for(queue):
    down = BlockQueue(PlayedRing())
    down.down_since_s = 0.5
    queue.notice(1.0)
    assert mergeable([queue, down], 1.0) == [queue]


def test_there_is_no_waiting_when_a_ring_gets_full(queue):
    silent = BlockQueue(PlayedRing())
    queue.ring.ready = set(range(4))
    queue.notice(1.0)
    assert not queue.is_crowded
    assert mergeable([queue, silent], 1.0) == []
    queue.ring.ready = set(range(5))
    queue.notice(1.0)
    assert queue.is_crowded
    assert mergeable([queue, silent], 1.0) == [queue]
