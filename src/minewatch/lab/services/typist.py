# SPDX-License-Identifier: Apache-2.0
"""A person at a shell: ``python -m minewatch.lab.services.typist --seed 7 -- ssh ...``.

Keys come at a person's pace: a few a second, a pause for thought before each command. When the
session ends, another begins.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from random import Random

from minewatch.lab.services.actor import keep_trying
from minewatch.lab.services.child import run_child

_COMMANDS = (
    "ls -la /etc | head -20",
    "uptime",
    "df -h /",
    "free -m",
    "date",
    "id",
    "ps aux | head -15",
    "cat /etc/os-release",
    "tail -n 12 /etc/services",
    "grep -c . /etc/passwd",
)
_KEY_S = 0.17
"""Median time between keys, about 70 words a minute."""
_SLIP = 0.03
"""Share of keys that are wrong, and taken back."""
_BACKSPACE = b"\x7f"


def session(think_mean_s: float, rng: Random) -> Iterator[tuple[float, bytes]]:
    """Yield keys, and the wait before each; the last one logs out."""
    for number in range(rng.randint(5, 40)):
        command = rng.choice(_COMMANDS)
        think_s = 1.0 if number == 0 else min(rng.expovariate(1 / think_mean_s), 10 * think_mean_s)
        yield think_s, command[:1].encode()
        for key in command[1:]:
            if rng.random() < _SLIP:
                yield _key_s(rng), rng.choice("asdfjkl").encode()
                yield 2 * _key_s(rng), _BACKSPACE
            yield _key_s(rng), key.encode()
        yield _key_s(rng), b"\r"
    yield think_mean_s, b"\x04"


def _key_s(rng: Random) -> float:
    return min(_KEY_S * rng.lognormvariate(0, 0.5), 2.0)


async def _work(argv: Sequence[str], think_mean_s: float, rng: Random) -> None:
    me = asyncio.current_task()
    if me is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    await keep_trying(lambda: run_child(argv, session(think_mean_s, rng)), rng)


def main() -> None:
    """Type until SIGTERM."""
    parser = argparse.ArgumentParser(description="type into a program as a person does")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--think", type=float, default=8.0, help="mean pause for thought [s]")
    parser.add_argument("program", nargs="+")
    given = parser.parse_args()
    with suppress(asyncio.CancelledError):
        asyncio.run(_work(given.program, given.think, Random(given.seed)))


if __name__ == "__main__":
    main()
