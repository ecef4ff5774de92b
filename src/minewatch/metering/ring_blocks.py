# SPDX-License-Identifier: Apache-2.0
"""Compiled walk through blocks of packet rings: TPACKET_V3 of Linux, linux/if_packet.h.

The octets of one block of each interface lie in a batch; the rows of ``framing`` are filled for
their packets in the order of time. The kernel takes VLAN tags off frames and tells them beside:
they are put back where they were, so that a frame is the same as in a capture file.
"""

from __future__ import annotations

import sys
from typing import Final

import numba

from minewatch.metering.framing import R_CAPTURED, R_LINK, R_OFFSET, R_TIME, R_WIRE
from minewatch.metering.octets import be16, octet, word16, word32
from minewatch.types import ByteArray, Int64Array

CURSOR_WORDS: Final = 8
(
    C_AT,
    C_LEFT,
    C_END,
    C_LINK,
    C_LONGEST,
    C_SKIPS_SENT,
    C_SKIPPED,
    C_COALESCED,
) = range(CURSOR_WORDS)
"""Of each block: where its next packet stands, how many are left, where its octets end; the link
type (1 Ethernet, 101 none); octets of the longest frame on its wire; whether sent packets are left
out. Counted: packets left out, and frames longer than the wire's."""

ETHERNET: Final = 1
RAW: Final = 101

_BIG_ENDIAN: Final = sys.byteorder == "big"
_NS: Final = 1_000_000_000
_HEAD_OCTETS: Final = 68
"""tpacket3_hdr, 48 octets, and sockaddr_ll."""
_TAGGED, _TYPE_KNOWN = 1 << 4, 1 << 6
_SENT: Final = 4


@numba.njit(cache=True, nogil=True)
def _time(data: ByteArray, at: int) -> int:
    return word32(data, at + 4, _BIG_ENDIAN) * _NS + word32(data, at + 8, _BIG_ENDIAN)


@numba.njit(cache=True, nogil=True)
def _put_tag_back(data: ByteArray, frame: int, tag_type: int, tag: int) -> None:
    """Move the two addresses to the front and write a tag behind them; 4 octets are free there."""
    for i in range(frame, frame + 12):
        data[i - 4] = data[i]
    data[frame + 8], data[frame + 9] = tag_type >> 8, tag_type & 0xFF
    data[frame + 10], data[frame + 11] = tag >> 8, tag & 0xFF


@numba.njit(cache=True, nogil=True)
def merge_blocks(
    data: ByteArray, cursors: Int64Array, times: Int64Array, records: Int64Array
) -> tuple[int, int, bool]:
    """Fill rows until one block is used up; return (rows, packets that are not IP, damaged).

    Each block must have a packet left. ``times`` is scratch, a word a block. What comes after a
    damage, which no kernel makes, is not touched.
    """
    n, not_ip = 0, 0
    for i in range(cursors.shape[0]):
        if cursors[i, C_AT] + _HEAD_OCTETS > cursors[i, C_END]:
            return 0, 0, True
        times[i] = _time(data, cursors[i, C_AT])
    while n < records.shape[0]:
        i = 0
        for other in range(1, cursors.shape[0]):
            if times[other] < times[i]:
                i = other
        at, end = cursors[i, C_AT], cursors[i, C_END]
        captured = word32(data, at + 12, _BIG_ENDIAN)
        wire = word32(data, at + 16, _BIG_ENDIAN)
        frame = at + word16(data, at + 24, _BIG_ENDIAN)
        if frame < at + _HEAD_OCTETS or frame + captured > end:
            return n, not_ip, True
        if cursors[i, C_SKIPS_SENT] and octet(data, at + 58) == _SENT:
            cursors[i, C_SKIPPED] += 1
        else:
            if wire > cursors[i, C_LONGEST]:
                cursors[i, C_COALESCED] += 1
            status = word32(data, at + 20, _BIG_ENDIAN)
            ethertype = be16(data, at + 50)
            if cursors[i, C_LINK] == ETHERNET:
                if status & _TAGGED and captured >= 12 and frame >= at + _HEAD_OCTETS + 4:
                    tag_type = (
                        word16(data, at + 36, _BIG_ENDIAN) if status & _TYPE_KNOWN else 0x8100
                    )
                    _put_tag_back(
                        data, frame, tag_type, word32(data, at + 32, _BIG_ENDIAN) & 0xFFFF
                    )
                    frame, captured, wire = frame - 4, captured + 4, wire + 4
                is_framed = True
            else:
                is_framed = ethertype == 0x0800 or ethertype == 0x86DD
            if is_framed:
                records[n, R_OFFSET] = frame
                records[n, R_CAPTURED] = captured
                records[n, R_WIRE] = wire
                records[n, R_TIME] = times[i]
                records[n, R_LINK] = cursors[i, C_LINK]
                n += 1
            else:
                not_ip += 1
        cursors[i, C_LEFT] -= 1
        if cursors[i, C_LEFT] == 0:
            break
        at += word32(data, at, _BIG_ENDIAN)
        if at <= cursors[i, C_AT] or at + _HEAD_OCTETS > end:
            return n, not_ip, True
        cursors[i, C_AT] = at
        times[i] = _time(data, at)
    return n, not_ip, False
