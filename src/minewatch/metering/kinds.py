# SPDX-License-Identifier: Apache-2.0
"""Compiled guess of what a TCP payload is by its first octets: whether it is worth keeping.

A hint and never a verdict: decoders look at what was kept.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from minewatch.metering.octets import be32, octet
from minewatch.schema import KIND_HTTP, KIND_JSON, KIND_JSON_RPC, KIND_TLS, KIND_WEBSOCKET
from minewatch.types import ByteArray

_HTTP_SCAN_OCTETS: Final = 1024

LEADS: Final = np.zeros(256, np.uint8)
"""1 for octets that a payload of some kind can begin with; most payloads stop here."""
LEADS[np.frombuffer(b"\x16GPH{[ \t\r\n", np.uint8)] = 1


@numba.njit(cache=True, nogil=True)
def contains(data: ByteArray, at: int, end: int, first: int, second: int) -> bool:
    """Return whether two 32-bit words, eight octets in a row, stand in ``data[at:end]``."""
    lead = first >> 24
    for i in range(at, min(end, at + _HTTP_SCAN_OCTETS) - 7):
        if octet(data, i) == lead and be32(data, i) == first and be32(data, i + 4) == second:
            return True
    return False


@numba.njit(cache=True, nogil=True)
def payload_kind(data: ByteArray, at: int, end: int) -> int:
    """Return the kind bits of a TCP payload by its first octets."""
    if at + 2 > end:
        return 0
    lead = octet(data, at)
    if lead == 0x16:
        if at + 6 <= end and octet(data, at + 1) == 3 and octet(data, at + 2) <= 4:
            message = octet(data, at + 5)
            return KIND_TLS if message == 1 or message == 2 or message == 11 else 0
        return 0
    if lead == 0x47:  # G
        if at + 4 <= end and be32(data, at) == 0x47455420:  # "GET "
            if contains(data, at, end, 0x75706772, 0x6164653A) or contains(  # "upgrade:"
                data, at, end, 0x55706772, 0x6164653A
            ):
                return KIND_HTTP | KIND_WEBSOCKET
            return KIND_HTTP
        return 0
    if lead == 0x50:  # P
        if at + 4 <= end and be32(data, at) == 0x504F5354:  # "POST"
            if contains(data, at, end, 0x226D6574, 0x686F6422):  # '"method"'
                return KIND_HTTP | KIND_JSON_RPC
            return KIND_HTTP
        return 0
    if lead == 0x48:  # H
        return KIND_HTTP if at + 4 <= end and be32(data, at) == 0x48545450 else 0  # "HTTP"
    for _ in range(4):  # white space before JSON
        if (
            octet(data, at) != 0x20
            and octet(data, at) != 0x0A
            and octet(data, at) != 0x0D
            and octet(data, at) != 0x09
        ):
            break
        at += 1
        if at + 2 > end:
            return 0
    if octet(data, at) == 0x7B:  # {
        following = octet(data, at + 1)
        if following == 0x22 or following == 0x7D or following <= 0x20:
            return KIND_JSON
    elif octet(data, at) == 0x5B:  # [
        following = octet(data, at + 1)
        if following == 0x22 or following == 0x7B or following == 0x5D or following <= 0x20:
            return KIND_JSON
    return 0
