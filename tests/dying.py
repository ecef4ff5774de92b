# SPDX-License-Identifier: Apache-2.0
"""A process that dies at a chosen step of its work on the disk, as `kill -9` would have it."""

import os
from collections.abc import Callable
from typing import Any

STEPS = ("open", "write", "pwrite", "fsync", "ftruncate", "replace", "unlink", "fchown")
"""Calls that change something, or see it to the disk."""


def dies_at(step: int, work: Callable[[Callable[[int], None]], None]) -> tuple[list[int], bool]:
    """Do some work in a child that dies at a step; return what it told, and whether it died.

    Of a write half of the octets come to the disk first. `work` gets a function to tell numbers by.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _work_and_die(step, work, writer)
    os.close(writer)
    with open(reader, "rb") as file:
        told = [int(line) for line in file.read().splitlines()]
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9), f"the child ended with {code}"
    return told, code == 9


def _work_and_die(step: int, work: Callable[[Callable[[int], None]], None], writer: int) -> None:
    write, left = os.write, [step]

    def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                if name in ("write", "pwrite"):
                    octets = bytes(arguments[1])
                    real(arguments[0], octets[: len(octets) // 2], *arguments[2:])
                os._exit(9)
            return real(*arguments, **options)

        return call

    def tell(number: int) -> None:
        write(writer, b"%d\n" % number)

    status = 1
    try:
        for name in STEPS:
            setattr(os, name, watched(name, getattr(os, name)))
        work(tell)
        status = 0
    finally:
        # Whatever was raised: this process must not go on with the tests of the other.
        os._exit(status)
