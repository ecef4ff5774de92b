# SPDX-License-Identifier: Apache-2.0
import json
from collections import Counter

import pytest

from minewatch.lab.dialects.getblocktemplate import bits_text, transactions
from minewatch.lab.dialects.target import read_target


def mine(talk, seconds=600.0, **given):
    said = talk("getblocktemplate", **{"difficulty": 1e6, **given})
    return said.open().run(seconds, hash_rate=1e4)


def bodies(said, from_miner):
    return [
        json.loads(octets.partition(b"\r\n\r\n")[2])
        for is_miner, octets, _ in said.said
        if is_miner == from_miner
    ]


def test_a_poll_every_5_s_and_a_block_now_and_then(talk):
    said = mine(talk)
    methods = Counter(body["method"] for body in bodies(said, True))
    assert methods["getblocktemplate"] == 121
    assert 1 <= methods["submitblock"] == said.miner.accepted < 20
    assert said.miner.jobs == len(
        {b["result"]["longpollid"] for b in bodies(said, False) if b["result"]}
    )
    assert said.miner.jobs < 60


def test_sizes(talk):
    said = mine(talk)
    asks = [octets for _, octets, _ in said.said if b'"getblocktemplate"' in octets]
    assert {len(octets.partition(b"\r\n\r\n")[2]) for octets in asks} == {116}
    templates = [len(octets) for is_miner, octets, _ in said.said if not is_miner]
    assert max(templates) < 16_000


def test_a_template(talk):
    said = talk("getblocktemplate", difficulty=2.0**32).open()
    template = bodies(said, False)[0]["result"]
    assert template["previousblockhash"] == said.work.previous_hash.hex()
    assert template["height"] == said.work.height
    assert template["curtime"] == int(said.now_s)
    assert read_target(template["target"]) == pytest.approx(2.0**32)
    assert template["bits"] == "1d00ffff"


def test_all_who_ask_get_the_same_transactions(talk, work):
    assert transactions(work) == transactions(work)
    one, two = (bodies(talk("getblocktemplate", seed=4).open(), False)[0] for _ in range(2))
    assert one["result"]["transactions"] == two["result"]["transactions"]


def test_a_block_holds_the_templates_transactions(talk):
    said = mine(talk, 3_000.0)
    blocks = [b["params"][0] for b in bodies(said, True) if b["method"] == "submitblock"]
    counts = [bytes.fromhex(block)[80] for block in blocks]
    assert len(set(counts)) > 2
    assert all(
        len(block) > 160 + 300 + 380 * (count - 1)
        for block, count in zip(blocks, counts, strict=True)
    )


def test_a_late_block_is_refused_in_bitcoins_words(talk):
    said = talk("getblocktemplate", reject_ratio=1.0).open()
    said.share()
    assert bodies(said, False)[-1]["result"] == "high-hash"
    late = talk("getblocktemplate").open()
    block = late.miner.share(late.now_s)
    while late.work.height == 3_300_000:
        late.push()
    late.pool.receive(late.said[0][1], late.work, late.now_s)
    late.from_miner(block)
    assert bodies(late, False)[-1]["result"] == "stale-prevblk"


@pytest.mark.parametrize("difficulty", [1e3, 65536.0, 2.0**40, 1e12])
def test_bits_are_the_target(difficulty):
    bits = int(bits_text(difficulty), 16)
    target = (bits & 0x7FFFFF) << 8 * ((bits >> 24) - 3)
    assert 2**256 / target == pytest.approx(difficulty, rel=1e-4)
