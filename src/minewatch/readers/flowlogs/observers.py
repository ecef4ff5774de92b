# SPDX-License-Identifier: Apache-2.0
"""Who saw a flow: two observers of one flow must not make two flows of it."""

from __future__ import annotations

import zlib


def observation_point(*parts: str) -> int:
    """Return the number of an observer, the same in every run; 0 if nothing tells who it was.

    Parameters
    ----------
    parts : what tells it from others, as an interface's id; empty texts tell nothing.

    Examples
    --------
    >>> observation_point("eni-1") == observation_point("eni-1") != observation_point("eni-2")
    True
    >>> observation_point("", "")
    0
    """
    text = "\0".join(parts).encode()
    return zlib.crc32(text) if any(parts) else 0
