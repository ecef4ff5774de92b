# SPDX-License-Identifier: Apache-2.0
"""Databases: PostgreSQL in bursts and idle, Redis as a cache and as a publisher."""

from __future__ import annotations

import numpy as np

from minewatch.lab.simulator.distributions import parameter
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.normal.kind import beats, moments, remaining, repeated, ticks
from minewatch.lab.simulator.paths import Paths
from minewatch.lab.simulator.script import CLOSE_INITIATOR, FILL_TEXT, FloatArray
from minewatch.lab.simulator.talk import Part, Talk

_STARTUP = (
    b"\x00\x03\x00\x00user\x00app\x00database\x00shop\x00application_name\x00web\x00"
    b"client_encoding\x00UTF8\x00\x00"
)
_PING = b"Q\x00\x00\x00\x0dSELECT 1\x00"
_PONG_OCTETS = 65
"""RowDescription, DataRow, CommandComplete and ReadyForQuery of ``SELECT 1``."""


def _log_in(talk: Talk, rng: Rng) -> None:
    """Add PostgreSQL's start: SCRAM-SHA-256, then the server's parameters."""
    rows = np.arange(len(talk.paths))
    startup = talk.texts.add(len(_STARTUP + b"1234").to_bytes(4, "big") + _STARTUP)
    first = talk.texts.add(b"p\x00\x00\x00\x36SCRAM-SHA-256\x00")
    last = talk.texts.add(b"p\x00\x00\x00\x6cc=biws,r=")
    talk.exchange(rows, None, 24, request_text=startup, serve_s=0.002)
    talk.exchange(rows, 55, 93, request_text=first, serve_s=0.001, think_s=0.0003)
    reply = rng.integers(380, 470, len(rows))
    talk.exchange(rows, 109, reply, request_text=last, serve_s=0.004, think_s=0.005)


def pgbench(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return transactions of seven statements, one after the other."""
    n = len(paths)
    talk = Talk(paths)
    _log_in(talk, rng)
    statements = [
        b"UPDATE pgbench_accounts SET abalance = abalance + %d WHERE aid = %d;",
        b"SELECT abalance FROM pgbench_accounts WHERE aid = %d;",
        b"UPDATE pgbench_tellers SET tbalance = tbalance + %d WHERE tid = %d;",
        b"BEGIN;",
        b"END;",
    ]
    numbers = [rng.integers(1, 100_000, 2) for _ in range(20)]
    texts = [_query(s % tuple(pair[: s.count(b"%d")])) for s in statements for pair in numbers]
    rows = repeated(7 * np.minimum(rng.geometric(0.12, n), 60))
    m = len(rows)
    is_select = rng.random(m) < 0.2
    talk.exchange(
        rows,
        None,
        np.where(is_select, parameter("rows").draw(rng, m), rng.choice([17, 18, 20, 25], m)),
        think_s=rng.exponential(0.0002, m),
        serve_s=parameter("server_time").draw(rng, m) * 0.2,
        request_text=talk.texts.pick(texts, rng, m),
    )
    talk.say(np.arange(n), False, text=talk.texts.add(b"X\x00\x00\x00\x04"), gap_s=0.001)
    return talk.finish(CLOSE_INITIATOR, horizon_s=horizon_s)


def _query(statement: bytes) -> bytes:
    body = statement + b"\x00"
    return b"Q" + (len(body) + 4).to_bytes(4, "big") + body


def idle_pool(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return connections of a pool: a heartbeat when idle, now and then a few queries."""
    n = len(paths)
    talk = Talk(paths)
    _log_in(talk, rng)
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n))
    period = parameter("heartbeat").draw(rng, n)
    rows = repeated(beats(life, period))
    m = len(rows)
    is_work = rng.random(m) < (rng.random(n) ** 3)[rows]
    query = parameter("query").whole(rng, m)
    reply = parameter("rows").draw(rng, m)
    ping = talk.texts.add(_PING)
    talk.exchange(
        rows,
        np.where(is_work, query, len(_PING)),
        np.where(is_work, reply, _PONG_OCTETS),
        think_s=period[rows] * np.clip(1 + 0.01 * rng.standard_normal(m), 0.5, 1.5),
        serve_s=parameter("server_time").draw(rng, m) * 0.1,
        request_text=np.where(is_work, 0, ping),
        fill=FILL_TEXT,
    )
    return talk.finish(CLOSE_INITIATOR, linger_s=rng.exponential(20.0, n), horizon_s=horizon_s)


def redis_cache(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return a cache's gets and sets, in bursts."""
    n = len(paths)
    talk = Talk(paths)
    rows = repeated(1 + rng.geometric(0.06, n))
    m = len(rows)
    keys = [b"session:%d" % key for key in rng.integers(1000, 10**9, 60)]
    gets = [b"*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n" % (len(key), key) for key in keys]
    value = parameter("event").whole(rng, m)
    talk.exchange(
        rows,
        None,
        np.where(rng.random(m) < 0.2, 5, value),
        think_s=parameter("api_gap").draw(rng, m) * 0.3,
        serve_s=rng.exponential(0.0002, m),
        request_text=talk.texts.pick(gets, rng, m),
        reply_text=talk.texts.add(b"$"),
        fill=FILL_TEXT,
    )
    return talk.finish(CLOSE_INITIATOR, linger_s=rng.exponential(30.0, n), horizon_s=horizon_s)


def redis_publish(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return a subscription: events by chance, a ping of the client between them."""
    n = len(paths)
    talk = Talk(paths)
    subscribe = talk.texts.add(b"*2\r\n$9\r\nSUBSCRIBE\r\n$6\r\nevents\r\n")
    confirmed = talk.texts.add(b"*3\r\n$9\r\nsubscribe\r\n$6\r\nevents\r\n:1\r\n")
    talk.exchange(
        np.arange(n), None, None, serve_s=0.0002, request_text=subscribe, reply_text=confirmed
    )
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n))
    rows, times = moments(rng, life, parameter("event_gap").draw(rng, n))
    octets = 42 + parameter("event").whole(rng, len(rows))
    head = talk.texts.add(b"*3\r\n$7\r\nmessage\r\n$6\r\nevents\r\n$")
    talk.say_at(rows, times, True, octets, text=head, fill=FILL_TEXT)
    _ping(talk, life, rng)
    return talk.finish(CLOSE_INITIATOR, linger_s=rng.exponential(10.0, n), horizon_s=horizon_s)


def _ping(talk: Talk, life: FloatArray, rng: Rng) -> None:
    """Let a third of the clients ask for a sign of life."""
    n = len(life)
    period = np.where(rng.random(n) < 0.35, parameter("heartbeat").draw(rng, n), np.inf)
    rows, times = ticks(life, period)
    ping = talk.texts.add(b"*1\r\n$4\r\nPING\r\n")
    pong = talk.texts.add(b"*2\r\n$4\r\npong\r\n$0\r\n\r\n")
    talk.exchange_at(rows, times, None, None, request_text=ping, reply_text=pong)
