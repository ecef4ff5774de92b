# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from random import Random

import pytest

from minewatch.lab.dialects.contract import MAX_BUFFER_OCTETS
from minewatch.lab.dialects.sv2_frames import FrameReader, Seal, frame

ACT = bytes(range(64))


def reader():
    made = FrameReader(0)
    made.unlock(Seal(ACT, "miner"))
    return made


def drain(made):
    found = []
    while (one := made.next_frame()) is not None:
        found.append(one)
    return found


@pytest.mark.parametrize("size", [1, 5, 37, 5_000])
def test_frames_in_pieces(size):
    seal = Seal(ACT, "miner")
    payloads = [b"", b"a", b"share" * 30, bytes(1_000)]
    said = b"".join(frame(seal, 20 + i, payload) for i, payload in enumerate(payloads))
    made, found = reader(), []
    for start in range(0, len(said), size):
        made.feed(said[start : start + size])
        found += drain(made)
    assert found == [(20 + i, payload) for i, payload in enumerate(payloads)]


def test_a_frame_is_38_octets_longer_than_its_payload():
    assert [len(frame(Seal(ACT, "pool"), 1, bytes(n))) for n in (0, 6, 24)] == [38, 44, 62]


def test_the_act_comes_first_and_once():
    made = FrameReader(64)
    made.feed(ACT[:63])
    assert made.act() is None
    made.feed(ACT[63:] + b"more")
    assert made.act() == ACT
    assert made.act() is None
    assert made.next_frame() is None  # nobody can read what follows yet


def test_octets_look_random_and_never_repeat():
    seal = Seal(ACT, "miner")
    hidden = b"".join(seal.hide(bytes(500)) for _ in range(40))
    counts = Counter(hidden)
    assert len(counts) == 256
    assert max(counts.values()) < 2 * min(counts.values()) + 40
    assert len({seal.hide(bytes(16)) for _ in range(100)}) == 100
    assert Seal(ACT, "pool").hide(bytes(16)) != Seal(ACT, "miner").hide(bytes(16))
    assert Seal(ACT[::-1], "pool").hide(bytes(16)) != Seal(ACT, "pool").hide(bytes(16))


@pytest.mark.parametrize("place", [0, 5, 21, 22, 40, 59])
def test_one_changed_bit_is_noticed(place):
    said = bytearray(frame(Seal(ACT, "miner"), 3, bytes(22)))
    said[place] ^= 1
    made = reader()
    made.feed(bytes(said))
    with pytest.raises(ValueError, match="not sealed"):
        drain(made)


def test_a_frame_out_of_order_is_noticed():
    seal = Seal(ACT, "miner")
    _, second = frame(seal, 1, b"a"), frame(seal, 1, b"b")
    made = reader()
    made.feed(second)
    with pytest.raises(ValueError, match="not sealed"):
        drain(made)


def test_a_long_frame_is_refused_before_it_comes():
    made = reader()
    made.feed(frame(Seal(ACT, "miner"), 1, Random(1).randbytes(MAX_BUFFER_OCTETS + 1))[:22])
    with pytest.raises(ValueError, match="longer than 65536"):
        made.next_frame()
