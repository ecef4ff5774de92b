# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from part_check import Made, Said, make


def plain(made: Made) -> list[Said]:
    """Return the longest conversation without TLS."""
    rows = np.argsort(made.counts())[::-1]
    return next(s for row in rows.tolist() if (s := made.said(row))[0].content[:1] != b"\x16")


@pytest.mark.parametrize("service", ["mqtt", "mqtt-out"])
def test_mqtt_connects_subscribes_and_pings(service: str):
    messages = plain(make(service))
    assert messages[0].content[:1] == b"\x10"
    assert messages[0].content[1] == messages[0].octets - 2
    assert messages[1].content == b"\x20\x02\x00\x00"
    assert messages[2].content[:1] == b"\x82"
    assert messages[2].content[1] == messages[2].octets - 2
    pings = [m.time_s for m in messages if m.content == b"\xc0\x00"]
    assert len(set(np.round(np.diff(pings), 6))) == 1


def test_nats_servers_greet_and_ping():
    messages = make("nats").said(3)
    assert messages[0].is_reply
    assert messages[0].content.startswith(b"INFO {")
    assert messages[1].content.startswith(b"CONNECT {")
    pings = [m for m in messages if m.content == b"PING\r\n"]
    assert pings
    assert all(m.is_reply for m in pings)


def test_amqp_beats_both_ways():
    made = make("amqp")
    messages = made.said(int(made.counts().argmax()))
    assert messages[0].content == b"AMQP\x00\x00\x09\x01"
    beats = [m for m in messages if m.content.endswith(b"\xce")]
    assert {m.is_reply for m in beats} == {True, False}
    assert all(m.octets == 8 for m in beats)


@pytest.mark.parametrize("service", ["iot-telemetry", "telemetry-out"])
def test_telemetry_is_small_and_steady_for_hours(service: str):
    made = make(service, n=100, hours=12.0)
    assert np.median(made.part.end_s - made.paths.start_s) > 3600
    messages = plain(made)
    sent = [m.time_s for m in messages[2:] if not m.is_reply]
    gaps = np.diff(sent)
    assert round(float(np.median(gaps))) in (30, 60, 80, 300)
    assert np.std(gaps) < 1.0
