# SPDX-License-Identifier: Apache-2.0
import asyncio

import pytest

from lab.services.conftest import free_port
from minewatch.lab.services import json_lines


def exchange(*lines):
    """Have a server send these lines; return what the client makes of them."""

    async def play():
        async def attend(reader, writer):
            writer.writelines(lines)
            writer.close()

        server = await asyncio.start_server(attend, "127.0.0.1", 0)
        async with server, json_lines.connect(*server.sockets[0].getsockname()) as other:
            return [message async for message in other.messages()]

    return asyncio.run(play())


def test_messages_are_one_a_line():
    assert exchange(b'{"a": 1}\n{"b"', b": 2}\n") == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("line", [b"hello\n", b"[1]\n", b"\xff\n"])
def test_what_is_no_object_is_a_broken_connection(line):
    with pytest.raises(ConnectionError, match="JSON"):
        exchange(line)


def test_serving_ends_with_its_connections():
    port = free_port()

    async def play():
        async def attend(lines):
            async for message in lines.messages():
                lines.send({"echo": message})

        serving = asyncio.create_task(json_lines.serve("127.0.0.2", port, attend))
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.2", port)
                break
            except OSError:
                await asyncio.sleep(0.01)
        writer.write(b'{"x": 1}\n')
        assert await reader.readline() == b'{"echo": {"x": 1}}\n'
        serving.cancel()
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(play())
