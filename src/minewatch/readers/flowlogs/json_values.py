# SPDX-License-Identifier: Apache-2.0
"""Values of JSON documents: numbers that may be written as text, times, names of protocols."""

from __future__ import annotations

from functools import lru_cache
from socket import AF_INET, inet_pton
from typing import Annotated, Final, TypeAlias

import msgspec

from minewatch.readers.flowlogs.addresses import address_halves
from minewatch.readers.flowlogs.columns import LATEST_SECOND, MAX_COUNT
from minewatch.readers.flowlogs.iso_times import nanoseconds_of
from minewatch.records import UNKNOWN

Number: TypeAlias = int | float | str | None
"""What exporters write where a number belongs."""
ShortText = Annotated[str, msgspec.Meta(max_length=512)]
"""A name that is kept: an endless one must not fill the memory."""
MAX_PORT: Final = 0xFFFF
MAX_PROTOCOL: Final = 0xFF
ICMP: Final = (1, 58)
_FOUND_CHARACTERS: Final = 60
_NUMBER_CHARACTERS: Final = 20
_KNOWN_ADDRESSES: Final = 1 << 17
_MAPPED: Final = 0xFFFF << 32
# IANA's keywords, and what tools print instead of them.
_PROTOCOLS: Final = {
    "hopopt": 0,
    "icmp": 1,
    "igmp": 2,
    "ipip": 4,
    "ipv4": 4,
    "tcp": 6,
    "udp": 17,
    "dccp": 33,
    "ipv6": 41,
    "rsvp": 46,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-icmp": 58,
    "icmpv6": 58,
    "ospf": 89,
    "pim": 103,
    "vrrp": 112,
    "l2tp": 115,
    "sctp": 132,
    "udplite": 136,
}


class RowError(ValueError):
    """A row cannot be used.

    Parameters
    ----------
    reason : a few words, the same for all rows of this kind.
    cure : what was found, and what the user can do.
    """

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(f"{reason}; {cure}")
        self.reason = reason
        self.cure = cure


def shown(value: object) -> str:
    """Return a value as part of a message: short, and without what a terminal obeys.

    Parameters
    ----------
    value : as it was found.

    Examples
    --------
    >>> shown("a" * 100)[:5], len(shown("a" * 100))
    ("'aaaa", 63)
    """
    text = ascii(value)
    return text if len(text) <= _FOUND_CHARACTERS else f"{text[:_FOUND_CHARACTERS]}..."


def whole_number(value: Number, what: str, high: int = MAX_COUNT, missing: int = UNKNOWN) -> int:
    """Return a number from 0 to ``high``, or ``missing`` if there is none.

    Parameters
    ----------
    value : number or text.
    what : name of the member.
    high : largest one that can be.
    missing : stands for null and empty text.

    Raises
    ------
    RowError : it is no such number.

    Examples
    --------
    >>> whole_number(5, "bytes"), whole_number("5", "bytes"), whole_number(None, "bytes")
    (5, 5, -1)
    """
    if type(value) is int:
        number = value
    elif type(value) is str and value.isdecimal() and len(value) <= _NUMBER_CHARACTERS:
        number = int(value)
    elif value is None or value == "":
        return missing
    else:
        number = _unusual(value, what)
    if 0 <= number <= high:
        return number
    raise RowError(f"{what} is out of range", f"0 to {high} can be; found {shown(value)}")


def _unusual(value: int | float | str, what: str) -> int:
    """Return a whole number that is written as a fraction, or a negative one as text."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value[:1] == "-" and value[1:].isdecimal():
        return -1
    raise RowError(f"{what} is no whole number", f"found {shown(value)}")


@lru_cache(_KNOWN_ADDRESSES)
def address(text: str | None) -> tuple[int, int]:
    """Return the halves of an address.

    Parameters
    ----------
    text : the address.

    Raises
    ------
    RowError : it is missing, or no address.
    """
    if text is None:
        raise RowError("an address is missing", "a flow cannot be told without it")
    try:
        if ":" not in text:
            # Refuses what ipaddress refuses, in a twentieth of the time.
            return 0, _MAPPED | int.from_bytes(inet_pton(AF_INET, text), "big")
        return address_halves(text)
    except (ValueError, OSError) as error:
        raise RowError("no address", f"found {shown(text)}") from error


def time_of(text: str | None, what: str) -> int:
    """Return the nanoseconds of a time as text.

    Parameters
    ----------
    text : the time.
    what : name of the member.

    Raises
    ------
    RowError : it is missing, or no time that can be.
    """
    if text is None:
        raise RowError(f"{what} is missing", "a flow cannot be told without it")
    try:
        return nanoseconds_of(text)
    except ValueError as error:
        cure = f"RFC 3339 with a zone is expected, 1970 to 2255; found {shown(text)}"
        zone = "has no zone" if "zone" in str(error) else "is no time"
        raise RowError(f"{what} {zone}", cure) from None


def epoch_time(value: int | float | str | None, what: str, unit_ns: int) -> int:
    """Return the nanoseconds of a time since 1970, exact to the microsecond if it is a fraction.

    Parameters
    ----------
    value : number or text.
    what : name of the member.
    unit_ns : nanoseconds of one.

    Raises
    ------
    RowError : it is missing, no number, or lies after 2255.

    Examples
    --------
    >>> epoch_time(1533196939.18745, "time_start", 10**9)
    1533196939187450000
    """
    if isinstance(value, float):
        is_usual = 0 <= value * unit_ns <= LATEST_SECOND * 10**9
        microseconds = round(value * (unit_ns // 1000)) if is_usual else UNKNOWN
        time = microseconds * 1000
    else:
        time = whole_number(value, what, missing=UNKNOWN) * unit_ns
    if value is None or value == "":
        raise RowError(f"{what} is missing", "a flow cannot be told without it")
    if not 0 <= time <= LATEST_SECOND * 10**9:
        raise RowError(f"{what} is out of range", f"1970 to 2255 can be; found {shown(value)}")
    return time


@lru_cache(256)
def protocol_number(value: int | str | None, what: str) -> int:
    """Return the number of a protocol.

    Parameters
    ----------
    value : number, or name as IANA or tools write it.
    what : name of the member.

    Raises
    ------
    RowError : it is missing or not known.

    Examples
    --------
    >>> protocol_number("UDP", "proto"), protocol_number("058", "proto"), protocol_number(6, "pr")
    (17, 58, 6)
    """
    if isinstance(value, str) and value.lower() in _PROTOCOLS:
        return _PROTOCOLS[value.lower()]
    if value is None or value == "":
        raise RowError(f"{what} is missing", "a flow cannot be told without it")
    if isinstance(value, str) and not value.removeprefix("-").isdecimal():
        raise RowError(f"{what} is not known", f"write the protocol's number; found {shown(value)}")
    return whole_number(value, what, MAX_PROTOCOL)
