# SPDX-License-Identifier: Apache-2.0
"""Times as text of RFC 3339, and its near kin, exact to the nanosecond."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from minewatch.readers.flowlogs.columns import LATEST_SECOND

_SECOND_CHARACTERS: Final = 19
"""``2026-01-31T23:59:59``."""
_SEPARATORS: Final = "Tt "
_KNOWN_SECONDS: Final = 1 << 14
_KNOWN_ZONES: Final = 256


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
    rest = text[_SECOND_CHARACTERS:]
    at = max(rest.find("Z"), rest.find("+"), rest.find("-"), rest.find(" UTC"))
    if at < 0:
        raise ValueError("it has no zone")
    seconds = _seconds_of(text[:_SECOND_CHARACTERS]) - _zone_seconds(rest[at:])
    if not 0 <= seconds <= LATEST_SECOND:
        raise ValueError("it is out of range")
    if at == 0:
        return seconds * 10**9
    digits = rest[1:at]
    if rest[0] not in ".," or not (digits.isascii() and digits.isdigit()):
        raise ValueError("it is no time")
    return seconds * 10**9 + int(digits[:9].ljust(9, "0"))


@lru_cache(_KNOWN_SECONDS)
def _seconds_of(text: str) -> int:
    # fromisoformat takes more than what is meant here, such as weeks, in as many characters.
    if len(text) != _SECOND_CHARACTERS or text[10] not in _SEPARATORS or text[4] + text[7] != "--":
        raise ValueError("it is no time")
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@lru_cache(_KNOWN_ZONES)
def _zone_seconds(text: str) -> int:
    if text in ("Z", " UTC", "+00:00"):
        return 0
    digits = text[1:3] + text[-2:]
    is_zone = len(text) == 5 or (len(text) == 6 and text[3] == ":")
    if not (is_zone and text[0] in "+-" and digits.isascii() and digits.isdigit()):
        raise ValueError("its zone is not known")
    seconds = (int(digits[:2]) * 60 + int(digits[2:])) * 60
    return -seconds if text[0] == "-" else seconds
