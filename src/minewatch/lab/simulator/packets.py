# SPDX-License-Identifier: Apache-2.0
"""Packets as columns, and the hosts that send them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from minewatch.lab.simulator.draws import KeyArray, Purpose, bits, chain
from minewatch.lab.simulator.script import BoolArray, ByteArray, Conversations, IntArray

FLAG_FIN: Final = 0x01
FLAG_SYN: Final = 0x02
FLAG_RST: Final = 0x04
FLAG_PSH: Final = 0x08
FLAG_ACK: Final = 0x10

TTLS: Final = np.array([64, 64, 64, 128, 64], np.uint8)
"""Of Linux three times, Windows, and a BSD."""
WINDOWS: Final = np.array([64_240, 64_240, 29_200, 64_240, 65_535], np.int64)
"""Of the SYN."""
SCALES: Final = np.array([7, 7, 7, 8, 6], np.uint8)
"""Shift of the window, from the SYN's option."""
MIN_HOPS: Final = 5
MAX_HOPS: Final = 24


@dataclass(slots=True)
class Packets:
    """One row a packet, sorted by time, then conversation."""

    time_ns: IntArray
    """Since 1970, at the point of capture."""
    conversation: IntArray
    is_reply: BoolArray
    is_udp: BoolArray
    flags: ByteArray
    seq: npt.NDArray[np.uint32]
    ack: npt.NDArray[np.uint32]
    payload_octets: IntArray
    message: IntArray
    """Row of the script's messages that the payload comes from, -1 without payload."""
    offset: IntArray
    """First octet of the message."""
    window: npt.NDArray[np.uint16]
    has_timestamps: BoolArray
    tsval: npt.NDArray[np.uint32]
    tsecr: npt.NDArray[np.uint32]
    ttl: ByteArray
    identification: npt.NDArray[np.uint16]
    is_retransmission: BoolArray
    """Its segment was seen before."""

    def __len__(self) -> int:
        return len(self.time_ns)

    def take(self, rows: IntArray) -> Packets:
        """Return some of the packets."""
        return Packets(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def joined(cls, parts: list[Packets]) -> Packets:
        """Return the packets of all parts, sorted."""
        columns = [
            np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)
        ]
        packets = cls(*columns)
        return packets.take(np.lexsort((packets.conversation, packets.time_ns)))


@dataclass(slots=True)
class Hosts:
    """What the two ends of each conversation look like, shape (n, 2): initiator, responder."""

    ttl: ByteArray
    """As the point of capture sees it."""
    syn_window: IntArray
    scale: ByteArray
    clock_ms: IntArray
    """Offset of the clock that timestamps count."""


def hosts(conversations: Conversations, keys: KeyArray, seed: int) -> Hosts:
    """Return the ends of conversations; an address is the same kind of host in each of them.

    Parameters
    ----------
    conversations : the script's.
    keys : of the conversations.
    seed : of the whole run.
    """
    addresses = np.stack(
        (conversations.initiator_address, conversations.responder_address), axis=1
    ).astype(np.uint64)
    host = chain(seed, addresses.reshape(-1)).reshape(-1, 2)
    system = (bits(host, Purpose.HOST) % np.uint64(len(TTLS))).astype(np.int64)
    hops = MIN_HOPS + bits(host, Purpose.HOPS) % np.uint64(MAX_HOPS - MIN_HOPS)
    is_far = np.stack((~conversations.is_initiator_home, conversations.is_initiator_home), axis=1)
    sides = np.broadcast_to(np.arange(2), (len(keys), 2))
    clock = bits(np.broadcast_to(keys[:, None], (len(keys), 2)), Purpose.CLOCK, sides)
    return Hosts(
        ttl=(TTLS[system] - np.where(is_far, hops, 0)).astype(np.uint8),
        syn_window=WINDOWS[system],
        scale=SCALES[system],
        clock_ms=(clock & np.uint64(0xFFFF_FFFF)).astype(np.int64),
    )
