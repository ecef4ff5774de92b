# SPDX-License-Identifier: Apache-2.0
"""Reads a line back that a file of alerts holds: minewatch's own form, or the stored one.

Times of minewatch's own form have microseconds, and its texts are printable: all else is exact.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from minewatch.alert import Alert
from minewatch.alerts.forms import stored
from minewatch.alerts.forms.record import RECORD_VERSION

_TIMES: Final = ("first_seen", "last_seen", "updated")
_VERSION: Final = "alert_version"
_NS: Final = 1_000_000_000
_FRACTION_DIGITS: Final = 9
MAX_NAME: Final = 64
"""Characters of an id or an address; IPv6 with a scope has 62 at most."""


def alert_of(line: str | bytes) -> Alert:
    """Return the alert of a line.

    Parameters
    ----------
    line : a JSON object, as the sinks ``jsonl:`` and ``webhook:`` write it, or of ``stored``.

    Raises
    ------
    ValueError : it is damaged, of another form, or of another version.
    """
    try:
        value = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict) or value.get(_VERSION) != RECORD_VERSION:
        return _bounded(stored.read(line))
    fields: dict[str, Any] = dict(value)
    for name in _TIMES:
        fields[f"{name}_ns"] = nanoseconds(fields.pop(name, None))
    try:
        return _bounded(msgspec.convert(fields, Alert))
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def _bounded(alert: Alert) -> Alert:
    """Return an alert whose names can be written down again wherever it is acted upon."""
    if not all(len(text) <= MAX_NAME and text.isascii() for text in _named(alert)):
        raise ValueError(f"id, host and pool have {MAX_NAME} characters of ASCII at most")
    return alert


def _named(alert: Alert) -> tuple[str, ...]:
    return alert.id, alert.host, alert.pool


def nanoseconds(text: object) -> int:
    """Return a moment as nanoseconds since 1970.

    Parameters
    ----------
    text : RFC 3339 in UTC, with nine digits of a second at most.

    Raises
    ------
    ValueError : it is none.

    Examples
    --------
    >>> nanoseconds("1970-01-01T00:00:01.000000002Z")
    1000000002
    """
    if not isinstance(text, str) or not text.endswith("Z") or len(text) > 40:
        raise ValueError("no time in UTC")
    whole, _, fraction = text.removesuffix("Z").partition(".")
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        raise ValueError("no fraction of a second")
    if len(fraction) > _FRACTION_DIGITS:
        raise ValueError("finer than nanoseconds")
    moment = datetime.fromisoformat(whole)
    if moment.tzinfo is not None:
        raise ValueError("two offsets from UTC")
    seconds = int(moment.replace(tzinfo=UTC).timestamp())
    return seconds * _NS + int(fraction.ljust(_FRACTION_DIGITS, "0"))
