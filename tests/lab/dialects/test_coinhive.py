# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.lab.dialects.contract import MAX_BUFFER_OCTETS


def test_a_session(talk):
    said = talk("coinhive", login="A" * 32, difficulty=256.0, algorithm="cn/1").open()
    said.share()
    said.share()
    said.push()
    kinds = [(is_miner, json.loads(octets)["type"]) for is_miner, octets, _ in said.said]
    assert kinds == [
        (True, "auth"),
        (False, "authed"),
        (False, "job"),
        (True, "submit"),
        (False, "hash_accepted"),
        (True, "submit"),
        (False, "hash_accepted"),
        (False, "job"),
    ]
    messages = [json.loads(octets)["params"] for _, octets, _ in said.said]
    assert messages[0]["site_key"] == "A" * 32
    assert messages[1] == {"token": "", "hashes": 0}
    assert list(messages[2]) == ["job_id", "blob", "target"]
    assert [messages[4], messages[6]] == [{"hashes": 256}, {"hashes": 512}]
    assert not any(octets.endswith(b"\n") for _, octets, _ in said.said)


def test_a_bad_share_is_an_error(talk):
    said = talk("coinhive", reject_ratio=1.0).open()
    said.share()
    assert json.loads(said.said[-1][1]) == {"type": "error", "params": {"error": "invalid_share"}}
    assert said.miner.rejected == 1


def test_a_site_key_that_is_none_ends_the_session(talk):
    said = talk("coinhive")
    answer = said.pool.receive(b'{"type":"auth","params":{"site_key":""}}', said.work, 0.0)
    assert json.loads(answer[0])["params"] == {"error": "invalid_site_key"}
    assert not said.pool.is_logged_in
    with pytest.raises(ValueError, match="the pool refused: 'invalid_site_key'"):
        said.miner.receive(answer[0], 0.0)


def test_a_long_message_is_refused(talk):
    said = talk("coinhive").open()
    octets = b'{"type":"auth","params":{}}' + b" " * MAX_BUFFER_OCTETS
    with pytest.raises(ValueError, match="longer"):
        said.pool.receive(octets, said.work, 0.0)
    with pytest.raises(ValueError, match="longer"):
        said.miner.receive(octets, 0.0)


def test_no_share_before_the_login(talk):
    said = talk("coinhive")
    with pytest.raises(ValueError, match="no message of a miner"):
        said.pool.receive(b'{"type":"submit","params":{}}', said.work, 0.0)
