# SPDX-License-Identifier: Apache-2.0
from collections import Counter

import pytest

from minewatch.lab.dialects.sv2 import short_text
from minewatch.lab.dialects.sv2_frames import Seal, frame


def test_the_sizes_of_a_session(talk):
    said = talk("stratum-v2", login="user", difficulty=1e4).open()
    said.share()
    sizes = [(is_miner, len(octets)) for is_miner, octets, _ in said.said]
    assert sizes == [
        (True, 64),
        (False, 234),
        (True, 38 + 29 + len("pool.example") + len("Bitmain901abcX") + len("vps0") - 13),
        (False, 44),
        (True, 38 + 41 + len("user.vps0")),
        (False, 38 + 4 + 4 + 32 + 9 + 4),
        (False, 83),
        (False, 86),
        (True, 62),
        (False, 58),
    ]


def test_later_frames(talk):
    said = talk("stratum-v2", difficulty=1e3, share_target_s=10.0, reject_ratio=0.1)
    said.open().run(1_200.0, hash_rate=1e3)
    sent = Counter(said.sizes(True)[3:])
    got = Counter(said.sizes(False)[3:])
    assert set(sent) == {62}
    # Answers, jobs of new blocks and of refreshes, targets; refusals have words.
    assert got.keys() == {58, 83, 86, 87, 74, 38 + 8 + 1 + len("difficulty-too-low")}
    assert got[83] == got[86]
    assert got[58] == said.miner.accepted


def test_a_new_target_precedes_its_job(talk):
    said = talk("stratum-v2", difficulty=1e3, share_target_s=10.0).open().run(900.0, hash_rate=1e4)
    sizes = said.sizes(False)
    assert sizes.count(74) > 2
    assert all(sizes[i + 1] in (83, 87) for i, size in enumerate(sizes) if size == 74)


def test_frames_before_their_time_are_refused(talk):
    said = talk("stratum-v2")
    act = said.miner.open(said.now_s)[0]
    said.pool.receive(act, said.work, said.now_s)
    share = frame(Seal(act, "miner"), 0x1A, bytes(24))
    with pytest.raises(ValueError, match="no frame of a miner"):
        said.pool.receive(share, said.work, said.now_s)


@pytest.mark.parametrize("kind", [0x10, 0x11, 0x15, 0x20, 0x21, 0x7F])
def test_short_and_unknown_frames_are_refused(talk, kind):
    said = talk("stratum-v2")
    act = said.miner.open(said.now_s)[0]
    said.pool.receive(act, said.work, said.now_s)
    said.miner.receive(bytes(234), said.now_s)
    with pytest.raises(ValueError, match=r"frame of a miner|miner's frame"):
        said.pool.receive(frame(Seal(act, "miner"), kind, b"\x01"), said.work, said.now_s)
    with pytest.raises(ValueError, match=r"frame of a pool|pool's frame|not a target"):
        said.miner.receive(frame(Seal(act, "pool"), kind, b"\x01"), said.now_s)


def test_texts_have_at_most_255_octets():
    assert short_text("é") == b"\x02\xc3\xa9"
    with pytest.raises(ValueError, match="at most 255"):
        short_text("a" * 256)
