# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.decoders.tls import TlsDecoder
from part_check import make, payload


def test_scrapes_come_every_fifteen_seconds_for_hours():
    made = make("prometheus", n=100, hours=12.0)
    assert np.median(made.part.end_s - made.paths.start_s) > 3600
    fifteen = 0
    for row in np.flatnonzero(made.counts() > 40):
        messages = made.said(int(row))
        asked = [m.time_s for m in messages if not m.is_reply]
        gap = float(np.median(np.diff(asked)))
        assert round(gap) in (15, 30, 60)
        assert np.std(np.diff(asked)) < 0.5
        fifteen += round(gap) == 15
        assert messages[0].content.startswith(b"GET /metrics")
        sizes = [m.octets for m in messages if m.is_reply]
        assert max(sizes) - min(sizes) < 100
    assert fifteen > 40


def test_grpc_is_http2():
    made = make("grpc-stream")
    firsts = [made.said(row)[0].content for row in range(60)]
    assert {c[:3] for c in firsts} == {b"PRI", b"\x16\x03\x01"}
    assert (made.counts() > 6).mean() > 0.8


@pytest.mark.parametrize("service", ["websocket-chat", "websocket-out"])
def test_chats_upgrade_and_talk_both_ways(service: str):
    made = make(service)
    plain = [m for row in range(60) if (m := made.said(row))[0].content.startswith(b"GET /socket")]
    assert 8 < len(plain) < 35
    for messages in plain:
        assert messages[1].content.startswith(b"HTTP/1.1 101")
    pings = [m for messages in plain for m in messages if m.content == b"\x89\x00"]
    assert all(m.is_reply and m.octets == 2 for m in pings)
    assert pings


def test_watches_are_tls13_and_carry_leases():
    made = make("kubernetes-watch")
    row = TlsDecoder().decode(payload(made.said(0)))
    assert row is not None
    assert row["tls_version"] == "TLS 1.3"
    assert ((made.part.octets == 620 + 22) & ~made.part.is_reply).sum() > 500


def test_long_polls_are_answered_within_25_seconds():
    made = make("long-poll")
    waits = [
        after.time_s - before.time_s
        for row in range(60)
        for before, after in zip(made.said(row), made.said(row)[1:], strict=False)
        if after.is_reply and not before.is_reply
    ]
    assert np.mean(waits[10:]) > 10
    assert max(waits) < 27
