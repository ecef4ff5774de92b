# SPDX-License-Identifier: Apache-2.0
"""Reading on to the end of an input, or to where it is damaged: what lies before that is used."""

from __future__ import annotations

import io
from typing import BinaryIO

from minewatch.errors import SourceError
from minewatch.readers.unpack import UnpackError
from minewatch.records import RecordCounters


def next_octets(
    stream: BinaryIO | io.RawIOBase,
    size: int,
    name: str,
    counters: RecordCounters,
    *,
    strict: bool,
) -> bytes:
    r"""Return the next octets; none at the end, and none where the input is damaged.

    Parameters
    ----------
    stream : unpacked.
    size : octets at most.
    name : what the user called the input.
    counters : where a damage is noted.
    strict : a damage raises SourceError.

    Raises
    ------
    SourceError : strict, and the input is damaged.

    Examples
    --------
    >>> next_octets(io.BytesIO(b"abc"), 2, "a.log", RecordCounters(), strict=True)
    b'ab'
    """
    try:
        return stream.read(size) or b""
    except UnpackError as error:
        damage = f"cannot be unpacked any further: {error}"
    except OSError as error:
        damage = f"cannot be read any further: {error.strerror or error}"
    note_damage(damage, name, counters, strict=strict)
    return b""


def note_damage(damage: str, name: str, counters: RecordCounters, *, strict: bool) -> None:
    """Note that an input is damaged or cut.

    Parameters
    ----------
    damage : what is wrong with it.
    name : what the user called the input.
    counters : where it is noted.
    strict : raise it instead.

    Raises
    ------
    SourceError : strict.
    """
    if strict:
        raise SourceError(name, f"{damage}; fetch it again")
    counters.notes.append(damage)
