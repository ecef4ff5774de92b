# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import ConfigError
from minewatch.lab.carriers import client_carrier, server_carrier
from minewatch.lab.dialects.contract import MAX_BUFFER_OCTETS


def opened():
    """Return both ends of a web socket after the upgrade, and the request for it."""
    client, server = client_carrier("websocket", "203.0.113.5", 8080), server_carrier("websocket")
    assert not client.is_open
    assert not server.is_open
    request = client.open()
    assert server.open() == b""
    assert server.receive(request) == []
    assert client.receive(server.replies()) == []
    assert client.is_open
    assert server.is_open
    return client, server, request


def test_the_upgrade_is_that_of_a_browser():
    _, _, request = opened()
    lines = request.decode().split("\r\n")
    assert lines[0] == "GET /proxy HTTP/1.1"
    assert "Host: 203.0.113.5:8080" in lines
    assert "Upgrade: websocket" in lines
    assert any(line.startswith("Origin: http") for line in lines)
    assert any(line.startswith("User-Agent: Mozilla") for line in lines)


def test_messages_cross_whole_masked_only_by_the_client():
    client, server, _ = opened()
    message = b'{"type":"submit"}'
    up, down = client.wrap(message), server.wrap(message)
    assert len(up) == len(message) + 6
    assert len(down) == len(message) + 2
    assert message in down
    assert message not in up
    assert server.receive(up) == client.receive(down) == [message]
    assert server.receive(up[:5]) == []
    assert server.receive(up[5:] + client.wrap(b"{}")) == [message, b"{}"]


def test_a_ping_is_answered_and_is_no_message():
    client, server, _ = opened()
    client._protocol.send_ping(b"hello")
    assert server.receive(client.replies()) == []
    assert server.replies() == b"\x8a\x05hello"


def test_fragments_are_put_together():
    client, server, _ = opened()
    client._protocol.send_text(b'{"a":', fin=False)
    client._protocol.send_continuation(b"1}", fin=True)
    assert server.receive(client.replies()) == [b'{"a":1}']


def test_a_close_ends_it():
    client, server, _ = opened()
    client._protocol.send_close(1000)
    with pytest.raises(ValueError, match="was closed"):
        server.receive(client.replies())
    assert server.replies().startswith(b"\x88")
    with pytest.raises(ConnectionError, match="not open"):
        server.wrap(b"{}")


@pytest.mark.parametrize(
    "octets",
    [b'{"id":1,"method":"login"}\n', b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\n\r\n"],
)
def test_who_asks_for_no_upgrade_is_refused(octets):
    server = server_carrier("websocket")
    with pytest.raises(ValueError, match="not a web socket"):
        server.receive(octets)


def test_a_refused_upgrade_is_seen():
    client = client_carrier("websocket", "203.0.113.5", 80)
    client.open()
    with pytest.raises(ValueError, match="not a web socket"):
        client.receive(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")


def test_a_message_too_long_is_refused():
    client, server, _ = opened()
    client._protocol.send_text(b"x" * (MAX_BUFFER_OCTETS + 1))
    with pytest.raises(ValueError, match="not a web socket"):
        server.receive(client.replies())


@pytest.mark.parametrize("name", ["lines", "http"])
def test_others_add_nothing(name):
    for carrier in (client_carrier(name, "a", 1), server_carrier(name)):
        assert carrier.is_open
        assert carrier.open() == carrier.replies() == b""
        assert carrier.wrap(b"abc") == b"abc"
        assert carrier.receive(b"abc") == [b"abc"]


def test_an_unknown_carrier_is_an_error():
    for make in (lambda: server_carrier("pigeon"), lambda: client_carrier("pigeon", "a", 1)):
        with pytest.raises(ConfigError, match="no carrier 'pigeon': there are lines"):
            make()
