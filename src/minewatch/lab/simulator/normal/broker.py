# SPDX-License-Identifier: Apache-2.0
"""Message brokers and devices: MQTT, NATS, AMQP, and telemetry that comes every so often."""

from __future__ import annotations

import numpy as np

from minewatch.lab.simulator.distributions import parameter
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.normal.kind import moments, remaining, ticks
from minewatch.lab.simulator.paths import Paths
from minewatch.lab.simulator.script import CLOSE_INITIATOR, CLOSE_NONE, FILL_TEXT
from minewatch.lab.simulator.talk import Part, Talk
from minewatch.lab.simulator.tls_talk import secure

_CLOUD = ("mqtt.example", "iot.example", "hub.example")


def mqtt(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return MQTT 3.1.1 clients that subscribe, get events, publish some, and ping."""
    n = len(paths)
    talk = Talk(paths)
    secure(talk, np.flatnonzero(rng.random(n) < 0.3), rng, _CLOUD, newer=0.5)
    rows = np.arange(n)
    connect = [
        b"\x10%c\x00\x04MQTT\x04\x02\x00\x3c\x00%c%b" % (12 + len(i), len(i), i)
        for i in (b"", b"hub-07", b"sensor-00417")
    ]
    talk.exchange(
        rows,
        None,
        None,
        serve_s=0.0005,
        request_text=talk.texts.pick(connect, rng, n),
        reply_text=talk.texts.add(b"\x20\x02\x00\x00"),
    )
    topic = [
        b"\x82%c\x00\x01\x00%c%b\x00" % (5 + len(t), len(t), t) for t in (b"a/#", b"home/+/state")
    ]
    talk.exchange(
        rows,
        None,
        None,
        serve_s=0.0004,
        request_text=talk.texts.pick(topic, rng, n),
        reply_text=talk.texts.add(b"\x90\x03\x00\x01\x00"),
    )
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n))
    for is_reply, factor in ((True, 1.0), (False, 2.0)):
        gap = parameter("event_gap").draw(rng, n) * factor
        events, times = moments(rng, life, gap)
        octets = 8 + parameter("telemetry_octets").whole(rng, n)[events]
        octets = octets + rng.integers(0, 4, len(events))
        talk.say_at(events, times, is_reply, octets, text=talk.texts.add(b"\x30"), fill=FILL_TEXT)
    beat, times = ticks(
        life, np.where(rng.random(n) < 0.9, 60.0, parameter("heartbeat").draw(rng, n))
    )
    ping, pong = talk.texts.add(b"\xc0\x00"), talk.texts.add(b"\xd0\x00")
    talk.exchange_at(beat, times, None, None, request_text=ping, reply_text=pong)
    return talk.finish(CLOSE_INITIATOR, linger_s=rng.exponential(5.0, n), horizon_s=horizon_s)


def nats(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return NATS clients: the server's greeting, messages, and pings of the server."""
    n = len(paths)
    talk = Talk(paths)
    rows = np.arange(n)
    info = b'INFO {"server_id":"NDW6","server_name":"n1","version":"2.10.7","proto":1'
    talk.say(rows, True, 390, text=talk.texts.add(info), gap_s=0.0002, fill=FILL_TEXT)
    connect = b'CONNECT {"verbose":false,"pedantic":false,"lang":"go","name":"worker"}\r\nPING\r\n'
    talk.exchange(
        rows,
        None,
        None,
        serve_s=0.0003,
        request_text=talk.texts.add(connect),
        reply_text=talk.texts.add(b"PONG\r\n"),
    )
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n))
    events, times = moments(rng, life, parameter("event_gap").draw(rng, n))
    is_reply = rng.random(len(events)) < (rng.random(n) < 0.6)[events]
    octets = 24 + parameter("event").whole(rng, len(events))
    verb = np.where(is_reply, talk.texts.add(b"MSG orders "), talk.texts.add(b"PUB orders "))
    talk.say_at(events, times, is_reply, octets, text=verb, fill=FILL_TEXT)
    beat, times = ticks(life, rng.choice([120.0, 60.0, 20.0], n, p=[0.7, 0.2, 0.1]))
    ping, pong = talk.texts.add(b"PING\r\n"), talk.texts.add(b"PONG\r\n")
    talk.exchange_at(
        beat, times, None, None, request_text=ping, reply_text=pong, is_from_responder=True
    )
    return talk.finish(CLOSE_INITIATOR, linger_s=rng.exponential(5.0, n), horizon_s=horizon_s)


def amqp(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return AMQP 0-9-1 consumers: deliveries and acknowledgements, heartbeats both ways."""
    n = len(paths)
    talk = Talk(paths)
    rows = np.arange(n)
    talk.exchange(
        rows,
        None,
        508,
        serve_s=0.002,
        request_text=talk.texts.add(b"AMQP\x00\x00\x09\x01"),
        reply_text=talk.texts.add(b"\x01\x00\x00\x00\x00\x01\xf4\x00\x0a\x00\x0a"),
    )
    for request, reply in ((350, 20), (36, 13), (13, 16), (29, 58), (45, 44)):
        talk.exchange(rows, request, reply, serve_s=0.0006, think_s=0.0005)
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n))
    jobs, times = moments(rng, life, parameter("event_gap").draw(rng, n) * 2)
    work = np.minimum(parameter("job_work").draw(rng, len(jobs)), 60.0) * 0.05
    delivered = 90 + parameter("event").whole(rng, len(jobs))
    talk.exchange_at(jobs, times, delivered, 21, serve_s=work, is_from_responder=True)
    period = rng.choice([30.0, 60.0, 10.0], n, p=[0.7, 0.2, 0.1])
    beat = talk.texts.add(b"\x08\x00\x00\x00\x00\x00\x00\xce")
    for is_reply in (False, True):
        whose, times = ticks(life - period, period)
        offset = rng.random(n) * period
        talk.say_at(whose, times + offset[whose], is_reply, text=beat)
    return talk.finish(CLOSE_INITIATOR, linger_s=rng.exponential(5.0, n), horizon_s=horizon_s)


def telemetry(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return devices that say a little every 80 s, day and night, and get a word back."""
    n = len(paths)
    talk = Talk(paths)
    secure(talk, np.flatnonzero(rng.random(n) < 0.5), rng, _CLOUD, newer=0.3, named=0.6)
    rows = np.arange(n)
    talk.exchange(rows, rng.integers(60, 400, n), rng.integers(20, 200, n), serve_s=0.01)
    life = remaining(paths, horizon_s, parameter("long_life").draw(rng, n) * 2)
    period = parameter("telemetry").draw(rng, n)
    beat, times = ticks(life - 2.0, period)
    times = times + rng.normal(0.0, 0.15, len(times))
    size, answer = parameter("telemetry_octets").whole(rng, n), rng.integers(2, 60, n)
    spread = rng.integers(0, 1 + size // 8)
    octets = size[beat] + np.rint(rng.random(len(beat)) * spread[beat])
    talk.exchange_at(beat, times, octets, answer[beat], serve_s=rng.exponential(0.01, len(beat)))
    commands, moment = moments(rng, life, np.full(n, 1800.0))
    talk.say_at(commands, moment, True, rng.integers(20, 300, len(commands)))
    return talk.finish(CLOSE_NONE, horizon_s=horizon_s)
