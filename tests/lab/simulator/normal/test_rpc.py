# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from minewatch.decoders.stratum import StratumDecoder
from part_check import Made, Said, make, payload


def plain(made: Made) -> list[list[Said]]:
    every = [made.said(row) for row in range(len(made.paths))]
    return [messages for messages in every if messages[0].content[:1] != b"\x16"]


@pytest.mark.parametrize("service", ["electrum", "electrum-out", "job-queue", "job-queue-out"])
def test_lines_are_json_and_no_decoder_takes_them_for_mining(service: str):
    talks = plain(make(service))
    assert len(talks) > 15
    for messages in talks:
        for message in messages[:30]:
            if len(message.content) == message.octets:
                json.loads(message.content)
        assert StratumDecoder().decode(payload(messages)) is None


def test_wallets_get_blocks_and_ping_each_minute():
    made = make("electrum", n=100, hours=12.0)
    talks = max(plain(made), key=len)
    assert b"server.version" in talks[0].content
    pings = [m.time_s for m in talks if b"server.ping" in m.content]
    assert np.diff(pings) == pytest.approx(np.full(len(pings) - 1, 60.0))
    assert any(
        b'"blockchain.headers.subscribe","params":[{' in m.content for m in talks if m.is_reply
    )


def test_a_job_is_worked_on_and_the_result_confirmed():
    talks = max(plain(make("job-queue")), key=len)[2:]
    assert [m.is_reply for m in talks[:9]] == [True, False, True] * 3
    assert b'"method":"job"' in talks[0].content
    assert b'"method":"submit"' in talks[1].content


def test_beanstalkd_waits_for_at_most_half_a_minute():
    made = make("beanstalkd")
    messages = made.said(int(made.counts().argmax()))
    assert {m.content for m in messages if not m.is_reply} == {b"reserve-with-timeout 30\r\n"}
    waits = [b.time_s - a.time_s for a, b in zip(messages[::2], messages[1::2], strict=False)]
    assert max(waits) < 31
