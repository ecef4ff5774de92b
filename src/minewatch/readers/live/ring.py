# SPDX-License-Identifier: Apache-2.0
"""A packet socket with a ring of blocks that the kernel fills: TPACKET_V3 of packet(7).

A block belongs to the kernel until it is full or ``RETIRE_MS`` old, then to the reader until the
reader gives it back. Where the reader is too slow, no block is left and the kernel drops packets,
which it counts. Layouts are those of linux/if_packet.h.

Nothing heavy is imported here: see ``opening.py``.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import socket
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from minewatch.errors import SourceError
from minewatch.readers.live.filters import REFUSE_ALL, Instruction, attach
from minewatch.readers.live.interface import Interface
from minewatch.readers.live.settings import RETIRE_MS, LiveSettings

_SOL_PACKET: Final = 263
_ADD_MEMBERSHIP, _RX_RING, _STATISTICS, _VERSION = 1, 5, 6, 10
_TPACKET_V3: Final = 2
_FRAME_OCTETS: Final = 2048
"""Means nothing in this version of the ring, but must divide a block."""
_EVERY_PROTOCOL: Final = 0x0003
_PROMISCUOUS: Final = 1

_RING: Final = struct.Struct("@7I")
_MEMBERSHIP: Final = struct.Struct("@iHH8s")
_COUNTED: Final = struct.Struct("@3I")
_STATUS: Final = struct.Struct("@I")
_HEAD: Final = struct.Struct("@3I")
_STATUS_AT, _HEAD_AT = 8, 12
_OF_USER: Final = 1


class Statistics(NamedTuple):
    """What the kernel counted since it was asked before."""

    received: int
    """Packets that are, or were, in the ring."""
    dropped: int
    """Packets for which no block was free."""
    freezes: int
    """How often no block was free."""


class Block(NamedTuple):
    """A block that belongs to the reader."""

    packets: int
    first: int
    """Where its first packet begins, from the start of the ring."""
    end: int
    """Where its last one ends."""


class Ring:
    """Receives the packets of one interface.

    Parameters
    ----------
    interface : which.
    settings : size of the ring, promiscuous or not.
    program : the filter.

    Raises
    ------
    SourceError : it may not be opened, or there is no memory for it.
    """

    def __init__(
        self, interface: Interface, settings: LiveSettings, program: Sequence[Instruction]
    ) -> None:
        self.interface = interface
        self.blocks = settings.blocks
        self.block_octets = settings.block_octets
        kind = socket.SOCK_RAW if interface.has_ethernet else socket.SOCK_DGRAM
        try:
            # Protocol 0: nothing arrives before it is bound, so nothing passes by the filter.
            self._socket = socket.socket(socket.AF_PACKET, kind, 0)
        except PermissionError as error:
            raise SourceError(
                interface.name,
                "may not be watched: that needs CAP_NET_RAW; run as root, or give a service "
                "AmbientCapabilities=CAP_NET_RAW",
            ) from error
        except OSError as error:
            raise SourceError(interface.name, _reason(error)) from error
        try:
            self._set_up(settings, program)
        except OSError as error:
            self._socket.close()
            raise SourceError(interface.name, _reason(error)) from error
        self.number = self._socket.fileno()

    def _set_up(self, settings: LiveSettings, program: Sequence[Instruction]) -> None:
        """Make and map the ring, attach the filter, and only then let packets in."""
        receiver, octets = self._socket, self.blocks * self.block_octets
        receiver.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V3)
        attach(receiver, program)
        frames = octets // _FRAME_OCTETS
        wanted = (self.block_octets, self.blocks, _FRAME_OCTETS, frames, RETIRE_MS, 0, 0)
        receiver.setsockopt(_SOL_PACKET, _RX_RING, _RING.pack(*wanted))
        self.memory = mmap.mmap(
            receiver.fileno(), octets, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE
        )
        try:
            receiver.bind((self.interface.name, _EVERY_PROTOCOL))
            if settings.promiscuous:
                index = self.interface.index
                member = _MEMBERSHIP.pack(index, _PROMISCUOUS, 0, b"")
                receiver.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, member)
        except OSError:
            self.memory.close()
            raise

    def is_ready(self, number: int) -> bool:
        """Return whether a block belongs to the reader.

        Parameters
        ----------
        number : of the block, 0 to ``blocks`` - 1.
        """
        at = number * self.block_octets + _STATUS_AT
        return bool(_STATUS.unpack_from(self.memory, at)[0] & _OF_USER)

    def block(self, number: int) -> Block:
        """Return what a block that belongs to the reader holds.

        Parameters
        ----------
        number : of the block.
        """
        begin = number * self.block_octets
        packets, first, length = _HEAD.unpack_from(self.memory, begin + _HEAD_AT)
        return Block(packets, begin + first, begin + min(length, self.block_octets))

    def release(self, number: int) -> None:
        """Give a block back to the kernel.

        Parameters
        ----------
        number : of the block.
        """
        _STATUS.pack_into(self.memory, number * self.block_octets + _STATUS_AT, 0)

    def statistics(self) -> Statistics:
        """Return what the kernel counted since the call before.

        Between seeing a block's status and reading the block, this must be called: the system call
        keeps weakly ordered processors from reading what was there before.
        """
        told = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, _COUNTED.size)
        packets, drops, freezes = _COUNTED.unpack(told)
        return Statistics(packets - drops, drops, freezes)

    def take_error(self) -> str:
        """Return what went wrong at the interface since the call before, empty if nothing did."""
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return "" if number in (0, errno.ENETDOWN) else os.strerror(number)

    def refuse(self) -> None:
        """Let no more packets in; those in the ring stay."""
        attach(self._socket, REFUSE_ALL)

    def close(self) -> None:
        """Give its memory back."""
        self._socket.close()
        # Whoever still looks at the ring keeps the memory until they stop.
        with contextlib.suppress(BufferError):
            self.memory.close()


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOMEM:
        return "no memory for its ring: choose a smaller ring"
    if error.errno == errno.ENETDOWN:
        return "the interface is down: ip link set it up"
    if error.errno == errno.EAFNOSUPPORT:
        return "this kernel has no packet sockets: load the module af_packet"
    return f"cannot be watched: {error.strerror or error}"
