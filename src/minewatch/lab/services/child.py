# SPDX-License-Identifier: Apache-2.0
"""Client programs that an actor runs, feeds and ends."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator, Sequence

from minewatch.lab.services.programs import need_program

_GRACE_S = 2.0


async def run_child(argv: Sequence[str], text: Iterator[tuple[float, bytes]] | None = None) -> None:
    """Run a program until its end; end it when the task is cancelled.

    Parameters
    ----------
    argv : program and arguments.
    text : what it reads: pairs of a wait [s] and what is then written. Its end closes the input.

    Raises
    ------
    ConnectionError : it failed; clients fail because they cannot reach their server.
    """
    process = await asyncio.create_subprocess_exec(
        *leashed(argv), stdin=DEVNULL if text is None else PIPE, stdout=DEVNULL
    )
    feeding = asyncio.create_task(_feed(process, text or iter(())))
    try:
        status = await process.wait()
    finally:
        feeding.cancel()
        await _end(process)
    if status:
        raise ConnectionError(f"{argv[0]}: status {status}")


def leashed(argv: Sequence[str]) -> tuple[str, ...]:
    """Return a command that the kernel ends with its parent, even if that is killed."""
    return (need_program("setpriv"), "--pdeathsig", "TERM", "--", need_program(argv[0]), *argv[1:])


def restarting(argv: Sequence[str], pause_s: float = 2.0) -> tuple[str, ...]:
    """Return a command that runs a program again whenever it ends."""
    loop = f'while :; do "$@"; sleep {pause_s}; done'
    return (need_program("sh"), "-c", loop, "sh", *leashed(argv))


async def _feed(process: asyncio.subprocess.Process, text: Iterator[tuple[float, bytes]]) -> None:
    if process.stdin is None:
        return
    try:
        for wait_s, octets in text:
            await asyncio.sleep(wait_s)
            process.stdin.write(octets)
            await process.stdin.drain()
        process.stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        pass  # The program has ended: its caller sees that.


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _GRACE_S)
    except TimeoutError:
        process.kill()
        await process.wait()
