# SPDX-License-Identifier: Apache-2.0
"""HTTP: browsing, health checks, calls of an interface, downloads, package updates."""

from __future__ import annotations

import numpy as np

from minewatch.lab.simulator.distributions import parameter
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.normal.kind import repeated
from minewatch.lab.simulator.normal.web_texts import heads, requests
from minewatch.lab.simulator.paths import Paths
from minewatch.lab.simulator.script import (
    CLOSE_INITIATOR,
    CLOSE_RESPONDER,
    FILL_TEXT,
    RESET_INITIATOR,
    IntArray,
)
from minewatch.lab.simulator.talk import Part, Talk
from minewatch.lab.simulator.tls_talk import secure

NAMES = tuple(
    f"{name}.example" for name in "www shop api cdn news img static auth blog app".split()
)
_SERVER_KEEPALIVE_S = (5.0, 15.0, 60.0, 65.0, 75.0)


def browse_http(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return pages over plain HTTP: bursts of requests, thinking between them."""
    return _browse(rng, paths, horizon_s, is_secure=False)


def browse_https(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return pages over TLS."""
    return _browse(rng, paths, horizon_s, is_secure=True)


def _browse(rng: Rng, paths: Paths, horizon_s: float, *, is_secure: bool) -> Part:
    n = len(paths)
    talk = Talk(paths)
    if is_secure:
        secure(talk, np.arange(n), rng, NAMES)
    rows = repeated(parameter("web_requests").whole(rng, n))
    m = len(rows)
    # Within a page requests follow each other at once.
    is_burst = rng.random(m) < 0.7
    think = np.where(
        is_burst, parameter("burst_gap").draw(rng, m), parameter("web_think").draw(rng, m)
    )
    bodies = parameter("web_reply").whole(rng, m)
    request = parameter("web_upload").whole(rng, m)
    _get(talk, rows, rng, request if is_secure else None, bodies, think)
    return talk.finish(*_ending(rng, n), horizon_s=horizon_s)


def _get(
    talk: Talk,
    rows: IntArray,
    rng: Rng,
    request: IntArray | None,
    bodies: IntArray,
    think: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    """Add requests and replies; requests in the clear are as long as their texts."""
    text = talk.texts.pick(requests(NAMES), rng, len(rows)) if request is None else 0
    head = heads(talk.texts, bodies) if request is None else np.zeros(len(rows), np.int64)
    lengths = talk.texts.lengths()[head] + bodies
    talk.exchange(
        rows,
        request,
        lengths,
        think_s=think,
        serve_s=parameter("server_time").draw(rng, len(rows)),
        request_text=text,
        reply_text=head,
        fill=FILL_TEXT if request is None else 0,
    )


def _ending(rng: Rng, n: int) -> tuple[IntArray]:
    """Return how connections end: the client leaves, the server's patience ends, or a reset."""
    return (rng.choice([CLOSE_INITIATOR, CLOSE_RESPONDER, RESET_INITIATOR], n, p=[0.6, 0.3, 0.1]),)


def health(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return a load balancer's checks: one small request and the end."""
    n = len(paths)
    talk = Talk(paths)
    head = b"GET /health HTTP/1.1\r\nHost: %b\r\nConnection: close\r\nUser-Agent: %b\r\n\r\n"
    agents = (b"ELB-HealthChecker/2.0", b"GoogleHC/1.0", b"kube-probe/1.29", b"curl/8.5.0")
    text = talk.texts.pick([head % (b"10.0.0.%d" % i, a) for a in agents for i in (4, 17)], rng, n)
    bodies = rng.choice([2, 15, 16, 62], n)
    reply = heads(talk.texts, bodies)
    talk.exchange(
        np.arange(n),
        None,
        talk.texts.lengths()[reply] + bodies,
        serve_s=parameter("server_time").draw(rng, n) * 0.1,
        request_text=text,
        reply_text=reply,
        fill=FILL_TEXT,
    )
    return talk.finish(CLOSE_RESPONDER, horizon_s=horizon_s)


def calls(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return calls of a JSON interface over one connection that is kept, with TLS for most."""
    n = len(paths)
    talk = Talk(paths)
    secure(talk, np.flatnonzero(rng.random(n) < 0.85), rng, ("api.example", "rpc.example"))
    rows = repeated(parameter("api_calls").whole(rng, n))
    m = len(rows)
    bodies = (parameter("rows").draw(rng, m) * 2).astype(np.int64)
    is_clear = talk.versions[rows] == 0
    request = parameter("web_upload").whole(rng, m)
    text = np.where(is_clear, talk.texts.pick(requests(("api.example",), "POST"), rng, m), 0)
    head = np.where(is_clear, heads(talk.texts, bodies, b"application/json"), 0)
    lengths = talk.texts.lengths()
    talk.exchange(
        rows,
        np.where(is_clear, lengths[text], request),
        lengths[head] + bodies,
        think_s=parameter("api_gap").draw(rng, m),
        serve_s=parameter("server_time").draw(rng, m),
        request_text=text,
        reply_text=head,
        fill=FILL_TEXT,
    )
    patience = rng.choice(_SERVER_KEEPALIVE_S, n)
    is_idle = rng.random(n) < 0.5
    return talk.finish(
        np.where(is_idle, CLOSE_RESPONDER, CLOSE_INITIATOR),
        linger_s=np.where(is_idle, patience, 0.05),
        horizon_s=horizon_s,
    )


def download(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return one file, plain or over TLS."""
    n = len(paths)
    talk = Talk(paths)
    is_secure = rng.random(n) < 0.5
    secure(talk, np.flatnonzero(is_secure), rng, NAMES)
    bodies = parameter("download").whole(rng, n)
    for those, size in (
        (np.flatnonzero(is_secure), parameter("web_upload").whole(rng, int(is_secure.sum()))),
        (np.flatnonzero(~is_secure), None),
    ):
        _get(talk, those, rng, size, bodies[those], np.zeros(len(those)))
    return talk.finish(CLOSE_INITIATOR, linger_s=0.01, horizon_s=horizon_s)


def updates(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return a package manager's fetches: a few requests in the clear, packages of any size."""
    n = len(paths)
    talk = Talk(paths)
    rows = repeated(1 + rng.poisson(5, n))
    m = len(rows)
    is_unchanged = rng.random(m) < 0.5
    bodies = np.where(is_unchanged, 0, parameter("package").whole(rng, m))
    head = heads(talk.texts, bodies, b"application/x-debian-package")
    talk.exchange(
        rows,
        None,
        talk.texts.lengths()[head] + bodies,
        think_s=parameter("burst_gap").draw(rng, m),
        serve_s=parameter("server_time").draw(rng, m),
        request_text=talk.texts.pick(requests(("deb.example",), "APT"), rng, m),
        reply_text=head,
        fill=FILL_TEXT,
    )
    return talk.finish(CLOSE_INITIATOR, linger_s=rng.exponential(1.0, n), horizon_s=horizon_s)
