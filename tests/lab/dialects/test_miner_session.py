# SPDX-License-Identifier: Apache-2.0
import math
from random import Random

import pytest

from minewatch.lab.dialects.contract import MinerSettings
from minewatch.lab.dialects.miner_session import MAX_ASKED, LineMiner


class Echo(LineMiner):
    """Answers each message with its name."""

    def open(self, now_s):
        return []

    def take(self, message, now_s):
        return [message["name"].encode()]

    def share(self, now_s):
        return []


def echo(**options):
    return Echo(MinerSettings("login", options=options), Random(1))


def test_it_begins_with_nothing():
    miner = echo()
    assert (miner.accepted, miner.rejected, miner.jobs, miner.difficulty) == (0, 0, 0, None)
    assert miner.next_tick_s == math.inf
    assert miner.tick(1e12) == []


def test_answers_find_their_questions_once():
    miner = echo()
    assert miner.expect(7, "login") == 7
    assert miner.asked(7) == "login"
    assert miner.asked(7) == miner.asked(8) == miner.asked("7") == miner.asked(None) == ""


def test_unanswered_questions_do_not_pile_up():
    miner = echo()
    for number in range(MAX_ASKED + 10):
        miner.expect(number, "share")
    assert miner.asked(9) == ""
    assert miner.asked(10) == miner.asked(MAX_ASKED + 9) == "share"


def test_options_are_texts():
    assert echo(agent="a").option("agent", "b") == "a"
    assert echo(poll_s=3).option("poll_s", "5") == "3"
    assert echo().option("agent", "b") == "b"


def test_shares_are_counted():
    miner = echo()
    miner.count(is_accepted=True)
    miner.count(is_accepted=False)
    miner.count(is_accepted=False)
    assert (miner.accepted, miner.rejected) == (1, 2)


def test_messages_come_in_pieces():
    miner = echo()
    assert miner.receive(b'{"name":"a"}\n{"na', 0.0) == [b"a"]
    assert miner.receive(b'me":"b"}\n', 0.0) == [b"b"]
    for line in (b"{}\n", b'{"name":[]}\n', b"1\n"):
        with pytest.raises(ValueError):  # noqa: PT011
            echo().receive(line, 0.0)
