# SPDX-License-Identifier: Apache-2.0
import asyncio
from random import Random

import pytest

from minewatch.lab.services import actor


@pytest.fixture
def naps(monkeypatch):
    """Waits that are only written down."""
    taken = []
    sleep = asyncio.sleep

    async def nap(seconds):
        taken.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", nap)
    return taken


def trial(outcomes, further=()):
    """Act with these outcomes, the last of which ends it."""
    left = iter(outcomes)

    async def act():
        outcome = next(left)
        if outcome is not None:
            raise outcome

    asyncio.run(actor.keep_trying(act, Random(1), further))


class EndError(Exception):
    pass


def test_pauses_double_while_connections_break_and_then_start_anew(naps):
    broken = [ConnectionRefusedError(), EOFError(), TimeoutError(), ConnectionResetError()]
    with pytest.raises(EndError):
        trial([*broken, None, *broken[:1], EndError()])
    start, *pauses = naps
    assert start <= actor.START_S
    for pause, expected in zip(pauses, [1, 2, 4, 8, 0.5, 1], strict=True):
        assert expected / 2 <= pause <= expected


def test_pauses_have_a_bound(naps):
    with pytest.raises(EndError):
        trial([*[OSError()] * 40, EndError()])
    assert max(naps) <= 30


def test_a_librarys_error_is_a_broken_connection_if_it_is_said(naps):
    with pytest.raises(LookupError):
        trial([LookupError()])
    with pytest.raises(EndError):
        trial([LookupError(), EndError()], (LookupError,))


def test_waits_are_bounded(naps):
    async def wait():
        rng = Random(1)
        for _ in range(500):
            await actor.wait_about(10, rng)

    asyncio.run(wait())
    assert 8 < sum(naps) / len(naps) < 12
    assert max(naps) == 40


def test_a_broken_connection_can_be_closed():
    async def play():
        async def hang_up(reader, writer):
            writer.transport.abort()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            with pytest.raises((ConnectionResetError, EOFError)):
                await reader.readexactly(1)
            await actor.close(writer)

    asyncio.run(play())
