# SPDX-License-Identifier: Apache-2.0
"""What trickles for hours as miners do: hubs, push channels, SSH that nobody saw begin."""

import numpy as np
import pytest

from negative_check import assert_stays_normal, beats, chances, ordered, simulated, spoken


def iot_hub(rng, length):
    """A hub: one small message every 80 s in a protocol of its own, a word back."""
    said = []
    size, spread = int(rng.integers(40, 180)), int(rng.integers(0, 6))
    for at in beats(rng, length, 80.0, 0.2):
        said.append((at, False, size + int(rng.integers(0, spread + 1))))
        said.append((at + 0.09, True, 20))
    said += [(at, True, int(rng.integers(30, 90))) for at in chances(rng, length, 2400)]
    return ordered([(0.2, False, 210), (0.35, True, 64), *said])


def lock_hub(rng, length):
    """A lock's hub: its cloud asks every 80 s, the hub answers; somebody opens a door."""
    said = [(0.2, False, 148), (0.3, True, 36)]
    for at in beats(rng, length, 80.0, 0.4):
        said += [(at, True, 26), (at + 0.12, False, 58)]
    for at in chances(rng, length, 1800):
        said += [(at, True, 94), (at + 0.6, False, 122), (at + 0.7, True, 26)]
    return ordered(said)


def silent_hub(rng, length):
    """A hub that tells what it measures every 80 s and hears nothing but of a change."""
    said = [(0.2, False, 210), (0.35, True, 64)]
    said += [(at, False, 71) for at in beats(rng, length, 80.0, 0.05)]
    said += [(at, True, 40) for at in chances(rng, length, 3600)]
    return ordered([*said, (1.0, True, 12)])


@pytest.mark.parametrize("port", [9999, 443, 3333])
@pytest.mark.parametrize("speak", [iot_hub, lock_hub, silent_hub])
def test_hub_that_speaks_every_80_s_stays_normal(speak, port, tmp_path):
    assert_stays_normal(tmp_path, spoken(speak, port, n=8, hours=6.0))


def xmpp_push(rng, length):
    """A push channel: a space as keepalive, now and then a message, acknowledged (XEP-0198)."""
    said = [
        (0.2, False, b"<?xml version='1.0'?><stream:stream to='push.example' version='1.0'>"),
        (0.35, True, b"<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"),
        (0.5, False, b"<iq type='set' id='b1'><bind/></iq>"),
        (0.65, True, b"<iq type='result' id='b1'><bind><jid>a@push.example/1</jid></bind></iq>"),
    ]
    for at in beats(rng, length, float(rng.choice([60.0, 240.0])), 1.0):
        said += [(at, False, b" "), (at + 0.1, True, b" ")]
    for at in chances(rng, length, float(rng.uniform(90, 600))):
        body = b"x" * int(rng.integers(60, 900))
        said.append((at, True, b"<message to='a@push.example/1'><body>%b</body></message>" % body))
        said.append((at + 0.05, False, b"<a xmlns='urn:xmpp:sm:3' h='7'/>"))
    return ordered(said)


def mobile_push(rng, length):
    """A telephone's channel: a heartbeat of minutes, notices as they come, each acknowledged."""
    said = [(0.2, False, 380), (0.4, True, 120)]
    for at in beats(rng, length, float(rng.choice([240.0, 900.0])), 3.0):
        said += [(at, False, 31), (at + 0.15, True, 31)]
    for at in chances(rng, length, float(rng.uniform(60, 400))):
        said += [(at, True, int(rng.integers(220, 2400))), (at + 0.08, False, 38)]
    return ordered(said)


def busy_chat(rng, length):
    """A room of many people: nearly all comes from the server; its user seldom writes."""
    said = [(0.2, False, 420), (0.4, True, 1900)]
    for at in chances(rng, length, float(rng.uniform(15, 70))):
        said.append((at, True, int(rng.integers(180, 700))))
    for at in chances(rng, length, 400):
        said += [(at, False, int(rng.integers(90, 300))), (at + 0.06, True, 74)]
    for at in beats(rng, length, 30.0, 0.1):
        said += [(at, True, 2), (at + 0.07, False, 6)]
    return ordered(said)


@pytest.mark.parametrize("speak", [xmpp_push, mobile_push, busy_chat])
def test_chat_push_channel_stays_normal(speak, tmp_path):
    assert_stays_normal(tmp_path, spoken(speak, 5222, n=12))


def ssh_hours(rng, length):
    """Somebody at a shell for hours: bursts of keys with echoes, output, thought, keepalive."""
    said = [(0.2, False, 41), (0.3, True, 41), (0.4, False, 1536), (0.5, True, 1080)]
    for burst in chances(rng, length, 150):
        at = burst
        for _ in range(int(rng.geometric(0.12))):
            at += float(rng.exponential(0.25)) + 0.05
            said += [(at, False, 36), (at + 0.02, True, 36)]
        said.append((at + 0.1, True, 36 + 16 * int(rng.geometric(0.03))))
    for at in beats(rng, length, 60.0, 0.01):
        said += [(at, True, 68), (at + 0.04, False, 44)]
    return ordered(said)


def test_ssh_of_hours_stays_normal(tmp_path):
    assert_stays_normal(tmp_path, spoken(ssh_hours, 22, n=12))


def test_ssh_of_hours_half_seen_stays_normal(tmp_path):
    assert_stays_normal(tmp_path, spoken(ssh_hours, 22, n=12, hours=3.0), half=True)


@pytest.mark.parametrize(("service", "long"), [("ssh-idle", 4), ("ssh-interactive", 0)])
def test_ssh_half_seen_stays_normal(service, long, tmp_path):
    made = simulated(service, n=24, hours=8.0)
    assert_stays_normal(tmp_path, made, long=long, half=True)


def test_half_seen_hub_and_chat_stay_normal(tmp_path):
    for speak in (iot_hub, xmpp_push):
        path = tmp_path / speak.__name__
        path.mkdir()
        assert_stays_normal(path, spoken(speak, 443, n=8, hours=4.0), half=True)


def test_seeds_make_other_traffic():
    one, two = (iot_hub(np.random.default_rng(seed), 3600.0) for seed in (1, 2))
    assert one != two
