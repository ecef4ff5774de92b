# SPDX-License-Identifier: Apache-2.0
import json
from random import Random

import pytest

from minewatch.lab.dialects.contract import MinerSettings, PoolSettings
from minewatch.lab.dialects.http_messages import HttpReader, post, respond
from minewatch.lab.dialects.node_session import POLL_S, Node, NodeMiner


class SmallNode(Node):
    def call(self, method, params, work, now_s):
        if method != "work":
            raise NotImplementedError
        return params[0]


class SmallMiner(NodeMiner):
    work = None

    def poll(self):
        return b'{"method":"work","params":[7],"id":0}'

    def start(self, value):
        self.work = int(value)

    def found(self):
        return None if self.work is None else b'{"method":"work","params":[true],"id":1}'

    def is_good(self, value):
        return value is True


@pytest.fixture
def node():
    return SmallNode(PoolSettings(difficulty=10.0), Random(1))


@pytest.fixture
def miner():
    return SmallMiner(MinerSettings("user"), Random(1))


def ask(node, work, body):
    said = post(body, host="a", login="b", password="c", agent="d")
    (message,) = HttpReader().feed(b"".join(node.receive(said, work, 0.0)))
    return message


def test_a_question_and_its_answer(node, work):
    message = ask(node, work, b'{"method":"work","params":["x"],"id":3}')
    assert json.loads(message.body) == {"result": "x", "error": None, "id": 3}
    assert node.is_logged_in
    assert node.push(work, 1.0) == []


def test_who_has_no_account_is_refused(node, work):
    (answer,) = node.receive(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", work, 0.0)
    assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert not node.is_logged_in


def test_an_unknown_method_is_refused(node, work):
    message = ask(node, work, b'{"method":"stop","params":[],"id":3}')
    assert message.first_line == "HTTP/1.1 404 Not Found"
    assert json.loads(message.body)["error"]["message"] == "Method not found"


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"method":"work","params":[]}', b'{"id":[]}', b"not JSON"]
)
def test_a_body_of_the_wrong_shape_is_refused(node, work, body):
    with pytest.raises(ValueError):  # noqa: PT011
        ask(node, work, body)


def test_the_miner_asks_at_a_steady_pace(miner):
    assert len(miner.open(100.0)) == 1
    miner.receive(respond(b'{"result":7}', 0.0), 100.1)
    assert miner.next_tick_s == 100.0 + POLL_S
    assert miner.tick(104.9) == []
    assert len(miner.tick(105.0)) == 1
    assert miner.next_tick_s == 110.0
    assert miner.tick(110.0) == []  # the last question is not answered yet
    miner.receive(respond(b'{"result":8}', 0.0), 111.0)
    assert len(miner.tick(115.0)) == 1


def test_answers_come_in_the_order_of_questions(miner):
    assert miner.share(0.0) == []
    miner.open(0.0)
    miner.receive(respond(b'{"result":7}', 0.0), 0.0)
    assert b'"params":[true]' in miner.share(1.0)[0]
    miner.tick(5.0)
    miner.share(6.0)
    answers = [b'{"result":true}', b'{"result":9}', b'{"result":false}']
    miner.receive(b"".join(respond(answer, 0.0) for answer in answers), 7.0)
    assert (miner.accepted, miner.rejected, miner.work) == (1, 1, 9)


@pytest.mark.parametrize(
    "said",
    [
        respond(b"", 0.0, "401 Unauthorized"),
        respond(b"[]", 0.0),
        respond(b"{}", 0.0),
        respond(b'{"result":null}', 0.0),
        respond(b'{"result":1}', 0.0) * 2,
    ],
)
def test_a_wrong_answer_ends_the_session(miner, said):
    miner.open(0.0)
    with pytest.raises(ValueError):  # noqa: PT011  several reasons
        miner.receive(said, 0.0)


def test_options():
    settings = MinerSettings("u", options={"poll_s": 2, "agent": "x/1", "host": "n:1"})
    said = SmallMiner(settings, Random(1)).open(0.0)[0]
    assert b"User-Agent: x/1\r\n" in said
    assert b"Host: n:1\r\n" in said
    with pytest.raises(ValueError, match="poll_s must be above 0"):
        SmallMiner(MinerSettings("u", options={"poll_s": 0}), Random(1))
