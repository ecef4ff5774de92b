# SPDX-License-Identifier: Apache-2.0
"""Compiled memory of first fragments, whose ports the later ones lack."""

from __future__ import annotations

from typing import Final

import numba

from minewatch.types import (
    P_DESTINATION_HIGH,
    P_DESTINATION_LOW,
    P_DESTINATION_PORT,
    P_PROTOCOL,
    P_SOURCE_HIGH,
    P_SOURCE_LOW,
    P_SOURCE_PORT,
    P_TIME,
    Int64Array,
)

FRAGMENT_SLOTS: Final = 4096
"""Direct-mapped memory of first fragments; a slot is eight words."""
FRAGMENT_LIFE_NS: Final = 60 * 1_000_000_000
"""RFC 791 and 8200 give up reassembly after 15 to 120 s; Linux after 30 s."""


@numba.njit(cache=True, nogil=True)
def fragment_slot(columns: Int64Array, n: int, identification: int) -> int:
    """Return where the first fragment of this datagram is remembered."""
    mix = (
        columns[n, P_SOURCE_LOW] * 31
        + columns[n, P_DESTINATION_LOW] * 17
        + identification * 0x9E3779B1
    )
    return (mix ^ (mix >> 29)) & (FRAGMENT_SLOTS - 1)


@numba.njit(cache=True, nogil=True)
def fragment_word(columns: Int64Array, n: int, identification: int) -> int:
    """Return what fragments of one datagram share besides the addresses.

    In IPv4 that holds the protocol. In IPv6 it can't: a later fragment names the first header
    behind the fragment header, which need not be the transport (RFC 8200, 4.5).
    """
    is_ipv4 = columns[n, P_SOURCE_HIGH] == 0 and columns[n, P_SOURCE_LOW] >> 32 == 0xFFFF
    return (identification << 8) | (columns[n, P_PROTOCOL] if is_ipv4 else 0)


@numba.njit(cache=True, nogil=True)
def remember_fragment(
    columns: Int64Array, n: int, identification: int, fragments: Int64Array
) -> None:
    """Keep the protocol and ports of a first fragment for the later ones."""
    slot = fragment_slot(columns, n, identification)
    fragments[slot, 0] = columns[n, P_SOURCE_HIGH]
    fragments[slot, 1] = columns[n, P_SOURCE_LOW]
    fragments[slot, 2] = columns[n, P_DESTINATION_HIGH]
    fragments[slot, 3] = columns[n, P_DESTINATION_LOW]
    fragments[slot, 4] = fragment_word(columns, n, identification)
    fragments[slot, 5] = (columns[n, P_PROTOCOL] << 16) | columns[n, P_SOURCE_PORT]
    fragments[slot, 6] = columns[n, P_DESTINATION_PORT]
    fragments[slot, 7] = columns[n, P_TIME]


@numba.njit(cache=True, nogil=True)
def recall_fragment(
    columns: Int64Array, n: int, identification: int, fragments: Int64Array
) -> bool:
    """Give a later fragment protocol and ports of its first one; False if that was not seen."""
    slot = fragment_slot(columns, n, identification)
    if (
        fragments[slot, 0] != columns[n, P_SOURCE_HIGH]
        or fragments[slot, 1] != columns[n, P_SOURCE_LOW]
        or fragments[slot, 2] != columns[n, P_DESTINATION_HIGH]
        or fragments[slot, 3] != columns[n, P_DESTINATION_LOW]
        or fragments[slot, 4] != fragment_word(columns, n, identification)
        or abs(columns[n, P_TIME] - fragments[slot, 7]) > FRAGMENT_LIFE_NS
    ):
        return False
    columns[n, P_PROTOCOL] = fragments[slot, 5] >> 16
    columns[n, P_SOURCE_PORT] = fragments[slot, 5] & 0xFFFF
    columns[n, P_DESTINATION_PORT] = fragments[slot, 6]
    return True
