# SPDX-License-Identifier: Apache-2.0
"""Compiled reading of records from lines of fields, as AWS writes its flow logs.

It takes only lines that are just as they should be and stops at any other: slower code
(``readers/flowlogs/aws_lines.py``) says what such a line is, and reads on behind it.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from minewatch.metering.octets import octet
from minewatch.metering.text_addresses import address_of
from minewatch.metering.text_checksum import MAX_TEXT, UInt32Array, checksum, checksum_of_pair
from minewatch.metering.text_numbers import decimal, is_text
from minewatch.metering.text_scan import Int32Array
from minewatch.records import DENIED, RecordArray
from minewatch.types import ByteArray, Int64Array

LAYOUT_WORDS: Final = 26
(
    FIELDS,  # of a line
    SOURCE,  # from here on, places of fields; -1 where the log has none
    DESTINATION,
    PACKET_SOURCE,
    PACKET_DESTINATION,
    SOURCE_PORT,
    DESTINATION_PORT,
    PROTOCOL,
    PACKETS,
    OCTETS,
    START,
    END,
    ACTION,
    STATUS,
    FLAGS,
    VERSION,  # must be 2
    ATTACHMENT,  # second part of the observer's name
    TELLS_ACK,  # 1 if ACK is told of every packet, so that it does not mark an answer
    TAKES_MILLISECONDS,  # 1 if times may be in milliseconds
    OBSERVERS,  # from here on, fields of which the first known one names the observer
) = range(20)

C_ROWS, C_NO_DATA, C_SKIPPED, C_MILLISECONDS = range(4)
COUNTS: Final = 4

EARLIEST_SECOND: Final = 631_152_000
"""1990."""
LATEST_SECOND: Final = 4_102_444_800
"""2100."""
MAX_LINE_OCTETS: Final = 1 << 16

_DASH: Final = 45
_ACCEPT: Final = np.uint64(int.from_bytes(b"ACCEPT", "little"))
_REJECT: Final = np.uint64(int.from_bytes(b"REJECT", "little"))
_OK: Final = np.uint64(int.from_bytes(b"OK", "little"))
_NO_DATA: Final = np.uint64(int.from_bytes(b"NODATA", "little"))
_SKIPPED: Final = np.uint64(int.from_bytes(b"SKIPDATA", "little"))
_TCP: Final = 6
_SYN, _ACK = 2, 16

_PARSED, _IS_NO_DATA, _IS_SKIPPED, _ODD = range(4)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _bounds(ends: Int32Array, line: int, field: int) -> tuple[int, int]:
    """Return where a field starts and ends, by the place of its line in ``ends``."""
    at = np.uint64(line + field)
    return np.int64(ends[at]) + 1, np.int64(ends[at + np.uint64(1)])


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _is_unknown(data: ByteArray, start: int, end: int) -> bool:
    return end == start or (end - start == 1 and octet(data, start) == _DASH)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _status(data: ByteArray, start: int, end: int) -> int:
    length = end - start
    if length == 2 and is_text(data, end, 2, _OK):
        return _PARSED
    if length == 6 and is_text(data, end, 6, _NO_DATA):
        return _IS_NO_DATA
    return _IS_SKIPPED if length == 8 and is_text(data, end, 8, _SKIPPED) else _ODD


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _address(
    data: ByteArray, ends: Int32Array, line: int, outer: int, inner: int
) -> tuple[int, int, bool]:
    """Return the address in the field ``inner``, or in ``outer`` where that is unknown."""
    if inner >= 0:
        start, end = _bounds(ends, line, inner)
        if not _is_unknown(data, start, end):
            return address_of(data, start, end)
    if outer < 0:
        return np.uint64(0), np.uint64(0), False
    start, end = _bounds(ends, line, outer)
    return address_of(data, start, end)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _observer(
    data: ByteArray, ends: Int32Array, line: int, layout: Int64Array, table: UInt32Array
) -> int:
    """Return the observer's number; -1 if its name is long, or one of two parts is unknown."""
    for place in range(OBSERVERS, LAYOUT_WORDS):
        field = layout[place]
        if field < 0:
            return 0
        start, end = _bounds(ends, line, field)
        if _is_unknown(data, start, end):
            if layout[ATTACHMENT] >= 0:
                return -1
            continue
        if layout[ATTACHMENT] < 0:
            return np.int64(checksum(data, start, end, table)) if end - start <= MAX_TEXT else -1
        field = layout[ATTACHMENT]
        next_start, next_end = _bounds(ends, line, field)
        length = end - start + 1 + next_end - next_start
        if length > MAX_TEXT or _is_unknown(data, next_start, next_end):
            return -1
        return np.int64(checksum_of_pair(data, start, end, next_start, next_end, table))
    return 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _number(data: ByteArray, ends: Int32Array, line: int, field: int) -> int:
    start, end = _bounds(ends, line, field)
    return decimal(data, start, end)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _denial(data: ByteArray, ends: Int32Array, line: int, field: int) -> int:
    """Return ``firewall_event``; -1 if the field says neither of both words, nor nothing."""
    if field < 0:
        return 0
    start, end = _bounds(ends, line, field)
    if end - start == 6:
        if is_text(data, end, 6, _ACCEPT):
            return 0
        return DENIED if is_text(data, end, 6, _REJECT) else -1
    return 0 if _is_unknown(data, start, end) else -1


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _record(
    data: ByteArray,
    ends: Int32Array,
    line: int,
    layout: Int64Array,
    table: UInt32Array,
    records: RecordArray,
    row: int,
) -> int:
    """Fill ``records[row]``; return the nanoseconds of a unit of its times, 0 if it is odd."""
    source_high, source_low, is_source = _address(
        data, ends, line, layout[SOURCE], layout[PACKET_SOURCE]
    )
    destination_high, destination_low, is_destination = _address(
        data, ends, line, layout[DESTINATION], layout[PACKET_DESTINATION]
    )
    source_port = _number(data, ends, line, layout[SOURCE_PORT])
    destination_port = _number(data, ends, line, layout[DESTINATION_PORT])
    protocol = _number(data, ends, line, layout[PROTOCOL])
    packets = _number(data, ends, line, layout[PACKETS]) if layout[PACKETS] >= 0 else -1
    octets = _number(data, ends, line, layout[OCTETS]) if layout[OCTETS] >= 0 else -1
    start = _number(data, ends, line, layout[START])
    end = _number(data, ends, line, layout[END])
    event = _denial(data, ends, line, layout[ACTION])
    observer = _observer(data, ends, line, layout, table)
    flags, initiator = -1, -1
    if layout[FLAGS] >= 0:
        field = layout[FLAGS]
        field_start, field_end = _bounds(ends, line, field)
        if not _is_unknown(data, field_start, field_end):
            flags = decimal(data, field_start, field_end)
            if flags < 0 or flags > 255:
                return 0
            if protocol == _TCP and flags & _SYN:
                if not flags & _ACK:
                    initiator = 1
                elif not layout[TELLS_ACK]:
                    initiator = 0
    unit = 1_000_000_000
    if start > LATEST_SECOND and layout[TAKES_MILLISECONDS]:
        unit = 1_000_000
        is_late = start < EARLIEST_SECOND * 1000 or end > LATEST_SECOND * 1000
    else:
        is_late = start < EARLIEST_SECOND or end > LATEST_SECOND
    if not (is_source and is_destination) or is_late or end < start:
        return 0
    if source_port > 65535 or destination_port > 65535 or protocol > 255:
        return 0
    if (source_port | destination_port | protocol | event | observer) < 0:
        return 0
    if (packets < 0 and layout[PACKETS] >= 0) or (octets < 0 and layout[OCTETS] >= 0):
        return 0
    record = records[row]
    record["source_address_high"] = source_high
    record["source_address_low"] = source_low
    record["destination_address_high"] = destination_high
    record["destination_address_low"] = destination_low
    record["flow_start_nanoseconds"] = start * unit
    record["flow_end_nanoseconds"] = end * unit
    record["packet_delta_count"] = packets
    record["reverse_packet_delta_count"] = -1
    record["octet_delta_count"] = octets
    record["reverse_octet_delta_count"] = -1
    record["payload_octet_count"] = -1
    record["reverse_payload_octet_count"] = -1
    record["source_transport_port"] = source_port
    record["destination_transport_port"] = destination_port
    record["tcp_control_bits"] = flags
    record["reverse_tcp_control_bits"] = -1
    record["vlan_id"] = 0
    record["protocol_identifier"] = protocol
    record["flow_end_reason"] = 0
    record["firewall_event"] = event
    record["is_source_initiator"] = initiator
    record["observation_point"] = observer
    record["sampling_packet_interval"] = 1
    record["server_name"] = -1
    record["is_scaled"] = 0
    return unit


