# SPDX-License-Identifier: Apache-2.0
"""Which blocks of an interface's ring wait to be read, and since when."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from minewatch.readers.live.ring import Block, Ring
from minewatch.readers.live.settings import RETIRE_MS

SETTLE_S: Final = 3 * RETIRE_MS / 1000
"""A packet is in a block that was handed over so long after it came, at most.

The kernel's timer looks every ``RETIRE_MS``, and hands over a block that it saw the time before:
two rounds, and one more because its timer is coarse.
"""


@dataclass(slots=True)
class InterfaceCounters:
    """What passed one interface."""

    received: int = 0
    """Packets that the kernel put into the ring."""
    dropped: int = 0
    """Packets that it dropped because the ring was full."""
    freezes: int = 0
    """How often the ring was full."""
    duplicates: int = 0
    """Packets of the loopback that were left out, because each passes twice."""
    coalesced: int = 0
    """Frames longer than the wire's: offload (GRO, TSO) made one of several packets."""
    downs: int = 0
    """How often the interface went down."""


class BlockQueue:
    """The blocks of one ring that the kernel handed over, oldest first.

    Parameters
    ----------
    ring : open.
    """

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.counters = InterfaceCounters()
        self.down_since_s: float | None = None
        """When it was seen that the interface is down, on the monotonic clock."""
        self._head = 0
        self._since_s: deque[float] = deque()
        self._rest: Block | None = None

    @property
    def since_s(self) -> float | None:
        """When the oldest block was noticed, on the monotonic clock; None if none waits."""
        return self._since_s[0] if self._since_s else None

    @property
    def is_crowded(self) -> bool:
        """Whether so many blocks wait that there is no time to lose."""
        return 2 * len(self._since_s) > self.ring.blocks

    def notice(self, now_s: float) -> None:
        """Look for blocks that the kernel has handed over.

        Parameters
        ----------
        now_s : the monotonic clock.
        """
        ring, waiting = self.ring, self._since_s
        while len(waiting) < ring.blocks:
            if not ring.is_ready((self._head + len(waiting)) % ring.blocks):
                break
            waiting.append(now_s)

    def count(self) -> None:
        """Add what the kernel counted since the call before."""
        told = self.ring.statistics()
        self.counters.received += told.received
        self.counters.dropped += told.dropped
        self.counters.freezes += told.freezes

    def rest(self) -> Block:
        """Return what is left of the oldest block; one must wait."""
        if self._rest is None:
            self._rest = self.ring.block(self._head)
        return self._rest

    def use(self, packets: int, first: int) -> None:
        """Say how far the oldest block has been read; a block that is used up is given back.

        Parameters
        ----------
        packets : that are left.
        first : where the first of them begins, from the start of the ring.
        """
        if packets:
            self._rest = Block(packets, first, self.rest().end)
            return
        self.ring.release(self._head)
        self._rest = None
        self._since_s.popleft()
        self._head = (self._head + 1) % self.ring.blocks


def mergeable(queues: Sequence[BlockQueue], now_s: float) -> list[BlockQueue]:
    """Return the queues whose oldest blocks can be merged now; empty if it is better to wait.

    A packet that is earlier than those of a block may still stand in another interface's block,
    which was not handed over yet. After ``SETTLE_S`` it was. There is no waiting for interfaces
    that are down, nor when a ring gets full: order is lost then, rather than packets.

    Parameters
    ----------
    queues : of all interfaces.
    now_s : the monotonic clock.
    """
    waiting = [queue for queue in queues if queue.since_s is not None]
    settled_s = settled_at(queues)
    if settled_s is None or now_s < settled_s:
        return []
    return waiting


def settled_at(queues: Sequence[BlockQueue]) -> float | None:
    """Return from when on the oldest blocks can be merged; None if no block waits.

    Parameters
    ----------
    queues : of all interfaces.
    """
    waiting = [queue for queue in queues if queue.since_s is not None]
    if not waiting:
        return None
    since_s = min(queue.since_s for queue in waiting if queue.since_s is not None)
    are_others_quiet = all(
        queue.since_s is not None or queue.down_since_s is not None for queue in queues
    )
    if are_others_quiet or any(queue.is_crowded for queue in waiting):
        return since_s
    return since_s + SETTLE_S
