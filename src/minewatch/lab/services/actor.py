# SPDX-License-Identifier: Apache-2.0
"""What actors share: a start at a time of their own, and a new try when a connection breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random

START_S = 4.0
"""Every client begins within this time, so that a lab of one minute shows every service [s]."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_BROKEN = (OSError, EOFError)
"""Refused, reset, timed out, TLS alert (all OSError), and ended in the middle (EOFError)."""


async def keep_trying(
    act: Callable[[], Awaitable[None]],
    rng: Random,
    further: tuple[type[Exception], ...] = (),
) -> None:
    """Act again and again, after a pause that doubles while connections break.

    Parameters
    ----------
    act : opens what it needs, and closes it; it may return, or break with OSError or EOFError.
    rng : draws the pauses.
    further : errors that a library raises for a broken connection.
    """
    await asyncio.sleep(rng.uniform(0.1, START_S))
    clock = asyncio.get_running_loop().time
    pause_s = _FIRST_PAUSE_S
    broken: tuple[type[Exception], ...] = (*_BROKEN, *further)
    while True:
        began_s = clock()
        try:
            await act()
            pause_s = _FIRST_PAUSE_S
        except broken:
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        # What lasted long enough sets its own pace, unless connections break.
        if pause_s > _FIRST_PAUSE_S or clock() - began_s < _FIRST_PAUSE_S:
            await asyncio.sleep(pause_s * rng.uniform(0.5, 1))


async def wait_about(mean_s: float, rng: Random) -> None:
    """Wait for an exponential time, at most four times its mean."""
    await asyncio.sleep(min(rng.expovariate(1 / mean_s), 4 * mean_s))


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection, and wait for it unless the other end broke it."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
