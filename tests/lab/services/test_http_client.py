# SPDX-License-Identifier: Apache-2.0
import asyncio

import pytest

from minewatch.lab.services import http_client


def fetch(answer, times=1):
    """Have a server answer so; return lengths, and the requests."""
    requests = []

    async def play():
        async def attend(reader, writer):
            for _ in range(times):
                requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
                writer.write(answer)
            writer.close()

        server = await asyncio.start_server(attend, "127.0.0.1", 0)
        async with server:
            connection = await http_client.connect(*server.sockets[0].getsockname())
            try:
                return [await connection.get("site.example", "/a.html") for _ in range(times)]
            finally:
                await connection.close()

    return asyncio.run(play()), requests


def test_one_connection_for_several_pages():
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + bytes(70_000)
    lengths, requests = fetch(answer, times=3)
    assert lengths == [70_000] * 3
    assert requests[0].startswith("GET /a.html HTTP/1.1\r\nHost: site.example\r\nUser-Agent: Moz")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", ConnectionError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", ConnectionError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", EOFError),
        (b"HTTP/1.1 200", EOFError),
    ],
)
def test_half_an_answer_is_a_broken_connection(answer, error):
    with pytest.raises(error):
        fetch(answer)
