# SPDX-License-Identifier: Apache-2.0
"""How much an alert matters: how many kinds of evidence agree, and for how long."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from minewatch.alert import Severity

PAYLOAD: Final = "payload"
LASTING_NS: Final = 30 * 60 * 1_000_000_000
"""What goes on for half an hour is no page that somebody opened, and no probe."""


def severity_of(
    kinds: Collection[str],
    duration_ns: int,
    *,
    has_proof: bool,
    is_standing: bool = True,
    is_allowed: bool = False,
) -> Severity:
    """Return the severity of an alert.

    A session that was read in the clear counts two, each other kind of evidence one, half an hour
    of it one more: three are high, two are medium. Without a second kind and without proof nothing
    is high, however long it lasts.

    Parameters
    ----------
    kinds : of evidence that carry it: payload, list, together, clock, shape.
    duration_ns : from its first packet to its last.
    has_proof : a mining session was read in the clear.
    is_standing : a conversation is still labelled mining.
    is_allowed : the user said that it may mine.

    Examples
    --------
    >>> severity_of(["payload", "shape"], 0, has_proof=True).value
    'high'
    >>> severity_of(["shape"], 10 * LASTING_NS, has_proof=False).value
    'medium'
    """
    if is_allowed or not is_standing:
        return Severity.LOW
    points = len(set(kinds)) + (PAYLOAD in kinds and has_proof) + (duration_ns >= LASTING_NS)
    if points >= 3:
        return Severity.HIGH
    return Severity.MEDIUM if points >= 2 else Severity.LOW
