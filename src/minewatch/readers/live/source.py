# SPDX-License-Identifier: Apache-2.0
"""Network interfaces as packet batches."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from minewatch.errors import SourceError
from minewatch.metering import framing, ring_blocks
from minewatch.metering.decode import Outcome, decode_frames
from minewatch.metering.fragments import FRAGMENT_SLOTS
from minewatch.readers.capture import HASH_SEED
from minewatch.readers.live.blocks import SETTLE_S, BlockQueue, mergeable, settled_at
from minewatch.readers.live.counters import LiveCounters, notes_on
from minewatch.readers.live.interface import index_of, is_up
from minewatch.readers.live.ring import Ring
from minewatch.types import BATCH_PACKETS, Int64Array, PacketBatch

IDLE_S: Final = 1.0
"""``read`` returns after so long, with a batch that may be empty."""
_LINK_HEADER_OCTETS: Final = 18
"""Ethernet and a tag: what a frame has on top of the MTU."""


@dataclass(slots=True)
class _Framed:
    """The packets of a batch that was read and not parsed yet."""

    records: Int64Array = field(
        default_factory=lambda: np.empty((BATCH_PACKETS, framing.RECORD_WORDS), np.int64)
    )
    n: int = 0
    not_ip: int = 0


class LiveSource:
    """The packets of interfaces, merged in the order of time.

    Parameters
    ----------
    rings : of ``opening.open_rings``; closed together with this source.
    decapsulate : unwrap VXLAN, Geneve, GRE and IP-in-IP.
    down_patience_s : how long an interface may be down before the watch ends [s].

    Notes
    -----
    ``read`` returns at least once in ``IDLE_S``, with no packets if none came: then
    ``data_time_ns`` goes on all the same. It returns False after ``stop``, when everything that
    came before is read.

    Packets of several interfaces are in order unless the clock was set, or a ring was so full
    that there was no time to wait for the others.
    """

    def __init__(
        self, rings: Sequence[Ring], decapsulate: bool = True, down_patience_s: float = 60.0
    ) -> None:
        self.name = ",".join(ring.interface.name for ring in rings)
        self._queues = [BlockQueue(ring) for ring in rings]
        self.counters = LiveCounters(
            interfaces={queue.ring.interface.name: queue.counters for queue in self._queues}
        )
        self._decapsulate = decapsulate
        self._down_patience_s = down_patience_s
        self._fragments = np.zeros((FRAGMENT_SLOTS, 8), np.int64)
        self._framed: dict[int, _Framed] = {}
        self._cursors = np.zeros((len(rings), ring_blocks.CURSOR_WORDS), np.int64)
        self._times = np.zeros(len(rings), np.int64)
        self._newest_ns = 0
        self._newest_s = 0.0
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._is_closed = False
        self._ends_s: float | None = None
        self._fault: SourceError | None = None

    def stop(self) -> None:
        """Let no more packets in; ``read`` ends when it has read the rest.

        May be called from any thread, from a signal handler, and again.
        """
        if not self._is_closed:
            os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Close the interfaces."""
        if not self._is_closed:
            self._is_closed = True
            os.close(self._wake)
            for queue in self._queues:
                queue.ring.close()

    def data_time_ns(self) -> int | None:
        """Return what the packets' clock says now; None before the first packet.

        That is the time of the newest packet, and what passed since it was read: it goes on while
        no packets come, and does not jump when the machine's clock is set.
        """
        if not self._newest_ns:
            return None
        return self._newest_ns + int((time.monotonic() - self._newest_s) * 1e9)

    def read(self, batch: PacketBatch) -> bool:
        """Read the next packets into ``batch``; return False when it was stopped.

        Raises
        ------
        SourceError : an interface is gone, or was down for too long.
        """
        framed = self._framed.get(id(batch))
        if framed is None:
            framed = self._framed[id(batch)] = _Framed()
        framed.n = framed.not_ip = batch.n_octets = 0
        batch.octets_read = self.counters.octets_read
        until_s = time.monotonic() + IDLE_S
        wait_s = 0.0
        while True:
            self._poll(wait_s)
            now_s = time.monotonic()
            for queue in self._queues:
                queue.notice(now_s)
            self._look_after(now_s)
            if ready := mergeable(self._queues, now_s):
                self._take(ready, batch, framed)
                return True
            settled_s = settled_at(self._queues)
            if self._ends_s is not None and settled_s is None and now_s >= self._ends_s:
                if self._fault is not None:
                    raise self._fault
                return False
            if now_s >= until_s:
                return True
            moments = (until_s, settled_s, self._ends_s)
            wait_s = max(0.0, min(moment for moment in moments if moment is not None) - now_s)

    def parse(self, batch: PacketBatch) -> None:
        """Decode the packets of the batch."""
        framed = self._framed[id(batch)]
        self.counters.packets_seen += framed.n + framed.not_ip
        self.counters.outcomes[Outcome.NOT_IP] += framed.not_ip
        batch.n_packets = decode_frames(
            batch.data,
            framed.records,
            framed.n,
            self._decapsulate,
            self._fragments,
            batch.columns,
            self.counters.outcomes,
            HASH_SEED,
        )

    def finish(self) -> None:
        """Note what somebody should know, after the last batch was parsed."""
        for queue in self._queues:
            queue.count()
            self.counters.notes += notes_on(queue.ring.interface.name, queue.counters)

    def _poll(self, wait_s: float) -> None:
        """Wait for a block where none waits yet, for an error, or to be stopped."""
        poll = select.poll()
        if self._ends_s is None:
            poll.register(self._wake, select.POLLIN)
        quiet = {queue.ring.number: queue for queue in self._queues if queue.since_s is None}
        for number in quiet:
            poll.register(number, select.POLLIN)
        for number, event in poll.poll(wait_s * 1000):
            if number == self._wake:
                self._end()
            elif event & select.POLLERR:
                self._note_error(quiet[number])

    def _end(self) -> None:
        """Let nothing more in; what is in the rings is handed over soon."""
        if self._ends_s is None:
            for queue in self._queues:
                queue.ring.refuse()
            self._ends_s = time.monotonic() + SETTLE_S

    def _fail(self, queue: BlockQueue, reason: str) -> None:
        """End as ``stop`` does, with an error."""
        if self._fault is None:
            self._fault = SourceError(queue.ring.interface.name, reason)
            self._end()

    def _note_error(self, queue: BlockQueue) -> None:
        """Take the error that an interface has; most often it went down."""
        if reason := queue.ring.take_error():
            self._fail(queue, f"cannot be watched any longer: {reason}")
            return
        queue.counters.downs += 1
        if queue.down_since_s is None:
            queue.down_since_s = time.monotonic()

    def _look_after(self, now_s: float) -> None:
        """See whether interfaces that went down are up again; the kernel goes on by itself then."""
        for queue in self._queues:
            if queue.down_since_s is None:
                continue
            interface, down_s = queue.ring.interface, now_s - queue.down_since_s
            if index_of(interface.name) != interface.index:
                self._fail(queue, "the interface is gone; start again when it is back")
            elif is_up(interface):
                queue.down_since_s = None
            elif down_s > self._down_patience_s:
                self._fail(
                    queue,
                    f"the interface is down for {down_s:.0f} s: ip link set {interface.name} up, "
                    "and start again",
                )

    def _take(self, ready: Sequence[BlockQueue], batch: PacketBatch, framed: _Framed) -> None:
        """Copy the octets of blocks into the batch, and find their packets."""
        cursors = self._cursors[: len(ready)]
        at = 0
        for i, queue in enumerate(ready):
            queue.count()  # before the block is read; see Ring.statistics
            rest, interface = queue.rest(), queue.ring.interface
            octets = rest.end - rest.first
            batch.data[at : at + octets] = np.frombuffer(
                queue.ring.memory, np.uint8, octets, rest.first
            )
            link = ring_blocks.ETHERNET if interface.has_ethernet else ring_blocks.RAW
            longest = interface.mtu + _LINK_HEADER_OCTETS
            cursors[i] = (at, rest.packets, at + octets, link, longest, interface.is_loopback, 0, 0)
            at += octets
        starts = cursors[:, ring_blocks.C_AT].tolist()
        framed.n, framed.not_ip, is_damaged = ring_blocks.merge_blocks(
            batch.data, cursors, self._times, framed.records
        )
        if is_damaged:
            self._fail(ready[0], "the kernel's ring is damaged; update the kernel")
            cursors[:, ring_blocks.C_LEFT] = 0
        for queue, start, cursor in zip(ready, starts, cursors.tolist(), strict=True):
            queue.counters.duplicates += cursor[ring_blocks.C_SKIPPED]
            queue.counters.coalesced += cursor[ring_blocks.C_COALESCED]
            left = cursor[ring_blocks.C_LEFT]
            consumed = cursor[ring_blocks.C_AT if left else ring_blocks.C_END] - start
            queue.use(left, queue.rest().first + consumed)
            batch.n_octets += consumed
        self._count(batch, framed)

    def _count(self, batch: PacketBatch, framed: _Framed) -> None:
        self.counters.octets_read += batch.n_octets
        batch.octets_read = self.counters.octets_read
        if framed.n:
            self._newest_ns = int(framed.records[framed.n - 1, framing.R_TIME])
            self._newest_s = time.monotonic()
