# SPDX-License-Identifier: Apache-2.0
"""Long connections that watch something: scrapes, streams, chats, pushes."""

from __future__ import annotations

import numpy as np

from minewatch.lab.simulator.distributions import parameter
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.normal.kind import moments, remaining, repeated, ticks
from minewatch.lab.simulator.normal.web_texts import heads
from minewatch.lab.simulator.paths import Paths
from minewatch.lab.simulator.script import CLOSE_INITIATOR, CLOSE_RESPONDER, FILL_TEXT
from minewatch.lab.simulator.talk import Part, Talk
from minewatch.lab.simulator.tls_talk import secure

_UPGRADE = (
    b"GET /socket HTTP/1.1\r\nHost: %b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Origin: https://%b\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0\r\n\r\n"
)
_SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def scrapes(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return Prometheus: the same request every 15 s for hours, a reply that hardly changes."""
    n = len(paths)
    talk = Talk(paths)
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n))
    rows, times = ticks(life, parameter("scrape").draw(rng, n))
    request = (
        b"GET /metrics HTTP/1.1\r\nHost: 10.0.0.7:9100\r\nUser-Agent: Prometheus/2.49.1\r\n"
        b"Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4\r\n"
        b"Accept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n"
    )
    bodies = parameter("scrape_reply").whole(rng, n)[rows] + rng.integers(-40, 41, len(rows))
    head = heads(talk.texts, bodies, b"text/plain; version=0.0.4")
    first = np.concatenate(([True], rows[1:] != rows[:-1]))
    gap = np.where(first, 0.0, np.diff(times, prepend=0.0))
    serve = 0.01 + rng.exponential(0.01, len(rows))
    talk.exchange(
        rows,
        None,
        talk.texts.lengths()[head] + bodies,
        think_s=np.maximum(gap - serve - paths.rtt_s[rows], 0.0),
        serve_s=serve,
        request_text=talk.texts.add(request),
        reply_text=head,
    )
    return talk.finish(CLOSE_INITIATOR, linger_s=0.1, horizon_s=horizon_s)


def grpc(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return a gRPC stream: the server's messages by chance, HTTP/2 pings."""
    n = len(paths)
    talk = Talk(paths)
    secure(talk, np.flatnonzero(rng.random(n) < 0.5), rng, ("grpc.example",), clients=("http2",))
    rows = np.arange(n)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    settings = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00"
    acknowledged = b"\x00\x00\x00\x04\x01\x00\x00\x00\x00"
    texts = talk.texts
    talk.exchange(rows, None, None, request_text=texts.add(preface), reply_text=texts.add(settings))
    talk.exchange(
        rows,
        rng.integers(180, 420, n),
        rng.integers(60, 140, n),
        serve_s=0.003,
        request_text=texts.add(acknowledged + b"\x00\x00\xb4\x01\x04"),
    )
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n))
    events, times = moments(rng, life, parameter("event_gap").draw(rng, n))
    octets = 14 + parameter("event").whole(rng, len(events))
    talk.say_at(events, times, True, octets)
    updates = rng.random(len(events)) < 0.3
    talk.say_at(events[updates], times[updates] + 0.002, False, 13)
    beats, moment = ticks(
        life, np.where(rng.random(n) < 0.5, 10.0, parameter("heartbeat").draw(rng, n)) * 6
    )
    ping = texts.add(b"\x00\x00\x08\x06\x00\x00\x00\x00\x00")
    pong = texts.add(b"\x00\x00\x08\x06\x01\x00\x00\x00\x00")
    talk.exchange_at(beats, moment, 17, 17, request_text=ping, reply_text=pong)
    return talk.finish(CLOSE_INITIATOR, linger_s=1.0, horizon_s=horizon_s)


def chat(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return web-socket chats and pushes: frames both ways by chance, pings of the server."""
    n = len(paths)
    talk = Talk(paths)
    secure(talk, np.flatnonzero(rng.random(n) < 0.7), rng, ("chat.example", "push.example"))
    rows = np.arange(n)
    names = [_UPGRADE % (name, name) for name in (b"chat.example", b"push.example")]
    talk.exchange(
        rows,
        None,
        None,
        serve_s=0.002,
        request_text=talk.texts.pick(names, rng, n),
        reply_text=talk.texts.add(_SWITCH),
    )
    life = remaining(paths, horizon_s, parameter("middle_life").draw(rng, n) * 3)
    talkative = rng.random(n) < 0.6
    for is_reply, octets, gap in (
        (True, 2, parameter("event_gap").draw(rng, n)),
        (False, 6, np.where(talkative, parameter("event_gap").draw(rng, n) * 2, np.inf)),
    ):
        events, times = moments(rng, np.where(np.isinf(gap), 0.0, life), gap)
        sizes = parameter("event").whole(rng, len(events))
        sizes = sizes + octets + np.where(sizes > 125, 2, 0)
        text = talk.texts.add(b"\x81\x7e" if is_reply else b"\x81\xfe")
        talk.say_at(events, times, is_reply, sizes, text=np.where(sizes > 131, text, 0))
    beats, moment = ticks(life, rng.choice([20.0, 25.0, 30.0, 54.0], n))
    ping, pong = talk.texts.add(b"\x89\x00"), talk.texts.add(b"\x8a\x80")
    talk.exchange_at(
        beats, moment, 2, 6, request_text=ping, reply_text=pong, is_from_responder=True
    )
    return talk.finish(CLOSE_INITIATOR, linger_s=1.0, horizon_s=horizon_s)


def kubernetes(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return watches of the Kubernetes interface: objects by chance, leases renewed every 10 s."""
    n = len(paths)
    talk = Talk(paths)
    secure(
        talk,
        np.arange(n),
        rng,
        ("kubernetes.default.svc",),
        clients=("http2",),
        newer=1.0,
        named=0.7,
    )
    rows = repeated(rng.integers(1, 6, n))
    talk.exchange(
        rows,
        rng.integers(120, 420, len(rows)),
        parameter("rows").draw(rng, len(rows)) * 4,
        serve_s=parameter("server_time").draw(rng, len(rows)),
    )
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n))
    events, times = moments(rng, life, parameter("event_gap").draw(rng, n))
    talk.say_at(events, times, True, 400 + parameter("event").whole(rng, len(events)) * 4)
    renews = np.where(rng.random(n) < 0.5, life, 0.0)
    leases, moment = ticks(renews, np.full(n, 10.0))
    talk.exchange_at(leases, moment, 620, 560, serve_s=0.006)
    return talk.finish(CLOSE_RESPONDER, linger_s=1.0, horizon_s=horizon_s)


def long_poll(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return a browser that asks again whenever the server has nothing for 25 s."""
    n = len(paths)
    talk = Talk(paths)
    secure(talk, np.arange(n), rng, ("push.example", "mail.example"))
    life = remaining(paths, horizon_s, parameter("middle_life").draw(rng, n))
    rows = repeated((life / 20.0).astype(np.int64) + 1)
    m = len(rows)
    talk.exchange(
        rows,
        rng.integers(300, 900, n)[rows],
        np.where(rng.random(m) < 0.6, 180, 180 + parameter("event").whole(rng, m)),
        think_s=rng.exponential(0.05, m),
        serve_s=np.minimum(rng.exponential(30.0, m), 25.0),
        fill=FILL_TEXT,
    )
    return talk.finish(CLOSE_INITIATOR, linger_s=2.0, horizon_s=horizon_s)
