# SPDX-License-Identifier: Apache-2.0
"""Compiled loops that find the packet records of a pcap or pcapng block of octets.

Each fills one row a packet: offset of the frame in the buffer, octets captured, octets on the
wire, time in ns, link type. They stop where they cannot go on and say why; what follows is the
reader's business (``readers/capture.py``).
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from minewatch.metering.octets import word16, word32
from minewatch.types import MAX_RECORD_OCTETS, ByteArray, Int64Array

RECORD_WORDS: Final = 5
R_OFFSET, R_CAPTURED, R_WIRE, R_TIME, R_LINK = range(RECORD_WORDS)

NEED_DATA: Final = 0
"""The rest of the buffer is not a whole record."""
BATCH_FULL: Final = 1
"""The batch holds no more rows."""
OTHER_BLOCK: Final = 2
"""A pcapng block that is not a packet stands here."""
DAMAGED: Final = 3
"""A length that no capture has stands here."""

_NS: Final = 1_000_000_000
MAX_SECONDS: Final = 1 << 33
"""Year 2242: later times than that would overflow 64 bits of ns."""


@numba.njit(cache=True, nogil=True)
def frame_pcap(
    data: ByteArray,
    start: int,
    end: int,
    big_endian: bool,
    tick_ns: int,
    link_type: int,
    header: int,
    records: Int64Array,
) -> tuple[int, int, int]:
    """Find pcap records in ``data[start:end]``; return (rows, next offset, why it stopped).

    ``header`` is the length of a record's header: 16 octets, 24 in Kuznetzov's variant.
    """
    n = 0
    at = start
    while n < records.shape[0]:
        if at + header > end:
            return n, at, NEED_DATA
        captured = word32(data, at + 8, big_endian)
        if captured > MAX_RECORD_OCTETS:
            return n, at, DAMAGED
        if at + header + captured > end:
            return n, at, NEED_DATA
        records[n, R_OFFSET] = at + header
        records[n, R_CAPTURED] = captured
        records[n, R_WIRE] = word32(data, at + 12, big_endian)
        seconds = word32(data, at, big_endian)
        records[n, R_TIME] = seconds * _NS + word32(data, at + 4, big_endian) * tick_ns
        records[n, R_LINK] = link_type
        n += 1
        at += header + captured
    return n, at, BATCH_FULL


@numba.njit(cache=True, nogil=True)
def scale_time(ticks: int, units_per_second: int, offset_s: int) -> int:
    """Return ns UTC from ticks of ``1 / units_per_second`` s; -1 for what no clock says."""
    seconds = ticks // units_per_second
    if not 0 <= seconds + offset_s <= MAX_SECONDS:
        return -1
    rest = ticks - seconds * units_per_second
    if units_per_second <= _NS:
        fraction = rest * _NS // units_per_second
    else:
        fraction = np.int64(np.float64(rest) / np.float64(units_per_second) * _NS)
    return (seconds + offset_s) * _NS + fraction


@numba.njit(cache=True, nogil=True)
def frame_pcapng(
    data: ByteArray,
    start: int,
    end: int,
    big_endian: bool,
    interfaces: Int64Array,
    records: Int64Array,
) -> tuple[int, int, int]:
    """Find packet blocks (enhanced, simple, obsolete) in ``data[start:end]``.

    ``interfaces`` has a row an interface: link type, snap length, units a second, offset in s.
    """
    n = 0
    at = start
    while n < records.shape[0]:
        if at + 12 > end:
            return n, at, NEED_DATA
        kind = word32(data, at, big_endian)
        total = word32(data, at + 4, big_endian)
        if kind != 6 and kind != 3 and kind != 2:
            return n, at, OTHER_BLOCK
        if total < 16 or total & 3 or total > MAX_RECORD_OCTETS:
            return n, at, DAMAGED
        if at + total > end:
            return n, at, NEED_DATA
        if kind == 3:
            # A simple packet has no time and belongs to the first interface.
            if interfaces.shape[0] == 0:
                return n, at, DAMAGED
            head, interface = 12, 0
            wire = word32(data, at + 8, big_endian)
            captured = min(wire, total - 16)
            if interfaces[0, 1] > 0:
                captured = min(captured, interfaces[0, 1])
            records[n, R_TIME] = 0
        else:
            if total < 32:
                return n, at, DAMAGED
            head = 28
            if kind == 6:
                interface = word32(data, at + 8, big_endian)
            else:
                interface = word16(data, at + 8, big_endian)
            if interface >= interfaces.shape[0]:
                return n, at, DAMAGED
            ticks = (word32(data, at + 12, big_endian) << 32) | word32(data, at + 16, big_endian)
            captured = word32(data, at + 20, big_endian)
            wire = word32(data, at + 24, big_endian)
            records[n, R_TIME] = scale_time(
                ticks, interfaces[interface, 2], interfaces[interface, 3]
            )
        if captured > total - head - 4:
            return n, at, DAMAGED
        records[n, R_OFFSET] = at + head
        records[n, R_CAPTURED] = captured
        records[n, R_WIRE] = wire
        records[n, R_LINK] = interfaces[interface, 0]
        n += 1
        at += total
    return n, at, BATCH_FULL
