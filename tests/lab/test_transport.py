# SPDX-License-Identifier: Apache-2.0
import asyncio
import contextlib
import socket

import pytest

from lab_play import ADDRESS, free_port, listening, say_nothing
from minewatch.lab import tls, transport
from minewatch.lab.transport import Listener, connect


async def echo(connection):
    while True:
        connection.send(await connection.receive())


def ask(messages, carrier="lines", newest=None, folder=None):
    """Return what an echo of each message brings."""

    async def run():
        server = client = None
        if newest is not None:
            server = tls.server_context(tls.self_signed_certificate(folder, "pool"), newest)
            client = tls.miner_context(newest)
        async with listening(echo, carrier, server) as listener:
            connection = await connect(ADDRESS, listener.port, carrier=carrier, context=client)
            heard = []
            async with asyncio.timeout(10):
                for message in messages:
                    connection.send([message])
                    heard += await connection.receive()
            await connection.close()
            return heard

    return asyncio.run(run())


@pytest.mark.parametrize("carrier", ["lines", "http", "websocket"])
def test_messages_go_there_and_back(carrier):
    assert ask([b'{"id":1}\n', b'{"id":2}\n'], carrier) == [b'{"id":1}\n', b'{"id":2}\n']


@pytest.mark.parametrize("newest", ["1.2", "1.3"])
@pytest.mark.parametrize("carrier", ["lines", "websocket"])
def test_messages_go_through_tls(tmp_path, newest, carrier):
    assert ask([b"{}\n"], carrier, newest, tmp_path) == [b"{}\n"]


def first_octets(context):
    """Return what a miner sends first to a port that says nothing."""

    async def run():
        heard = []

        async def listen_once(connection):
            heard.extend(await connection.receive())

        async with listening(listen_once) as listener:
            with pytest.raises(ConnectionError):  # the handshake is never answered
                await connect(ADDRESS, listener.port, context=context)
        return heard[0]

    return asyncio.run(run())


def test_the_hello_on_the_wire_is_xmrigs():
    hello = first_octets(tls.miner_context())
    assert hello[:2] == b"\x16\x03"
    # As XMRig 6.26 with OpenSSL 3: no server name and no padding.
    assert len(hello) == int.from_bytes(hello[3:5], "big") + 5 == 297


def test_sockets_have_keepalive_and_no_delay():
    async def run():
        async with listening(echo) as listener:
            connection = await connect(ADDRESS, listener.port)
            for end in (connection._writer,):
                sock = end.get_extra_info("socket")
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            await connection.close()

    asyncio.run(run())


def test_who_reads_nothing_is_cut_off():
    cut = []

    async def flood(connection):
        try:
            while True:
                connection.send([b"x" * 100_000])
                await asyncio.sleep(0)
        finally:
            cut.append(connection._writer.transport.is_closing())

    async def run():
        async with listening(flood) as listener:
            reader, writer = await asyncio.open_connection(ADDRESS, listener.port, limit=1)
            async with asyncio.timeout(10):
                with contextlib.suppress(ConnectionResetError):
                    while listener._tasks or not reader._buffer:
                        await asyncio.sleep(0.01)
            assert not listener._tasks
            assert cut == [True]  # at once, whatever its handler does then
            writer.transport.abort()

    asyncio.run(run())


def test_too_many_connections_are_cut_off(monkeypatch):
    monkeypatch.setattr(transport, "MAX_CONNECTIONS", 1)

    async def run():
        async with listening(echo) as listener, asyncio.timeout(10):
            one = await connect(ADDRESS, listener.port)
            one.send([b"a"])
            assert await one.receive() == [b"a"]
            two = await connect(ADDRESS, listener.port)
            with pytest.raises(ConnectionError):
                await two.receive()
            one.send([b"b"])
            assert await one.receive() == [b"b"]
            await one.close()
            await two.close()

    asyncio.run(run())


def test_nobody_there_is_an_error():
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(connect(ADDRESS, free_port()))


@pytest.mark.parametrize("how", ["tls", "websocket", "socks"])
def test_who_never_answers_is_left_in_time(monkeypatch, how):
    monkeypatch.setattr(transport, "CONNECT_TIMEOUT_S", 0.2)

    async def run():
        async with listening(say_nothing) as listener:
            port = listener.port
            with pytest.raises(TimeoutError):
                await connect(
                    ADDRESS,
                    port,
                    carrier="websocket" if how == "websocket" else "lines",
                    context=tls.miner_context() if how == "tls" else None,
                    proxy=(ADDRESS, port) if how == "socks" else None,
                )

    asyncio.run(run())


def test_a_defect_in_a_handler_is_raised_by_wait():
    async def broken(connection):
        raise ZeroDivisionError

    async def run():
        async with listening(broken) as listener, asyncio.timeout(10):
            connection = await connect(ADDRESS, listener.port)
            with pytest.raises(ZeroDivisionError):
                await listener.wait()
            await connection.close()

    asyncio.run(run())


def test_closing_drops_all_connections():
    async def run():
        async with listening(echo) as listener:
            connection = await connect(ADDRESS, listener.port)
            connection.send([b"a"])
            await connection.receive()
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionError):
                await connection.receive()
        await connection.close()
        with pytest.raises(ConnectionRefusedError):
            await connect(ADDRESS, listener.port)

    asyncio.run(run())


def test_a_port_in_use_is_an_error():
    async def run():
        async with listening(echo) as listener:
            with pytest.raises(OSError, match="in use"):
                await Listener(echo, "lines", None).start(ADDRESS, listener.port)

    asyncio.run(run())
