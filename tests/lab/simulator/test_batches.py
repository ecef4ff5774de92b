# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

import scripted
from minewatch.lab.simulator.batches import MAX_PACKETS, expected_packets, parts
from minewatch.lab.simulator.pcap import packetize
from scripted import SEED, Talk

TALKS = [
    Talk([(0.1 + i, bool(i % 2), 100 * i * n) for i in range(n)], keepalive_s=20, seconds=200.0)
    for n in (3, 0, 12, 1, 7)
]


def test_rather_too_many_packets_are_expected():
    said = scripted.script(*TALKS)
    real = np.bincount(packetize(said, SEED).conversation, minlength=5)
    expected = expected_packets(said)
    assert (expected >= real).all()
    assert (expected < 3 * real + 20).all()


@pytest.mark.parametrize(("size", "n"), [(1, 5), (10**6, 1), (100, 3)])
def test_parts_are_whole_conversations_in_order(size, n):
    said = scripted.script(*TALKS)
    cut = list(parts(said, size))
    assert len(cut) == n
    assert sum(len(part.conversations.start_s) for part in cut) == 5
    octets = [part.messages.octets for part in cut]
    assert np.array_equal(np.concatenate(octets), said.messages.octets)
    for part in cut:
        assert part.blob is said.blob
        if len(part.messages.conversation):
            assert part.messages.conversation.max() < len(part.conversations.start_s)


def test_one_conversation_that_would_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"conversation 1: about \d+ packets, at most"):
        next(parts(scripted.script(Talk(), Talk([(0.1, False, MAX_PACKETS * 1448)]))))


def test_long_conversations_share_no_part():
    long = [Talk(seconds=390 * 86_400.0) for _ in range(60)]
    assert len(list(parts(scripted.script(*long)))) > 1
