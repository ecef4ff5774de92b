# SPDX-License-Identifier: Apache-2.0
"""Keep-alive probes of idle connections, and the answers to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minewatch.lab.simulator.groups import expand
from minewatch.lab.simulator.routes import NEVER_NS, NS, Routes
from minewatch.lab.simulator.script import IntArray

MAX_PROBES = 50_000
"""In one silence: a probe a second for half a day."""


@dataclass(slots=True)
class Probes:
    """One row a probe, which the initiator sends."""

    conversation: IntArray
    probe_ns: IntArray
    answer_ns: IntArray


def probes(
    conversation: IntArray, time_ns: IntArray, routes: Routes, open_until: IntArray
) -> Probes:
    """Return the probes that fall into the silences of connections.

    Parameters
    ----------
    conversation, time_ns : of packets, sorted by both.
    routes : of the conversations.
    open_until : when a connection that nobody closes is forgotten, one a conversation; -1 for
        one that ends with its last packet.
    """
    n = len(conversation)
    if not n or (routes.keepalive_ns >= NEVER_NS).all():
        empty = np.empty(0, np.int64)
        return Probes(empty, empty, empty)
    is_last = np.append(conversation[1:] != conversation[:-1], True)
    following = np.append(time_ns[1:], 0)
    until = np.where(is_last, open_until[conversation], following)
    every = routes.keepalive_ns[conversation]
    rtt = routes.rtt_ns[conversation]
    # A probe and its answer must be over before the silence is.
    room = until - time_ns - rtt - routes.reaction_ns[conversation] - NS // 1000
    count = np.clip(
        np.where(every < NEVER_NS, room // np.maximum(every + rtt, 1), 0), 0, MAX_PROBES
    )
    packet, number = expand(count)
    row = conversation[packet]
    period = every[packet] + rtt[packet]
    probe = time_ns[packet] + every[packet] + number * period
    answer = probe + routes.reaction_ns[row]
    return Probes(row, probe, answer + np.where(routes.is_initiator_home[row], rtt[packet], 0))