@numba.njit(cache=True, nogil=True, _nrt=False)
def fill_records(
    data: ByteArray,
    field_ends: Int32Array,
    line_ends: Int32Array,
    lines: tuple[int, int],
    layout: Int64Array,
    table: UInt32Array,
    records: RecordArray,
    counts: Int64Array,
) -> int:
    """Read lines into ``records`` from row ``counts[C_ROWS]`` on; return the line it stopped at.

    ``lines`` are the first line and the one after the last, as ``index_lines`` found them. It
    stops there, at a line that it does not understand, or when ``records`` are full.
    """
    wanted = layout[FIELDS]
    line = lines[0]
    while line < lines[1] and counts[C_ROWS] < records.shape[0]:
        before, after = np.int64(line_ends[line]), np.int64(line_ends[line + 1])
        n = after - before
        # A carriage return, or a space, at the end of the line ends one more field, an empty one.
        if n == wanted + 1 and field_ends[after] - field_ends[after - 1] == 1:
            n = wanted
        if n != wanted or field_ends[after] - field_ends[before] > MAX_LINE_OCTETS:
            return line
        if layout[VERSION] >= 0:
            at, end = _bounds(field_ends, before, layout[VERSION])
            if end - at != 1 or octet(data, at) != 50:
                return line
        status = _PARSED
        if layout[STATUS] >= 0:
            at, end = _bounds(field_ends, before, layout[STATUS])
            status = _status(data, at, end)
        if status == _PARSED:
            row = counts[C_ROWS]
            unit = _record(data, field_ends, before, layout, table, records, row)
            if unit == 0:
                return line
            counts[C_MILLISECONDS] += unit == 1_000_000
            counts[C_ROWS] += 1
        elif status == _IS_NO_DATA:
            counts[C_NO_DATA] += 1
        elif status == _IS_SKIPPED:
            counts[C_SKIPPED] += 1
        else:
            return line
        line += 1
    return line
