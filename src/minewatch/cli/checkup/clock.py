# SPDX-License-Identifier: Apache-2.0
"""Whether the clock is kept right: alerts tell its time, and blocks of a chain are held to it."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable
from typing import Final

from minewatch.cli.checkup.finding import Finding, Level

_STRUCT_OCTETS: Final = 512
"""More than struct timex has on any machine."""
_LONG: Final = struct.calcsize("@l")
_STATUS_AT: Final = 5 * _LONG
"""Behind modes, offset, freq, maxerror and esterror, each with the room of a long."""
_ERROR_AT: Final = 3 * _LONG
_UNSYNCHRONISED: Final = 0x40
_TIME_ERROR: Final = 5
MAX_ERROR_S: Final = 1.0
CURE: Final = "start a time service: apt-get install chrony, or timedatectl set-ntp true"


def check_clock(ask: Callable[[], tuple[int, int, int]] | None = None) -> list[Finding]:
    """Return whether the clock is synchronised.

    Parameters
    ----------
    ask : returns state, status bits and the most that the clock may be wrong [us]; None for the
        kernel's ``adjtimex``.
    """
    try:
        state, status, error_us = (ask or adjtimex)()
    except OSError as error:
        text = f"the kernel does not tell ({error.strerror})"
        return [Finding("clock", Level.WARN, text, "compare it with another clock")]
    if state == _TIME_ERROR or status & _UNSYNCHRONISED:
        return [Finding("clock", Level.WARN, "nothing keeps it synchronised", CURE)]
    error_s = error_us / 1e6
    if error_s > MAX_ERROR_S:
        text = f"it may be wrong by {error_s:.1f} s"
        return [Finding("clock", Level.WARN, text, CURE)]
    return [Finding("clock", Level.OK, f"synchronised, wrong by {error_s:.3f} s at most")]


def adjtimex() -> tuple[int, int, int]:
    """Return state, status bits and largest error [us] of the kernel's clock; sets nothing.

    Raises
    ------
    OSError : it is not allowed here.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(_STRUCT_OCTETS)
    state = libc.adjtimex(buffer)
    if state < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    status = struct.unpack_from("@i", buffer, _STATUS_AT)[0]
    error_us = struct.unpack_from("@l", buffer, _ERROR_AT)[0]
    return state, status, error_us
