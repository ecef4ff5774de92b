# SPDX-License-Identifier: Apache-2.0
"""What a public server gets from strangers: connections refused, dropped or nearly silent."""

from __future__ import annotations

import numpy as np

from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.paths import Paths
from minewatch.lab.simulator.script import (
    CLOSE_INITIATOR,
    CLOSE_RESPONDER,
    REFUSED,
    RESET_INITIATOR,
    UDP,
    UNANSWERED,
)
from minewatch.lab.simulator.talk import Part, Talk

_PROBES = (
    b"GET / HTTP/1.1\r\nHost: 203.0.113.7\r\nUser-Agent: Mozilla/5.0 zgrab/0.x\r\n\r\n",
    b"GET /.env HTTP/1.1\r\nHost: 203.0.113.7\r\nUser-Agent: python-requests/2.31.0\r\n\r\n",
    b"GET /wp-login.php HTTP/1.1\r\nHost: 203.0.113.7\r\n\r\n",
    b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00",
    b"SSH-2.0-Go\r\n",
    b"*1\r\n$4\r\nPING\r\n",
    b"\x05\x01\x00",
)
_REFUSAL = (
    b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Type: text/html\r\n"
    b"Content-Length: 146\r\nConnection: close\r\n\r\n"
)


def refused(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return connections to ports where nobody listens."""
    return Talk(paths).finish(REFUSED, horizon_s=horizon_s)


def unanswered(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return connections that a packet filter drops."""
    return Talk(paths).finish(UNANSWERED, linger_s=7.0, horizon_s=horizon_s)


def silent(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return connections that are opened, found open, and dropped."""
    n = len(paths)
    talk = Talk(paths)
    close = rng.choice([RESET_INITIATOR, CLOSE_INITIATOR, CLOSE_RESPONDER], n, p=[0.6, 0.3, 0.1])
    return talk.finish(
        close, linger_s=np.where(close == CLOSE_RESPONDER, 60.0, 0.01), horizon_s=horizon_s
    )


def probes(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return one question of a scanner and the server's answer."""
    n = len(paths)
    talk = Talk(paths)
    text = talk.texts.pick(_PROBES, rng, n)
    talk.exchange(
        np.arange(n),
        None,
        len(_REFUSAL) + 146,
        think_s=rng.exponential(0.05, n),
        serve_s=rng.exponential(0.002, n),
        request_text=text,
        reply_text=talk.texts.add(_REFUSAL),
    )
    return talk.finish(CLOSE_RESPONDER, horizon_s=horizon_s)


def datagrams(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return datagrams that nobody answers."""
    n = len(paths)
    talk = Talk(paths, UDP)
    counts = rng.choice([1, 1, 2, 3], n)
    rows = np.repeat(np.arange(n), counts)
    talk.say(
        rows,
        False,
        rng.choice([30, 48, 64, 8, 1, 13], len(rows)),
        gap_s=rng.exponential(1.0, len(rows)),
    )
    return talk.finish(horizon_s=horizon_s)
