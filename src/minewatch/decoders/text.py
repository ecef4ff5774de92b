# SPDX-License-Identifier: Apache-2.0
"""Text taken from the wire, made fit for a table and a terminal."""

from __future__ import annotations

import re

_UNSAFE = re.compile(r"[^\x20-\x7e]")


def printable(value: object, limit: int) -> str | None:
    r"""Return ``value`` in printable ASCII and at most ``limit`` characters, None if nothing is.

    Whatever a terminal could take for a command, and whatever is not ASCII, becomes ``?``.

    Examples
    --------
    >>> printable("XMRig/6.26.0\x1b[2J", 64)
    'XMRig/6.26.0?[2J'
    >>> printable(None, 64) is None
    True
    """
    if not isinstance(value, str) or not value:
        return None
    return _UNSAFE.sub("?", value[:limit]).strip() or None


def shortened(value: object, head: int = 8, tail: int = 4) -> str | None:
    """Return the first and last characters of a long name; a short one stays whole.

    Examples
    --------
    >>> shortened("4AAAAAAABBBBBBBBBBBBBBBBBBBBwxyz")
    '4AAAAAAA…wxyz'
    >>> shortened("worker.1")
    'worker.1'
    """
    text = printable(value, 1024)
    if text is None or len(text) <= head + tail + 4:
        return text
    return f"{text[:head]}…{text[-tail:]}"
