# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from part_check import make


def test_postgresql_begins_with_a_startup_packet_of_true_length():
    for service in ("postgresql-pgbench", "postgresql-idle"):
        first = make(service).said(0)[0]
        assert int.from_bytes(first.content[:4], "big") == first.octets == len(first.content)
        assert first.content[4:8] == b"\x00\x03\x00\x00"


def test_pgbench_is_queries_one_after_the_other():
    made = make("postgresql-pgbench")
    messages = made.said(0)[6:-1]
    assert [m.is_reply for m in messages] == [False, True] * (len(messages) // 2)
    for query in messages[::2]:
        assert query.content[:1] == b"Q"
        assert int.from_bytes(query.content[1:5], "big") + 1 == query.octets
        assert query.octets < 110


def test_an_idle_pool_beats_for_hours():
    made = make("postgresql-idle", n=100, hours=12.0)
    life = made.part.end_s - made.paths.start_s
    assert np.median(life) > 3600
    pings = [
        m for m in made.said(int(life.argmax())) if m.content == b"Q\x00\x00\x00\x0dSELECT 1\x00"
    ]
    gaps = np.diff([m.time_s for m in pings])
    assert np.median(gaps) == pytest.approx(120, abs=2)
    assert len(pings) > 50


def test_redis_caches_and_publishes():
    cache = make("redis-cache").said(0)
    assert cache[0].content.startswith(b"*2\r\n$3\r\nGET\r\n")
    made = make("redis-pubsub", n=100)
    messages = made.said(int(made.counts().argmax()))
    assert b"SUBSCRIBE" in messages[0].content
    pushed = [m for m in messages if m.content.startswith(b"*3\r\n$7\r\nmessage")]
    assert len(pushed) > 20
    assert all(m.is_reply and m.octets >= 58 for m in pushed)
