# SPDX-License-Identifier: Apache-2.0
"""Compiled reads of numbers from octets.

The index is made unsigned because numba else guards every access against a negative index, and
the compiler can't join the octets of a number into one load: that made decoding half as fast.
The caller has checked that the octets are there.
"""

from __future__ import annotations

from pathlib import Path

import numba
import numpy as np

from minewatch.metering.cache import forget_stale_kernels, kernel_sources
from minewatch.types import ByteArray


@numba.njit(cache=True, nogil=True)
def octet(data: ByteArray, at: int) -> int:
    """Return the octet at ``at``."""
    return np.int64(data[np.uint64(at)])


if hasattr(octet, "stats"):  # else NUMBA_DISABLE_JIT is set, for coverage
    # Every kernel needs this module, and none is loaded before it is first called.
    forget_stale_kernels(Path(octet.stats.cache_path), kernel_sources())


@numba.njit(cache=True, nogil=True)
def be16(data: ByteArray, at: int) -> int:
    """Return the 16-bit number in network order at ``at``."""
    return (octet(data, at) << 8) | octet(data, at + 1)


@numba.njit(cache=True, nogil=True)
def be32(data: ByteArray, at: int) -> int:
    """Return the 32-bit number in network order at ``at``."""
    return (
        (octet(data, at) << 24)
        | (octet(data, at + 1) << 16)
        | (octet(data, at + 2) << 8)
        | octet(data, at + 3)
    )


@numba.njit(cache=True, nogil=True)
def be64(data: ByteArray, at: int) -> int:
    """Return the bit pattern of the 64-bit number in network order at ``at``."""
    return (be32(data, at) << 32) | be32(data, at + 4)


@numba.njit(cache=True, nogil=True)
def le32(data: ByteArray, at: int) -> int:
    """Return the 32-bit number in little-endian order at ``at``."""
    return (
        (octet(data, at + 3) << 24)
        | (octet(data, at + 2) << 16)
        | (octet(data, at + 1) << 8)
        | octet(data, at)
    )


@numba.njit(cache=True, nogil=True)
def word32(data: ByteArray, at: int, big_endian: bool) -> int:
    """Return the unsigned 32-bit number at ``at``."""
    return be32(data, at) if big_endian else le32(data, at)


@numba.njit(cache=True, nogil=True)
def word16(data: ByteArray, at: int, big_endian: bool) -> int:
    """Return the unsigned 16-bit number at ``at``."""
    if big_endian:
        return be16(data, at)
    return (octet(data, at + 1) << 8) | octet(data, at)
