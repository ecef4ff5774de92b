# SPDX-License-Identifier: Apache-2.0
"""JSON lines that look like mining and are not: a wallet's server, and queues of jobs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minewatch.lab.simulator.distributions import parameter
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.normal.kind import beats, moments, remaining, repeated, ticks
from minewatch.lab.simulator.paths import Paths
from minewatch.lab.simulator.script import CLOSE_INITIATOR, FILL_TEXT, FloatArray
from minewatch.lab.simulator.talk import Part, Talk
from minewatch.lab.simulator.tls_talk import secure

_VERSION = (
    b'{"jsonrpc":"2.0","id":0,"method":"server.version","params":["electrum/4.5.4",["1.4","1.4.2"]]}\n',
    b'{"jsonrpc":"2.0","id":0,"result":["ElectrumX 1.16.0","1.4"]}\n',
)
_SUBSCRIBE = (
    b'{"jsonrpc":"2.0","id":%d,"method":"blockchain.scripthash.subscribe","params":["%064x"]}\n'
)
_HEADERS = b'{"jsonrpc":"2.0","id":1,"method":"blockchain.headers.subscribe","params":[]}\n'
_BLOCK = (
    b'{"jsonrpc":"2.0","method":"blockchain.headers.subscribe","params":[{"hex":"00e0ff3f%0152x",'
    b'"height":%d}]}\n'
)


def electrum(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return wallets at their server: subscriptions, new blocks pushed, a ping a minute."""
    n = len(paths)
    talk = Talk(paths)
    is_secure = rng.random(n) < 0.4
    secure(talk, np.flatnonzero(is_secure), rng, ("electrum.example",), named=0.8)
    rows = np.arange(n)
    texts = talk.texts
    talk.exchange(
        rows, None, None, request_text=texts.add(_VERSION[0]), reply_text=texts.add(_VERSION[1])
    )
    wanted = texts.pick([_SUBSCRIBE % (i + 2, i * 7919) for i in range(40)], rng, 40)
    many = repeated(rng.geometric(0.1, n))
    status = [b'{"jsonrpc":"2.0","id":%d,"result":null}\n' % i for i in range(2, 30)]
    talk.exchange(rows, None, 250, request_text=texts.add(_HEADERS), serve_s=0.002, fill=FILL_TEXT)
    talk.exchange(
        many,
        None,
        None,
        request_text=wanted[rng.integers(0, 40, len(many))],
        reply_text=texts.pick(status, rng, len(many)),
        think_s=parameter("burst_gap").draw(rng, len(many)),
        serve_s=parameter("server_time").draw(rng, len(many)) * 0.2,
    )
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n))
    blocks, times = moments(rng, life, parameter("block_mean").draw(rng, n))
    block = texts.pick([_BLOCK % (i, 820_000 + i) for i in range(150)], rng, len(blocks))
    talk.say_at(blocks, times, True, text=block)
    asks, moment = ticks(life, np.full(n, 60.0))
    ping = texts.add(b'{"jsonrpc":"2.0","id":99,"method":"server.ping","params":[]}\n')
    pong = texts.add(b'{"jsonrpc":"2.0","id":99,"result":null}\n')
    talk.exchange_at(asks, moment, None, None, request_text=ping, reply_text=pong)
    return talk.finish(CLOSE_INITIATOR, linger_s=1.0, horizon_s=horizon_s)


def job_queue(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return workers of a queue over JSON-RPC: a job, work of half a minute, a result."""
    n = len(paths)
    talk = Talk(paths)
    secure(talk, np.flatnonzero(rng.random(n) < 0.3), rng, ("queue.example",), named=0.7)
    texts = talk.texts
    hello = [
        b'{"id":1,"method":"worker.register","params":{"name":"w%03d","queues":["mail","pdf"]}}\n'
        % i
        for i in range(20)
    ]
    welcome = texts.add(b'{"id":1,"result":{"status":"OK","heartbeat":60}}\n')
    talk.exchange(
        np.arange(n), None, None, request_text=texts.pick(hello, rng, n), reply_text=welcome
    )
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n))
    work_mean = parameter("job_work").draw(rng, n)
    rows = repeated(beats(life, work_mean + 2.0))
    m = len(rows)
    jobs = [
        b'{"method":"job","params":{"job_id":"%012x","kind":"pdf","source":"s3://in/%016x","pages":%d,"options":{"dpi":300}}}\n'
        % (i * 7919, i * 104729, i % 40)
        for i in range(60)
    ]
    results = [
        b'{"id":%d,"method":"submit","params":{"job_id":"%012x","status":"done","octets":%d}}\n'
        % (i + 2, i * 7919, i * 3571)
        for i in range(60)
    ]
    confirmed = texts.add(b'{"id":2,"result":{"status":"OK"}}\n')
    # The server hands out, the worker works and answers, the server confirms with the next one.
    talk.say(
        np.repeat(rows, 3),
        np.tile([True, False, True], m),
        text=_triple(texts.pick(jobs, rng, m), texts.pick(results, rng, m), confirmed).astype(int),
        gap_s=_triple(
            rng.exponential(2.0, m),
            rng.exponential(1.0, m) * work_mean[rows],
            parameter("server_time").draw(rng, m) * 0.2,
        ),
        fill=FILL_TEXT,
    )
    return talk.finish(CLOSE_INITIATOR, linger_s=1.0, horizon_s=horizon_s)


def beanstalkd(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return beanstalkd's workers: reserve with a timeout, a job or none, delete."""
    n = len(paths)
    talk = Talk(paths)
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n))
    rows = repeated(beats(life, np.full(n, 20.0)))
    m = len(rows)
    is_empty = rng.random(m) < 0.4
    wait = np.where(is_empty, 30.0, np.minimum(rng.exponential(12.0, m), 29.0))
    texts = talk.texts
    talk.exchange(
        rows,
        None,
        np.where(is_empty, 11, 22 + parameter("event").whole(rng, m)),
        think_s=np.where(is_empty, 0.0002, rng.exponential(0.5, m)),
        serve_s=wait,
        request_text=texts.add(b"reserve-with-timeout 30\r\n"),
        reply_text=np.where(is_empty, texts.add(b"TIMED_OUT\r\n"), texts.add(b"RESERVED 1")),
        fill=FILL_TEXT,
    )
    return talk.finish(CLOSE_INITIATOR, linger_s=1.0, horizon_s=horizon_s)


def _triple(first: npt.ArrayLike, second: npt.ArrayLike, third: npt.ArrayLike) -> FloatArray:
    columns = np.broadcast_arrays(first, second, third)
    return np.stack(columns, axis=1).reshape(-1).astype(np.float64)
