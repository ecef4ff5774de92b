# SPDX-License-Identifier: Apache-2.0
"""SSH: interactive, idle with keep-alive, a tunnel, and the guessing of passwords."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from minewatch.lab.simulator.distributions import parameter
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.normal.kind import moments, remaining, repeated, ticks
from minewatch.lab.simulator.paths import Paths
from minewatch.lab.simulator.script import (
    CLOSE_INITIATOR,
    CLOSE_RESPONDER,
    RESET_RESPONDER,
    IntArray,
)
from minewatch.lab.simulator.ssh import CLIENT_BANNERS, SERVER_BANNERS, packet_octets
from minewatch.lab.simulator.talk import Part, Talk

OPENSSH_HELLOS: Final = (1504, 1536, 1448, 1360, 904)
TOOL_HELLOS: Final = (144, 488, 608, 792, 904, 1064)
"""Key exchange offers of other programs [octets]: fewer algorithms. Seen in public captures of
guessing and of older clients; OpenSSH of the last ten years sends 1,320 to 1,512."""


def greet(talk: Talk, rows: IntArray, rng: Rng, hellos: Sequence[int] = OPENSSH_HELLOS) -> None:
    """Add banners and key exchange: curve25519 and Ed25519, as OpenSSH does them."""
    n = len(rows)
    talk.say(rows, False, text=talk.texts.pick(CLIENT_BANNERS, rng, n), gap_s=0.0002)
    talk.say(
        rows,
        True,
        text=talk.texts.pick(SERVER_BANNERS, rng, n),
        gap_s=rng.exponential(0.012, n),
    )
    talk.say(rows, False, rng.choice(hellos, n), gap_s=0.0005)
    talk.say(rows, True, rng.choice([1120, 1080, 1056, 984], n), gap_s=0.0006)
    talk.exchange(rows, 48, rng.choice([564, 508, 452], n), think_s=0.001, serve_s=0.004)
    talk.exchange(rows, 16 + 44, 44, think_s=0.002, serve_s=0.0003)


def _log_in(talk: Talk, rows: IntArray, rng: Rng) -> None:
    """Add a login by key and the opening of a channel."""
    n = len(rows)
    talk.exchange(rows, 60, 52, think_s=0.001, serve_s=rng.exponential(0.006, n))
    talk.exchange(rows, rng.choice([500, 372, 148], n), 28, think_s=0.002, serve_s=0.003)
    talk.exchange(rows, 112, 500, think_s=0.0005, serve_s=0.02)
    talk.exchange(rows, 176, 108, think_s=0.0005, serve_s=0.01)


def interactive(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return people who type: keys and their echoes, output of commands, pauses."""
    n = len(paths)
    talk = Talk(paths)
    greet(talk, np.arange(n), rng)
    _log_in(talk, np.arange(n), rng)
    rows = repeated(np.minimum(rng.geometric(0.006, n), 2500))
    m = len(rows)
    is_command = rng.random(m) < 0.12
    output = packet_octets(parameter("event").whole(rng, m) * 3)
    talk.exchange(
        rows,
        packet_octets(np.ones(m, np.int64)),
        np.where(is_command, output, packet_octets(rng.integers(1, 12, m))),
        think_s=np.where(
            rng.random(m) < 0.05,
            parameter("pause").draw(rng, m),
            parameter("keystroke").draw(rng, m),
        ),
        serve_s=np.where(is_command, parameter("server_time").draw(rng, m), 0.0004),
    )
    return talk.finish(CLOSE_INITIATOR, linger_s=0.3, horizon_s=horizon_s)


def idle(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return sessions in which nobody types: keep-alive requests and now and then a line."""
    n = len(paths)
    talk = Talk(paths)
    greet(talk, np.arange(n), rng)
    _log_in(talk, np.arange(n), rng)
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n))
    is_server = rng.random(n) < 0.5
    period = parameter("heartbeat").draw(rng, n)
    for those in (False, True):
        rows, times = ticks(np.where(is_server == those, life, 0.0), period)
        talk.exchange_at(rows, times, 52, 36, is_from_responder=those)
    rows, times = moments(rng, life, np.full(n, 900.0))
    talk.exchange_at(rows, times, 36, packet_octets(parameter("event").whole(rng, len(rows))))
    return talk.finish(CLOSE_INITIATOR, linger_s=1.0, horizon_s=horizon_s)


def tunnel(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return a forwarded port in use: requests of some program and their replies, in bursts."""
    n = len(paths)
    talk = Talk(paths)
    greet(talk, np.arange(n), rng)
    _log_in(talk, np.arange(n), rng)
    life = remaining(paths, horizon_s, parameter("middle_life").draw(rng, n))
    gap = parameter("event_gap").draw(rng, n)
    rows, times = moments(rng, life, gap)
    request = packet_octets(parameter("query").whole(rng, len(rows)) + 4)
    reply = packet_octets(parameter("event").whole(rng, len(rows)))
    serve = parameter("server_time").draw(rng, len(rows))
    talk.exchange_at(rows, times, request, reply, serve_s=serve)
    return talk.finish(CLOSE_INITIATOR, linger_s=1.0, horizon_s=horizon_s)


def guesses(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return password guessing from the internet: up to six refusals, then the end."""
    n = len(paths)
    talk = Talk(paths)
    greet(talk, np.arange(n), rng, TOOL_HELLOS)
    talk.exchange(np.arange(n), 60, 52, think_s=0.001, serve_s=0.003)
    rows = repeated(rng.integers(1, 7, n))
    talk.exchange(
        rows,
        packet_octets(rng.integers(40, 70, len(rows))),
        52,
        think_s=rng.exponential(0.2, len(rows)),
        serve_s=1.5 + rng.exponential(0.8, len(rows)),
    )
    close = rng.choice([CLOSE_RESPONDER, CLOSE_INITIATOR, RESET_RESPONDER], n, p=[0.4, 0.5, 0.1])
    return talk.finish(close, horizon_s=horizon_s)
