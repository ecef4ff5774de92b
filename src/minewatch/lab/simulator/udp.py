# SPDX-License-Identifier: Apache-2.0
"""UDP conversations as packets: a datagram for each message."""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.lab.simulator.draws import Purpose, bits, uniform
from minewatch.lab.simulator.groups import positions
from minewatch.lab.simulator.packets import Packets, hosts
from minewatch.lab.simulator.routes import NS, Routes
from minewatch.lab.simulator.script import UDP, Script

MAX_DATAGRAM_OCTETS: Final = 1_472
"""More would need fragments on Ethernet."""


def packetize(script: Script, routes: Routes, seed: int) -> Packets:
    """Return the packets of a script's UDP conversations, those that are lost before left out.

    Parameters
    ----------
    script : what is said.
    routes : of its conversations.
    seed : of the whole run.

    Raises
    ------
    ValueError : a datagram is too long.
    """
    messages = script.messages
    rows = np.flatnonzero(script.conversations.protocol[messages.conversation] == UDP)
    conversation, is_reply = messages.conversation[rows], messages.is_reply[rows]
    octets = messages.octets[rows]
    if len(rows) and octets.max() > MAX_DATAGRAM_OCTETS:
        row = int(conversation[np.argmax(octets)])
        raise ValueError(
            f"conversation {row}: a datagram of {octets.max()} octets, at most "
            f"{MAX_DATAGRAM_OCTETS}"
        )
    key, counter = routes.key[conversation], positions(conversation)
    is_home = is_reply ^ routes.is_initiator_home[conversation]
    is_seen = is_home | (uniform(key, Purpose.LOSS, counter) >= routes.loss[conversation])
    side = is_reply.astype(np.int64)
    n = len(rows)
    nothing = np.zeros(n, np.uint32)
    packets = Packets(
        time_ns=routes.start_ns[conversation]
        + np.rint(messages.time_s[rows] * NS).astype(np.int64),
        conversation=conversation,
        is_reply=is_reply,
        is_udp=np.ones(n, np.bool_),
        flags=nothing.astype(np.uint8),
        seq=nothing,
        ack=nothing,
        payload_octets=octets,
        message=rows,
        offset=nothing.astype(np.int64),
        window=nothing.astype(np.uint16),
        has_timestamps=nothing.astype(np.bool_),
        tsval=nothing,
        tsecr=nothing,
        ttl=hosts(script.conversations, routes.key, seed).ttl[conversation, side],
        identification=bits(key, Purpose.IDENTIFICATION, counter).astype(np.uint16),
        is_retransmission=nothing.astype(np.bool_),
    )
    return packets.take(np.flatnonzero(is_seen))
