# SPDX-License-Identifier: Apache-2.0
import json
from random import Random

import pytest

from minewatch.lab.dialects import DIALECTS
from minewatch.lab.dialects.contract import MinerSettings
from minewatch.lab.dialects.cryptonote_messages import FAKE_WALLET

COINS = ("DOGE", "ETC", "ETH", "RVN", "XMR")
START_S = 1_795_547_393.0


def test_a_session_of_xmrig(talk):
    said = talk("cryptonote", difficulty=400.0).open()
    said.push()
    said.share()
    said.tick()
    lines = [(is_miner, json.loads(octets)) for is_miner, octets, _ in said.said]
    kinds = [(is_miner, message.get("method")) for is_miner, message in lines]
    assert kinds == [
        (True, "login"),
        (False, None),
        (False, "job"),
        (True, "submit"),
        (False, None),
        (True, "keepalived"),
        (False, None),
    ]
    assert [message["id"] for _, message in lines if "id" in message] == [1, 1, 2, 2, 3, 3]
    assert lines[-1][1]["result"] == {"status": "KEEPALIVED"}
    assert [len(octets) for _, octets, _ in said.said] == [568, 504, 376, 243, 63, 98, 71]


def test_a_sign_of_life_comes_60_to_61_s_after_the_last_word(talk):
    said = talk("cryptonote", difficulty=1e7).open().run(7_200.0, hash_rate=1e5)
    times = [(octets, at_s) for is_miner, octets, at_s in said.said if is_miner]
    gaps = [
        at_s - times[i - 1][1] for i, (octets, at_s) in enumerate(times) if b"keepalived" in octets
    ]
    assert len(gaps) > 30
    assert all(60.0 <= gap <= 61.001 for gap in gaps)
    assert max(gaps) - min(gaps) > 0.3
    phases = {round(at_s % 1, 3) for octets, at_s in times if b"keepalived" in octets}
    assert len(phases) == 1


@pytest.mark.parametrize("name", ["cryptonote-p2pool", "cryptonote-f2pool"])
def test_pools_that_do_not_offer_it_get_no_sign_of_life(talk, name):
    said = talk(name, difficulty=1e12).open().run(600.0)
    assert said.messages(True, b"keepalived") == []
    assert talk(name, miner_options={"keepalive": True}).open().miner.next_tick_s < START_S + 61.1


@pytest.mark.parametrize("ticker", COINS)
def test_multi_coin_logins(talk, ticker):
    wallet = f"{ticker}:DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L.rig2#abcd-1234"
    said = talk("cryptonote-multicoin", login=wallet).open()
    said.push()
    login = said.messages(True, b"login")[0]["params"]
    assert login["login"] == wallet
    assert "rigid" not in login
    assert said.sizes(False) == [531, 403]
    named = talk("cryptonote-multicoin", login=wallet.partition(".")[0]).open()
    assert named.messages(True)[0]["params"]["login"].endswith("mr7L.vps0")


def test_multi_algorithm_pools_send_longer_jobs(talk):
    said = talk("cryptonote-multicoin", login=FAKE_WALLET).open()
    said.push()
    assert said.sizes(True) == [568]
    assert said.sizes(False) == [564, 436]


def test_a_pool_names_its_algorithm(talk):
    said = talk("cryptonote", algorithm="rx/wow").open()
    assert said.messages(False)[0]["result"]["job"]["algo"] == "rx/wow"
    said.share()
    assert said.messages(True)[-1]["params"]["algo"] == "rx/wow"


def test_a_proxy_gives_each_worker_a_part_of_the_nonces(talk):
    workers = [talk("cryptonote-proxy", seed=seed, difficulty=50.0).open() for seed in range(8)]
    octets = set()
    for said in workers:
        for _ in range(3):
            said.share()
            said.push()
        nonces = [share["params"]["nonce"] for share in said.messages(True, b"submit")]
        assert len({nonce[6:] for nonce in nonces}) == 1
        octets.add(nonces[0][6:])
        assert said.miner.accepted == 3
    assert len(octets) > 4


def test_a_proxy_refuses_a_foreign_nonce(talk):
    said = talk("cryptonote-proxy", difficulty=50.0).open()
    share = json.loads(said.miner.share(said.now_s)[0])
    own = int(share["params"]["nonce"][6:], 16)
    share["params"]["nonce"] = "000000" + f"{own ^ 1:02x}"
    answers = said.pool.receive(json.dumps(share).encode() + b"\n", said.work, said.now_s)
    assert b"Low difficulty share" in answers[0]


def test_nonces_grow_with_the_hashes_tried(talk):
    said = talk("cryptonote", difficulty=50.0).open()
    nonces = []
    for _ in range(4):
        said.share()
        said.share()
        said.now_s += 2.0
        nonces += said.messages(True, b"submit")[-2:]
    values = [int.from_bytes(bytes.fromhex(share["params"]["nonce"]), "little") for share in nonces]
    assert values == sorted(set(values))
    assert values[-1] == pytest.approx(60_000, abs=10)


def test_each_refusal_has_its_words(talk):
    said = talk("cryptonote", difficulty=1e6).open()
    good = json.loads(said.miner.share(said.now_s)[0])
    worker = good["params"]["id"]

    def told(**params):
        message = good | {"params": good["params"] | params}
        line = json.dumps(message).encode() + b"\n"
        return json.loads(said.pool.receive(line, said.work, said.now_s)[0])["error"]["message"]

    assert told(result="ff" * 32) == "Low difficulty share"
    assert told(result="zz") == "Low difficulty share"
    assert told(job_id="unknown") == "Block expired"
    assert told(id="other") == "Unauthenticated"
    assert (said.pool.accepted, said.pool.rejected) == (0, 3)
    assert worker


def test_a_refused_login_ends_the_session():
    miner = DIALECTS["cryptonote"].miner(MinerSettings("wallet"), Random(1))
    miner.open(0.0)
    refusal = b'{"id":1,"jsonrpc":"2.0","error":{"code":-1,"message":"Invalid address"}}\n'
    with pytest.raises(ValueError, match=r"refused the login.*Invalid address"):
        miner.receive(refusal, 0.0)


def test_options_of_the_login(talk):
    said = talk("cryptonote", miner_options={"agent": "x/1", "algorithms": "rx/0 kawpow"}).open()
    params = said.messages(True)[0]["params"]
    assert (params["agent"], params["algo"]) == ("x/1", ["rx/0", "kawpow"])


def test_shares_in_octets_at_f2pool(talk):
    said = talk("cryptonote-f2pool", difficulty=1e4).open().run(300.0)
    assert set(said.sizes(True, b"submit")) <= set(range(182, 187))
    assert set(said.sizes(False, b'"job"')) & {378}
    assert said.messages(True)[0]["params"]["login"].endswith(".vps0")
