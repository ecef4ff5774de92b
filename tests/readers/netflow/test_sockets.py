# SPDX-License-Identifier: Apache-2.0
"""Sockets and batches of datagrams."""

import os
import socket

import pytest

from minewatch.errors import ConfigError
from minewatch.readers.netflow import sockets
from minewatch.readers.netflow.sockets import Batch, Endpoint, ExportSocket, parse_endpoint


@pytest.fixture
def opened():
    made = []

    def make(host="127.0.0.1"):
        made.append(ExportSocket(Endpoint(host, 0), "--netflow"))
        return made[-1]

    yield make
    for one in made:
        one.close()


def sender_to(one):
    family = socket.AF_INET6 if ":" in one.endpoint.host else socket.AF_INET
    sender = socket.socket(family, socket.SOCK_DGRAM)
    sender.connect(tuple(one.endpoint))
    return sender


def datagrams(batch):
    return [bytes(batch.datagram(i, n)) for i, n in enumerate(batch.lengths.tolist())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0.0.0:2055", ("0.0.0.0", 2055)),
        (" 127.0.0.1:0 ", ("127.0.0.1", 0)),
        ("[::]:4739", ("::", 4739)),
        ("[2001:DB8::1]:65535", ("2001:db8::1", 65_535)),
    ],
)
def test_addresses_to_listen_on(text, expected):
    endpoint = parse_endpoint(text, "--netflow")
    assert endpoint == expected
    assert parse_endpoint(str(endpoint), "--netflow") == endpoint


@pytest.mark.parametrize(
    "text",
    ["", ":2055", "2055", "localhost:2055", "0.0.0.0", "0.0.0.0:", "0.0.0.0:-1", "0.0.0.0:65536",
     "0.0.0.0:²", "::1:2055", "[127.0.0.1]:2055", "[::1]", "[::1:2055"],
)  # fmt: skip
def test_what_is_no_address_to_listen_on(text):
    with pytest.raises(ConfigError, match=r"^--ipfix .*: no address and port; write "):
        parse_endpoint(text, "--ipfix")


def test_loopback_is_known():
    assert Endpoint("127.0.0.9", 1).is_loopback
    assert Endpoint("::1", 1).is_loopback
    assert not Endpoint("0.0.0.0", 1).is_loopback


def test_a_port_that_is_taken(opened):
    taken = opened()
    with pytest.raises(ConfigError, match=r"--sflow 127\.0\.0\.1:\d+: Address already in use; "):
        ExportSocket(taken.endpoint, "--sflow")


def test_an_address_of_another_machine():
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ConfigError, match=r"--netflow 192\.0\.2\.1:0: "):
        ExportSocket(Endpoint("192.0.2.1", 0), "--netflow")
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_kernel_is_asked_for_room(opened, monkeypatch):
    monkeypatch.setattr(sockets, "RECEIVE_BUFFER_OCTETS", 100_000)
    assert opened().buffer_octets == 200_000  # Linux keeps as much again for itself


def test_without_the_right_to_force_the_room_it_is_asked_for(opened, monkeypatch):
    allowed = socket.socket.setsockopt

    def refuse(self, level, option, *value):
        if option == 33:
            raise PermissionError(1, "Operation not permitted")
        allowed(self, level, option, *value)

    monkeypatch.setattr(sockets, "RECEIVE_BUFFER_OCTETS", 50_000)
    monkeypatch.setattr(socket.socket, "setsockopt", refuse)
    assert opened().buffer_octets == 100_000


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", bytes([127, 0, 0, 1])), ("::1", bytes(15) + b"\x01")]
)
def test_datagrams_with_their_senders(opened, host, address):
    one, batch = opened(host), Batch(4)
    assert batch.receive(one) == 0
    sent = [b"a", b"", b"c" * 60_000, b"d" * 100, b"e"]
    with sender_to(one) as sender:
        for datagram in sent:
            sender.send(datagram)
    assert batch.receive(one) == 4
    assert datagrams(batch) == sent[:4]
    assert [batch.sender(i) for i in range(4)] == [address] * 4
    assert batch.endpoint == one.endpoint
    assert batch.receive(one) == 1
    assert datagrams(batch) == [b"e"]
    assert batch.receive(one) == 0


def test_one_batch_serves_sockets_of_both_families(opened):
    batch = Batch(2)
    for host in ("127.0.0.1", "::1", "127.0.0.1", "::1"):
        one = opened(host)
        with sender_to(one) as sender:
            sender.send(host.encode())
        assert batch.receive(one) == 1
        assert datagrams(batch) == [host.encode()]
        assert len(batch.sender(0)) == (16 if ":" in host else 4)
        assert batch.sender(0)[-1] == 1


def test_datagrams_are_views_that_cannot_be_written(opened):
    one, batch = opened(), Batch(1)
    with sender_to(one) as sender:
        sender.send(b"abc")
    batch.receive(one)
    with pytest.raises(TypeError):
        batch.datagram(0, 3)[0] = 0


def test_what_the_kernel_dropped(opened, monkeypatch):
    monkeypatch.setattr(sockets, "RECEIVE_BUFFER_OCTETS", 4096)
    one, batch = opened(), Batch()
    assert one.dropped == 0
    with sender_to(one) as sender:
        for _ in range(100):
            sender.send(bytes(1000))
    assert one.dropped == 100 - batch.receive(one) > 0


def test_a_socket_that_was_closed(opened):
    one = opened()
    one.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        Batch(1).receive(one)
