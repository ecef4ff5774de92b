# SPDX-License-Identifier: Apache-2.0
"""Times as text of RFC 3339, and its near kin, exact to the nanosecond."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from minewatch.readers.flowlogs.columns import LATEST_SECOND

_SECOND_CHARACTERS: Final = 19
"""``2026-01-31T23:59:59``."""
_WITH_OFFSET: Final = 31
"""``2026-01-31T23:59:59.123456+0100``."""
_WITH_NANOSECONDS: Final = 30
"""``2026-01-31T23:59:59.123456789Z``."""
_SEPARATORS: Final = "Tt "
_KNOWN_SECONDS: Final = 1 << 14
_DIGITS: Final = 9
"""Of nanoseconds."""


def nanoseconds_of(text: str) -> int:
    """Return nanoseconds since 1970 in UTC.

    Parameters
    ----------
    text : date and time with ``T`` or a blank between, fraction, and zone as ``Z``, ``UTC``,
        ``+01:00`` or ``+0100``.

    Raises
    ------
    ValueError : it is no time, has no zone, or lies before 1970 or after 2255.

    Examples
    --------
    >>> nanoseconds_of("2019-06-14T03:45:37.186193305Z")
    1560483937186193305
    >>> nanoseconds_of("1970-01-01T01:00:00.5+0100")
    500000000
    """
    # The two ways in which large logs write it are looked at first.
    if len(text) in (_WITH_NANOSECONDS, _WITH_OFFSET) and text[_SECOND_CHARACTERS] == ".":
        end, scale = (29, 1) if len(text) == _WITH_NANOSECONDS else (26, 1000)
        digits = text[20:end]
        if digits.isdecimal():
            return _nanoseconds_of(text[:_SECOND_CHARACTERS], text[end:]) + int(digits) * scale
    zone = _zone_of(text)
    time = _nanoseconds_of(text[:_SECOND_CHARACTERS], zone)
    fraction = text[_SECOND_CHARACTERS : len(text) - len(zone)]
    if not fraction:
        return time
    digits = fraction[1:]
    if fraction[0] not in ".," or not digits.isdecimal():
        raise ValueError("it is no time")
    missing = _DIGITS - len(digits)
    return time + (int(digits) * 10**missing if missing >= 0 else int(digits[:_DIGITS]))


def _zone_of(text: str) -> str:
    """Return what the text ends with."""
    if text[-1:] == "Z":
        return "Z"
    for length in (5, 6):
        if text[-length : 1 - length] in ("+", "-"):
            return text[-length:]
    if text[-4:] == " UTC":
        return " UTC"
    raise ValueError("it has no zone")


@lru_cache(_KNOWN_SECONDS)
def _nanoseconds_of(text: str, zone: str) -> int:
    # fromisoformat takes more than what is meant here, such as weeks, in as many characters.
    if len(text) != _SECOND_CHARACTERS or text[10] not in _SEPARATORS or text[4] + text[7] != "--":
        raise ValueError("it is no time")
    seconds = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    seconds -= _zone_seconds(zone)
    if not 0 <= seconds <= LATEST_SECOND:
        raise ValueError("it is out of range")
    return seconds * 10**9


def _zone_seconds(text: str) -> int:
    if text in ("Z", " UTC"):
        return 0
    digits = text[1:3] + text[-2:]
    is_zone = len(text) == 5 or (len(text) == 6 and text[3] == ":")
    if text[:1] not in ("+", "-") or not (is_zone and digits.isascii() and digits.isdigit()):
        raise ValueError("its zone is not known")
    seconds = (int(digits[:2]) * 60 + int(digits[2:])) * 60
    return -seconds if text[0] == "-" else seconds
