# SPDX-License-Identifier: Apache-2.0
"""Segments that are sent again though they arrived, because their acknowledgement was lost.

Seen where nothing else of the receiver made up for it before the sender's time-out. What comes
twice is acknowledged at once, by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.lab.simulator.draws import Purpose, uniform
from minewatch.lab.simulator.groups import positions
from minewatch.lab.simulator.loss import timeout_ns
from minewatch.lab.simulator.placing import Placed
from minewatch.lab.simulator.routes import NS, Routes
from minewatch.lab.simulator.script import IntArray
from minewatch.lab.simulator.units import DATA

ANSWERED_NS: Final = NS * 3 // 50
"""What a receiver sends within this carries the acknowledgement that is lost; later, another."""


@dataclass(slots=True)
class Repeats:
    """One row a segment that comes twice."""

    segment: IntArray
    time_ns: IntArray
    """When it is seen again."""
    answer_ns: IntArray
    """When the acknowledgement of that is seen."""


def repeats(placed: Placed, routes: Routes) -> Repeats:
    """Return the segments that come twice.

    Parameters
    ----------
    placed : segments whose times are known.
    routes : of their conversations.
    """
    conversation = placed.conversation
    # An acknowledgement covers all that arrived before, so only a message's end may miss one.
    share = np.where((placed.kind == DATA) & placed.is_last, routes.loss[conversation], 0.0)
    rows = np.flatnonzero(share > 0)
    drawn = uniform(
        routes.key[conversation[rows]], Purpose.LOST_ANSWER, positions(conversation)[rows]
    )
    rows = rows[drawn < share[rows]]
    conversation, is_reply = conversation[rows], placed.is_reply[rows]

    is_home = is_reply ^ routes.is_initiator_home[conversation]
    arrival = placed.arrival_ns[rows]
    way_back = np.where(is_home, routes.rtt_ns[conversation], 0)
    again = arrival - way_back + timeout_ns(routes)[conversation]
    answer = again + way_back + routes.reaction_ns[conversation]
    receiver = ~is_reply
    sends = placed.sends()
    own = sends.after(conversation, receiver, arrival + ANSWERED_NS)
    if len(sends.keys):
        base = placed.timeline.base[2 * conversation + receiver]
        is_made_up = (own >= 0) & (sends.keys[own] - base < again)
    else:
        is_made_up = own >= 0
    kept = ~is_made_up & (answer + ANSWERED_NS < routes.end_ns[conversation])
    return Repeats(rows[kept], again[kept], answer[kept])
