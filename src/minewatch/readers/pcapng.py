# SPDX-License-Identifier: Apache-2.0
"""The parts of pcapng that are not packets: sections, interfaces, and what is stepped over."""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.metering import framing
from minewatch.metering.octets import word32
from minewatch.types import ByteArray, Int64Array

_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_MAX_INTERFACES: Final = 65_536
_MAX_INTERFACE_OCTETS: Final = 1 << 18
_MAX_BLOCK_OCTETS: Final = 1 << 30


class PcapngState:
    """Where in a pcapng file the reader is: byte order and interfaces of the section.

    Name resolution, statistics, secrets, journal and custom blocks are stepped over; they are
    counted in ``blocks_skipped``.
    """

    def __init__(self) -> None:
        self._big_endian = False
        self._interfaces: Int64Array = np.empty((16, 4), np.int64)
        self._n_interfaces = 0
        self._skip = 0
        self._length = 0
        self.blocks_skipped = 0

    @property
    def unfinished(self) -> int:
        """Octets so far of the block that is being stepped over; 0 if there is none."""
        return self._length - self._skip if self._skip else 0

    def frame(
        self, data: ByteArray, start: int, end: int, records: Int64Array
    ) -> tuple[int, int, str]:
        """Find packets in ``data[start:end]``; return (rows, next offset, damage or "")."""
        step = min(self._skip, end - start)
        self._skip -= step
        at = start + step
        n = 0
        while self._skip == 0:
            found, at, status = framing.frame_pcapng(
                data,
                at,
                end,
                self._big_endian,
                self._interfaces[: self._n_interfaces],
                records[n:],
            )
            n += found
            if status == framing.DAMAGED:
                return n, at, "a packet block that contradicts itself"
            if status != framing.OTHER_BLOCK:
                break
            length, problem = self._other_block(data, at, end)
            if problem:
                return n, at, problem
            if length == 0:
                break
            step = min(length, end - at)
            self._length, self._skip = length, length - step
            at += step
        return n, at, ""

    def _other_block(self, data: ByteArray, at: int, end: int) -> tuple[int, str]:
        """Take in the block at ``at``; return its length, 0 if it is not all here yet."""
        kind = word32(data, at, self._big_endian)
        if kind == _SECTION:
            order = data[at + 8 : at + 12].tobytes()
            if order == b"\x1a\x2b\x3c\x4d":
                self._big_endian = True
            elif order == b"\x4d\x3c\x2b\x1a":
                self._big_endian = False
            else:
                return 0, "a section header without byte order"
            self._n_interfaces = 0
        length = int(word32(data, at + 4, self._big_endian))
        if length < 12 or length & 3 or length > _MAX_BLOCK_OCTETS:
            return 0, "a block of impossible length"
        if kind == _SECTION and length < 28:
            return 0, "a section header that is too short"
        if kind == _INTERFACE:
            if not 20 <= length <= _MAX_INTERFACE_OCTETS:
                return 0, "an interface block of impossible length"
            if self._n_interfaces == _MAX_INTERFACES:
                return 0, "one interface too many"
            if at + length > end:
                return 0, ""
            self._add(self._interface(data[at + 8 : at + length - 4].tobytes()))
        elif kind != _SECTION:
            self.blocks_skipped += 1
        return length, ""

    def _add(self, interface: tuple[int, int, int, int]) -> None:
        if self._n_interfaces == len(self._interfaces):
            self._interfaces = np.resize(self._interfaces, (2 * self._n_interfaces, 4))
        self._interfaces[self._n_interfaces] = interface
        self._n_interfaces += 1

    def _interface(self, body: bytes) -> tuple[int, int, int, int]:
        """Return link type, snap length, time units a second and offset in s of an interface."""
        order = "big" if self._big_endian else "little"
        number = int.from_bytes
        link_type = number(body[0:2], order)  # type: ignore[arg-type]
        snap_length = number(body[4:8], order)  # type: ignore[arg-type]
        units, offset_s = 1_000_000, 0
        at = 8
        while at + 4 <= len(body):
            code = number(body[at : at + 2], order)  # type: ignore[arg-type]
            size = number(body[at + 2 : at + 4], order)  # type: ignore[arg-type]
            value = body[at + 4 : at + 4 + size]
            if code == 0:
                break
            if code == 9 and len(value) == 1:
                units = _units_per_second(value[0], units)
            elif code == 14 and len(value) == 8:
                seconds = number(value, order, signed=True)  # type: ignore[arg-type]
                offset_s = max(-(1 << 33), min(1 << 33, seconds))
            at += 4 + (size + 3) // 4 * 4
        return link_type, snap_length, units, offset_s


def _units_per_second(resolution: int, default: int) -> int:
    """Return what if_tsresol says, if 64 bits can hold it."""
    exponent = resolution & 0x7F
    if resolution & 0x80:
        return 1 << exponent if exponent <= 62 else default
    return int(10**exponent) if exponent <= 18 else default
