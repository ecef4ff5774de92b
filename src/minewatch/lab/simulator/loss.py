# SPDX-License-Identifier: Apache-2.0
"""Lost segments and their retransmissions, as the point of capture sees them.

What the home side sends is seen before it can be lost, so a lost segment is seen twice. What the
far side sends is lost before it could be seen, and is seen late. Of lost acknowledgements see
``minewatch.lab.simulator.repeats``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.lab.simulator.draws import Purpose, uniform
from minewatch.lab.simulator.groups import expand, positions
from minewatch.lab.simulator.routes import GAP_NS, NEVER_NS, NS, Routes
from minewatch.lab.simulator.script import UNANSWERED, BoolArray, ByteArray, IntArray
from minewatch.lab.simulator.segments import Segments
from minewatch.lab.simulator.units import DATA, FIN, RST, SYN, SYN_ACK, Units

MIN_TIMEOUT_NS: Final = NS // 5
"""Least of what the time-out is more than the round trip."""
HANDSHAKE_TIMEOUT_NS: Final = NS
MAX_LOSSES: Final = 5
"""In a row, of one segment."""
UNANSWERED_LOSSES: Final = 3
"""A SYN that nobody answers is sent again so often."""
DUPLICATES: Final = 3
"""Acknowledgements of later segments after which one is sent again at once (RFC 5681)."""


@dataclass(slots=True)
class Transmissions:
    """One row for each time that a segment is seen."""

    segment: IntArray
    delay_ns: IntArray
    """After its unit's start."""
    is_retransmission: BoolArray
    """Seen before."""
    arrives: BoolArray
    """It reaches the other end."""


@dataclass(slots=True)
class Fate:
    """What becomes of each segment."""

    losses: IntArray
    arrival_delay_ns: IntArray
    """When what arrives of it passes the point of capture, after its unit's start."""
    transmissions: Transmissions


def fates(segments: Segments, units: Units, routes: Routes) -> Fate:
    """Return how often each segment is sent, when, and what is seen of that.

    Parameters
    ----------
    segments, units, routes : from one script.
    """
    kind = units.kind[segments.unit]
    conversation = units.conversation[segments.unit]
    is_home = units.is_reply[segments.unit] ^ routes.is_initiator_home[conversation]
    losses = _losses(segments, units, routes, kind, is_home)
    first, timeout = _recovery(segments, losses, routes, conversation, kind)

    row, attempt = expand(losses + 1)
    delay = np.where(
        attempt == 0,
        segments.delay_ns[row],
        first[row] + timeout[row] * ((1 << np.maximum(attempt, 1)) - 2),
    )
    is_last = attempt == losses[row]
    arrival = delay[np.flatnonzero(is_last)]
    never = (kind == SYN) & (routes.close[conversation] == UNANSWERED)
    seen = np.flatnonzero(is_last | is_home[row] | never[row])
    row, attempt = row[seen], attempt[seen]
    return Fate(
        losses,
        arrival,
        Transmissions(
            row,
            delay[seen],
            (attempt > 0) & (is_home[row] | never[row]),
            is_last[seen] & ~never[row],
        ),
    )


def timeout_ns(routes: Routes) -> IntArray:
    """Return after what time each conversation's data is sent again: as Linux reckons it.

    Parameters
    ----------
    routes : of the conversations.
    """
    spread = (4 * routes.jitter_ns).astype(np.int64)
    return routes.rtt_ns + np.maximum(spread, MIN_TIMEOUT_NS)


def _losses(
    segments: Segments, units: Units, routes: Routes, kind: ByteArray, is_home: BoolArray
) -> IntArray:
    """Return how many transmissions of each segment are lost before one arrives."""
    conversation = units.conversation[segments.unit]
    share = routes.loss[conversation].copy()
    # Whether the SYN or its answer is lost makes no difference at home; at the other end, a lost
    # SYN is not seen and the conversation begins with the next.
    both = 1.0 - (1.0 - share) ** 2
    share = np.where(kind == SYN, np.where(is_home, both, 0.0), share)
    share = np.where((kind == RST) | ((kind == SYN_ACK) & ~is_home), 0.0, share)
    losses = np.zeros(len(segments), np.int64)
    lossy = np.flatnonzero(share > 0)
    if len(lossy):
        counter = positions(conversation)[lossy]
        drawn = uniform(routes.key[conversation[lossy]], Purpose.LOSS, counter)
        losses[lossy] = np.minimum(np.log(drawn) / np.log(share[lossy]), MAX_LOSSES)
    losses[(kind == SYN) & (routes.close[conversation] == UNANSWERED)] = UNANSWERED_LOSSES
    return losses


def _recovery(
    segments: Segments,
    losses: IntArray,
    routes: Routes,
    conversation: IntArray,
    kind: ByteArray,
) -> tuple[IntArray, IntArray]:
    """Return when lost segments are first sent again, and the time-out that doubles after."""
    is_data = (kind == DATA) | (kind >= FIN)
    rtt = routes.rtt_ns[conversation]
    timeout = np.where(is_data, timeout_ns(routes)[conversation], HANDSHAKE_TIMEOUT_NS)
    first = segments.delay_ns + timeout
    lost = np.flatnonzero(losses > 0)
    if len(lost):
        arrived = np.cumsum(losses == 0)
        third = np.searchsorted(arrived, arrived[lost] + DUPLICATES, side="left")
        third = np.minimum(third, len(segments) - 1)
        is_fast = (segments.unit[third] == segments.unit[lost]) & (
            arrived[third] == arrived[lost] + DUPLICATES
        )
        # Several that wait for the same acknowledgement leave one after another.
        turn = positions(segments.unit[lost]) * GAP_NS
        fast = segments.delay_ns[third] + rtt[lost] + 2 * GAP_NS + turn
        first[lost] = np.minimum(np.where(is_fast, fast, NEVER_NS), first[lost])
    return first, timeout
