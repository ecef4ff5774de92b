# SPDX-License-Identifier: Apache-2.0
from random import Random

import pytest

from minewatch.decoders.websocket import websocket_messages
from minewatch.lab.carriers import client_carrier, server_carrier
from minewatch.lab.simulator.web_frames import frame, upgrade

NOW_S = 1_700_000_000.0


def test_the_upgrade_is_what_the_lab_sends():
    """All but the key, its answer and the date."""
    request, reply = upgrade("p.example", 443, NOW_S, Random(1))
    client, server = client_carrier("websocket", "p.example", 443), server_carrier("websocket")
    lab_request = client.open()
    server.receive(lab_request)
    lab_reply = server.replies()

    def fixed(octets: bytes) -> list[bytes]:
        drawn = (b"Sec-WebSocket-Key", b"Sec-WebSocket-Accept", b"Date")
        lines = octets.split(b"\r\n")
        return [line.partition(b":")[0] if line.startswith(drawn) else line for line in lines]

    assert fixed(request) == fixed(lab_request)
    assert fixed(reply) == fixed(lab_reply)
    assert len(request) == len(lab_request)
    assert len(reply) == len(lab_reply)


def test_the_upgrade_is_granted_by_a_real_server():
    request, _ = upgrade("p.example", 443, NOW_S, Random(1))
    server = server_carrier("websocket")
    assert server.receive(request) == []
    assert server.is_open
    assert server.receive(frame(b'{"type":"auth"}', Random(2))) == [b'{"type":"auth"}']


@pytest.mark.parametrize("length", [0, 2, 125, 126, 200, 65_535, 65_536])
def test_frames_are_read_again(length: int):
    message = b"m" * length
    for octets in (frame(message), frame(message, Random(3))):
        if length <= 16_384:
            assert list(websocket_messages(octets)) == [(0, message)]
        assert len(octets) - length in (2, 4, 6, 8, 10, 14)
    assert frame(message, Random(1)) == frame(message, Random(1))
