# SPDX-License-Identifier: Apache-2.0
import asyncio
import socket

import pytest

from lab_play import ADDRESS, free_port, listening, listening_program
from minewatch.lab import socks
from minewatch.lab.transport import connect


def ask(replies):
    """Ask a server that gives these replies; return what it was asked."""

    async def run():
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.setblocking(False)
            await loop.sock_sendall(theirs, replies)
            theirs.shutdown(socket.SHUT_WR)
            await socks.ask(ours, "203.0.113.7", 3333)
            asked = await loop.sock_recv(theirs, 100)
            return asked, await loop.sock_recv(ours, 100)

    return asyncio.run(run())


@pytest.mark.parametrize("bound", ["01cb0071070d05", "03036162630d05", "04" + "00" * 16 + "0d05"])
def test_a_granted_connection_leaves_the_pools_octets_alone(bound):
    asked, rest = ask(bytes.fromhex("0500" + "050000" + bound) + b"hello")
    assert asked.hex() == "050100" + "05010001cb0071070d05"
    assert rest == b"hello"


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ("05ff", "wants authentication"),
        ("4854", "wants authentication, or is none"),
        ("0500" + "05050001000000000000", "203.0.113.7:3333: connection refused"),
        ("0500" + "05ee0001000000000000", "203.0.113.7:3333: 238"),
        ("0500" + "0500", "hung up"),
        ("", "hung up"),
    ],
)
def test_a_refusal_says_why(replies, reason):
    with pytest.raises(ConnectionError, match=reason):
        ask(bytes.fromhex(replies))


@pytest.mark.parametrize("name", ["", "a" * 300])
def test_a_name_has_a_length(name):
    with pytest.raises(ValueError, match=r"octets|label"):
        socks.request(name, 80)


def test_microsocks_carries_a_connection_and_refuses_one():
    async def shout(connection):
        connection.send(octets.upper() for octets in await connection.receive())

    async def run(proxy_port):
        async with listening(shout) as listener:
            port = listener.port
            for host in (ADDRESS, "localhost"):
                connection = await connect(host, port, proxy=(ADDRESS, proxy_port))
                connection.send([b"hello\n"])
                assert await connection.receive() == [b"HELLO\n"]
                await connection.close()
        with pytest.raises(ConnectionError, match="connection refused"):
            await connect(ADDRESS, port, proxy=(ADDRESS, proxy_port))

    port = free_port()
    with listening_program(["microsocks", "-i", ADDRESS, "-p", str(port)], port):
        asyncio.run(run(port))
