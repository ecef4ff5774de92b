# SPDX-License-Identifier: Apache-2.0
"""Text from the wire made harmless: bounded, and without what acts on terminals or logs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final

TEXT_CHARACTERS: Final = 1_024
ITEMS: Final = 64
"""Of a list or an object; an alert that we make has fewer."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def printable(text: str, most: int = TEXT_CHARACTERS) -> str:
    r"""Return text whose control, direction and surrogate characters are spelled out.

    Parameters
    ----------
    text : anything, such as a server's name or a miner's login.
    most : characters kept; what is longer ends with three dots.

    Examples
    --------
    >>> print(printable("pool\r\n.example\x1b[2J \u202egpj.exe"))
    pool\x0d\x0a.example\x1b[2J \u202egpj.exe
    """
    if len(text) > most:
        text = text[: max(most - 3, 0)] + "..."
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _spelled(c) for c in text)[: most + most // 2]


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def clean(value: Any) -> Any:
    r"""Return a value of JSON with every text printable, bounded, and no number but finite ones.

    Parameters
    ----------
    value : texts, numbers, lists and objects.

    Examples
    --------
    >>> clean({"a": float("nan"), "b": ("x", "\n")})
    {'a': None, 'b': ['x', '\\x0a']}
    """
    if isinstance(value, str):
        return printable(str(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {printable(str(key)): clean(item) for key, item in list(value.items())[:ITEMS]}
    if isinstance(value, Sequence):
        return [clean(item) for item in value[:ITEMS]]
    return value


def json_line(value: Mapping[str, Any]) -> str:
    """Return an object, cleaned before, as JSON in one line of ASCII.

    Parameters
    ----------
    value : the object.
    """
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def without_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without the fields that are null or empty, at any depth.

    Parameters
    ----------
    value : the object.

    Examples
    --------
    >>> without_nulls({"a": None, "b": {"c": None}, "d": 0, "e": []})
    {'d': 0}
    """
    kept: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, Mapping):
            item = without_nulls(item)
        if item is not None and item not in ("", [], (), {}):
            kept[key] = item
    return kept


def moment(time_ns: int) -> str:
    """Return a time as RFC 3339 text in UTC, to the microsecond.

    Parameters
    ----------
    time_ns : nanoseconds since 1970.

    Examples
    --------
    >>> moment(1_700_000_000_123_456_789)
    '2023-11-14T22:13:20.123456Z'
    """
    time = _EPOCH + timedelta(microseconds=time_ns // 1_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if time.year >= 1000 else "1000-01-01T00:00:00Z"


def address_or_none(text: str) -> str | None:
    """Return an IP address as it is, and None if it is none: receivers refuse the whole record.

    Parameters
    ----------
    text : an address, or what stands in its place.

    Examples
    --------
    >>> address_or_none("203.0.113.9"), address_or_none("a host")
    ('203.0.113.9', None)
    """
    try:
        ip_address(text)
    except ValueError:
        return None
    return text.partition("%")[0]
