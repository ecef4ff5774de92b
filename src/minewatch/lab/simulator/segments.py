# SPDX-License-Identifier: Apache-2.0
"""Units cut into segments, and when each leaves: in flights, as slow start lets them go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.lab.simulator.groups import expand
from minewatch.lab.simulator.routes import GAP_NS, Routes
from minewatch.lab.simulator.script import IntArray
from minewatch.lab.simulator.units import DATA, RST, Units

INITIAL_WINDOW: Final = 10
"""Segments of the first flight (RFC 6928)."""
DOUBLINGS: Final = 8
"""The window stays at 2,560 segments: what 4 MB of receive buffer allow."""
FLIGHT_MARGIN_NS: Final = 4 * GAP_NS
"""A flight waits for the acknowledgement of the one before: its first two segments and a moment."""

_BOUNDS: Final = INITIAL_WINDOW * ((1 << np.arange(DOUBLINGS + 1)) - 1)


@dataclass(slots=True)
class Segments:
    """One row a segment, in the order of units and sequence numbers."""

    unit: IntArray
    number: IntArray
    """Which of its unit, from 0."""
    octets: IntArray
    """Payload."""
    length: IntArray
    """Sequence numbers that it takes up: SYN and FIN take one."""
    delay_ns: IntArray
    """After its unit's start, when it is sent first."""

    def __len__(self) -> int:
        return len(self.unit)


def segments(units: Units, routes: Routes) -> Segments:
    """Return the segments of units.

    Parameters
    ----------
    units : in order.
    routes : of the conversations.
    """
    full = routes.segment_octets[units.conversation]
    counts = np.maximum(-(-units.octets // full), 1)
    unit, number = expand(counts)
    octets = np.minimum(units.octets[unit] - number * full[unit], full[unit])
    is_control = (units.kind != DATA) & (units.kind != RST)
    return Segments(
        unit=unit,
        number=number,
        octets=octets,
        length=octets + is_control[unit],
        delay_ns=flight_delays(number, routes.rtt_ns[units.conversation][unit]),
    )


def flight_delays(number: IntArray, rtt_ns: IntArray) -> IntArray:
    """Return when the segments of a long message leave, after its first [ns].

    Ten go at once, and each round trip brings twice as many, until they fill the round trip or
    the window.

    Parameters
    ----------
    number : which segment, from 0.
    rtt_ns : round trip.

    Examples
    --------
    >>> import numpy as np
    >>> rtt = np.full(3, 50_000_000)
    >>> (flight_delays(np.array([9, 10, 30]), rtt) // 1_000_000).tolist()
    [0, 50, 100]
    """
    period = rtt_ns + FLIGHT_MARGIN_NS
    fills = np.ceil(np.log2(np.maximum(period / (INITIAL_WINDOW * GAP_NS), 1.0)))
    last = np.minimum(fills.astype(np.int64), DOUBLINGS)
    flight = np.minimum(np.searchsorted(_BOUNDS, number, side="right") - 1, last)
    size = INITIAL_WINDOW << flight
    rest = number - _BOUNDS[flight]
    step = np.maximum(period, size * GAP_NS)
    delay: IntArray = flight * period + rest // size * step + rest % size * GAP_NS
    return delay
