# SPDX-License-Identifier: Apache-2.0
"""Filters of packets in the kernel: expressions of pcap-filter(7), compiled by tcpdump.

tcpdump prints what its library compiles (``-ddd``); so minewatch needs no library of its own for
it, and people find the language that they know. What a filter leaves out costs nearly nothing.

Nothing heavy is imported here: see ``opening.py``.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import subprocess
from collections.abc import Sequence
from typing import Final, NamedTuple

from minewatch.errors import ConfigError
from minewatch.readers.live.interface import Interface

MAX_INSTRUCTIONS: Final = 4096
"""BPF_MAXINSNS of the kernel."""
MAX_EXPRESSION: Final = 10_000
_PATIENCE_S: Final = 20
"""A name in an expression is looked up, which may take long."""

_SO_ATTACH_FILTER: Final = 26
_RETURN: Final = 6
_LIMITS: Final = (0xFFFF, 0xFF, 0xFF, 0xFFFF_FFFF)
_INSTRUCTION: Final = struct.Struct("=HBBI")
_PROGRAM: Final = struct.Struct("@HP")


class Instruction(NamedTuple):
    """One instruction of classic BPF, the sock_filter of linux/filter.h."""

    code: int
    if_true: int
    if_false: int
    value: int


REFUSE_ALL: Final = (Instruction(_RETURN, 0, 0, 0),)
"""The filter that no packet passes."""


def accept_all(snapshot_octets: int) -> tuple[Instruction, ...]:
    """Return the filter that every packet passes.

    Parameters
    ----------
    snapshot_octets : how much of it.
    """
    return (Instruction(_RETURN, 0, 0, snapshot_octets),)


def compile_filter(
    expression: str, interface: Interface, snapshot_octets: int
) -> tuple[Instruction, ...]:
    """Return the instructions of an expression.

    Parameters
    ----------
    expression : in tcpdump's language; empty for every packet.
    interface : whose packets it is for: what stands where depends on the link layer.
    snapshot_octets : how much of a packet passes.

    Raises
    ------
    ConfigError : tcpdump is not there, or does not understand it.
    """
    if not expression.strip():
        return accept_all(snapshot_octets)
    if len(expression) > MAX_EXPRESSION or "\0" in expression:
        raise ConfigError(f"a filter has at most {MAX_EXPRESSION} characters, none of them NUL")
    # On the interface itself it knows that the kernel takes VLAN tags off. Where minewatch asks for
    # packets without their link layer, they begin like raw IP.
    place = ["-i", interface.name] if interface.has_ethernet else ["-y", "RAW"]
    argv = ["tcpdump", "-ddd", "-s", str(snapshot_octets), *place, "--", expression]
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_PATIENCE_S,
        )
    except FileNotFoundError as error:
        raise ConfigError(
            "a filter is compiled by tcpdump, which is not there: install it (apt-get install "
            "tcpdump), or leave the filter out"
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"the filter cannot be compiled: {error}") from error
    if done.returncode:
        said = " ".join(done.stderr.split()).removeprefix("tcpdump: ")
        raise ConfigError(
            f"the filter {expression!r}: {said or f'tcpdump ends with {done.returncode}'}; "
            "man pcap-filter tells the language"
        )
    return read_instructions(done.stdout)


def read_instructions(text: str) -> tuple[Instruction, ...]:
    r"""Return the instructions that ``tcpdump -ddd`` printed.

    Parameters
    ----------
    text : a line with their number, and a line of four numbers for each.

    Raises
    ------
    ConfigError : it is something else.

    Examples
    --------
    >>> read_instructions("1\n6 0 0 262144\n")
    (Instruction(code=6, if_true=0, if_false=0, value=262144),)
    """
    try:
        count, *lines = text.split("\n")
        rows = [tuple(map(int, line.split())) for line in lines if line]
        if len(rows) != int(count) or not 0 < len(rows) <= MAX_INSTRUCTIONS:
            raise ValueError("another number of instructions")
        for row in rows:
            if not all(0 <= n <= most for n, most in zip(row, _LIMITS, strict=True)):
                raise ValueError("a number out of range")
        return tuple(Instruction(*row) for row in rows)
    except ValueError as error:
        raise ConfigError(f"tcpdump does not print a filter: {error}; update tcpdump") from error


def attach(receiver: socket.socket, program: Sequence[Instruction]) -> None:
    """Let only those packets into a socket that pass a filter.

    Parameters
    ----------
    receiver : the socket.
    program : instructions.

    Raises
    ------
    OSError : the kernel finds a fault in it.
    """
    packed = b"".join(_INSTRUCTION.pack(*instruction) for instruction in program)
    room = ctypes.create_string_buffer(packed, len(packed))
    receiver.setsockopt(
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        _PROGRAM.pack(len(program), ctypes.addressof(room)),
    )
