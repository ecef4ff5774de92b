# SPDX-License-Identifier: Apache-2.0
"""UDP: names, clocks, and a tunnel's keep-alive."""

from __future__ import annotations

import numpy as np

from minewatch.lab.simulator.distributions import parameter
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.normal.kind import moments, remaining, repeated, ticks
from minewatch.lab.simulator.normal.web import NAMES
from minewatch.lab.simulator.paths import Paths
from minewatch.lab.simulator.script import UDP
from minewatch.lab.simulator.talk import Part, Talk

_A, _AAAA, _HTTPS = 1, 28, 65
_NTP_REQUEST = b"\x23\x00\x06\xec"
_NTP_REPLY = b"\x24\x02\x06\xec"
_DATAGRAM_OCTETS = 1420


def dns(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return questions and answers, often A and AAAA from one port."""
    n = len(paths)
    talk = Talk(paths, UDP)
    names = (*NAMES, "deb.example", "a.very.long.name.of.a.service.in.some.zone.example")
    pairs = [
        (_question(i, name, kind), _answer(i, name, kind))
        for i, name in enumerate(names)
        for kind in (_A, _AAAA, _HTTPS)
    ]
    questions = np.array([talk.texts.add(q) for q, _ in pairs], np.int64)
    answers = np.array([talk.texts.add(a) for _, a in pairs], np.int64)
    rows = repeated(rng.choice([1, 2], n, p=[0.55, 0.45]))
    which = rng.integers(0, len(pairs), len(rows))
    is_cached = rng.random(len(rows)) < 0.6
    talk.exchange(
        rows,
        None,
        None,
        think_s=rng.exponential(0.0003, len(rows)),
        serve_s=np.where(is_cached, 0.0002, parameter("rtt_internet").draw(rng, len(rows))),
        request_text=questions[which],
        reply_text=answers[which],
    )
    return talk.finish(horizon_s=horizon_s)


def _question(number: int, name: str, kind: int) -> bytes:
    head = (number * 2654435761 % 65536).to_bytes(2, "big") + b"\x01\x00\x00\x01" + bytes(6)
    return head + _wire_name(name) + kind.to_bytes(2, "big") + b"\x00\x01"


def _answer(number: int, name: str, kind: int) -> bytes:
    asked = _question(number, name, kind)
    octets = {_A: 4, _AAAA: 16}.get(kind)
    if octets is None:  # no such record
        return asked[:2] + b"\x81\x80\x00\x01" + bytes(6) + asked[12:]
    count = 1 + number % 3
    record = b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\x00\x01\x00\x00\x01\x2c"
    address = bytes([203, 0, 113, number]) if kind == _A else bytes.fromhex("20010db8") + bytes(12)
    records = (record + octets.to_bytes(2, "big") + address) * count
    return (
        asked[:2] + b"\x81\x80\x00\x01" + count.to_bytes(2, "big") + bytes(4) + asked[12:] + records
    )


def _wire_name(name: str) -> bytes:
    labels = name.split(".")
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\x00"


def ntp(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return clocks: one question, or one every 64 to 1024 s from the same port."""
    n = len(paths)
    talk = Talk(paths, UDP)
    is_steady = rng.random(n) < 0.06
    period = rng.choice([64.0, 128.0, 256.0, 512.0, 1024.0], n)
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n))
    ask, reply = talk.texts.add(_NTP_REQUEST), talk.texts.add(_NTP_REPLY)
    rows, times = ticks(np.where(is_steady, life, 0.0), period)
    for whose, when in ((np.arange(n), np.zeros(n)), (rows, times)):
        talk.exchange_at(whose, when, 48, 48, serve_s=0.00005, request_text=ask, reply_text=reply)
    return talk.finish(horizon_s=horizon_s)


def vpn(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return WireGuard: handshakes every two minutes, keep-alive, and data in bursts."""
    n = len(paths)
    talk = Talk(paths, UDP)
    initiation, response = talk.texts.add(b"\x01\x00\x00\x00"), talk.texts.add(b"\x02\x00\x00\x00")
    data = talk.texts.add(b"\x04\x00\x00\x00")
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n))
    rows, times = ticks(life, np.full(n, 120.0))
    for whose, when in ((np.arange(n), np.zeros(n)), (rows, times)):
        talk.exchange_at(
            whose, when, 148, 92, request_text=initiation, reply_text=response, serve_s=0.0005
        )
    rows, times = ticks(life, parameter("vpn_keepalive").draw(rng, n))
    talk.say_at(rows, times + 0.5, False, 32, text=data)
    bursts, when = moments(rng, life, np.where(rng.random(n) < 0.5, 60.0, 1e9))
    counts = rng.geometric(0.15, len(bursts))
    which = np.repeat(np.arange(len(bursts)), counts)
    octets = 32 + 16 * (parameter("event").whole(rng, len(which)) // 16)
    talk.say_at(
        bursts[which],
        when[which] + rng.random(len(which)) * 0.3,
        rng.random(len(which)) < 0.6,
        np.minimum(octets, _DATAGRAM_OCTETS),
        text=data,
    )
    return talk.finish(horizon_s=horizon_s)
