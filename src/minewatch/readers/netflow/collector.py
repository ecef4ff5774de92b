# SPDX-License-Identifier: Apache-2.0
"""Receives what exporters send: one thread reads, another decodes, memory is bounded.

The reading thread only fills batches; when all are full it waits, the kernel keeps what comes,
and drops and counts what is too much.
"""

from __future__ import annotations

import ipaddress
import queue
import select
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Final

from minewatch.address import Network
from minewatch.errors import SourceError
from minewatch.readers.netflow.datagrams import ExportDecoder
from minewatch.readers.netflow.sockets import Batch, ExportSocket
from minewatch.records import RecordArray, RecordCounters

BATCHES: Final = 16
"""Batches of the ring: 4096 datagrams, 256 MiB if each is as long as a datagram can be."""
MAX_GATHERED: Final = 1 << 17
"""Records that are decoded at once."""
MAX_REFUSED_ADDRESSES: Final = 1000
"""Senders that are not allowed and remembered; the datagrams of all are counted."""
_MAX_LAST_BATCHES: Final = 4096
"""Batches that are still read after the end was asked for."""
_KNOWN_SENDERS: Final = 4096
_POLL_MS: Final = 100
_REST_S: Final = 0.01
"""How long to let datagrams gather in the kernel after a call that gave few."""
_FEW: Final = 32


@dataclass(frozen=True, slots=True)
class CollectorCounts:
    """What came so far, and what did not."""

    datagrams: int
    records: int
    lost: int
    """What the exporters' sequence numbers say is missing: records or datagrams."""
    dropped: int
    """Datagrams that the kernel dropped as nobody read them in time."""
    refused: int
    """Datagrams of senders that are not allowed."""
    refused_addresses: int
    """How many senders those were, ``MAX_REFUSED_ADDRESSES`` if more."""
    faults: int
    over_limits: int
    """What was not kept of templates, sources and waiting data, as there was too much of it."""


class Collector:
    """Sockets and the decoder of what comes there.

    Parameters
    ----------
    sockets : where exporters send; closed at the end. Each takes every kind of export.
    decoder : what decodes them.
    counters : those of the decoder.
    clock : gives the time that datagrams are received [ns UTC].
    allow : networks of the exporters that are listened to; none given: all.
    """

    def __init__(
        self,
        sockets: Sequence[ExportSocket],
        decoder: ExportDecoder,
        counters: RecordCounters,
        clock: Callable[[], int],
        allow: Sequence[Network] = (),
    ) -> None:
        self._sockets = tuple(sockets)
        self._decoder = decoder
        self._counters = counters
        self._clock = clock
        self._name_of = lru_cache(_KNOWN_SENDERS)(_namer(tuple(allow)))
        self._free: queue.SimpleQueue[Batch] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[Batch] = queue.SimpleQueue()
        for _ in range(BATCHES):
            self._free.put(Batch())
        self._held: list[Batch] = []
        self._datagrams = 0
        self._refused = 0
        self._refused_addresses: set[str] = set()
        self._error: OSError | None = None
        self._stop = threading.Event()
        self._is_abandoned = False
        self._thread = threading.Thread(target=self._receive, name="minewatch-udp", daemon=True)

    def __enter__(self) -> Collector:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_abandoned = True
        self._thread.join()
        for one in self._sockets:
            one.close()

    def take(self, patience_s: float) -> list[RecordArray]:
        """Return the records of what comes within some time, or sooner if that is much.

        Parameters
        ----------
        patience_s : how long to gather; records of many datagrams cost little more than of one.

        Raises
        ------
        SourceError : a socket cannot be read any longer; it comes after all that was received.
        """
        if self._error is not None and self._full.empty():
            names = ",".join(str(one.endpoint) for one in self._sockets)
            reason = f"cannot be read any longer: {self._error.strerror}"
            raise SourceError(names, reason) from self._error
        deadline = time.monotonic() + patience_s
        is_enough = False
        while not is_enough:
            try:
                batch = self._full.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            self._add(batch)
            is_enough = len(self._held) >= BATCHES // 2 or self._decoder.n_gathered >= MAX_GATHERED
        return self._release(self._decoder.take())

    def finish(self) -> list[RecordArray]:
        """Stop receiving, and return the records of what was received until now."""
        self._stop.set()
        records = []
        while self._thread.is_alive() or not self._full.empty():
            records += self.take(0.05)
        return records + self._decoder.finish()

    @property
    def counts(self) -> CollectorCounts:
        """What came so far."""
        return CollectorCounts(
            datagrams=self._datagrams,
            records=self._counters.rows_parsed,
            lost=self._decoder.lost,
            dropped=sum(one.dropped for one in self._sockets),
            refused=self._refused,
            refused_addresses=len(self._refused_addresses),
            faults=self._counters.faulty.total(),
            over_limits=self._decoder.refused.total(),
        )

    def _add(self, batch: Batch) -> None:
        """Give the datagrams of a batch to the decoder; it is held until they are decoded."""
        self._held.append(batch)
        for i, octets in enumerate(batch.lengths.tolist()):
            sender = batch.sender(i)
            name = self._name_of(sender)
            if name is None:
                self._refuse(sender)
                continue
            self._datagrams += 1
            place = f"{batch.endpoint}: datagram {self._datagrams}"
            self._decoder.add(batch.datagram(i, octets), name, place, batch.received_ns)

    def _release(self, records: list[RecordArray]) -> list[RecordArray]:
        for batch in self._held:
            self._free.put(batch)
        self._held.clear()
        return records

    def _refuse(self, sender: bytes) -> None:
        self._refused += 1
        if len(self._refused_addresses) < MAX_REFUSED_ADDRESSES:
            self._refused_addresses.add(str(ipaddress.ip_address(sender)))

    def _receive(self) -> None:
        """Fill batches until the end was asked for, and then with what waits at the sockets."""
        poll = select.poll()
        sockets = {one.number: one for one in self._sockets}
        for number in sockets:
            poll.register(number, select.POLLIN)
        n_last = 0
        try:
            while n_last < _MAX_LAST_BATCHES and not self._is_abandoned:
                is_last = self._stop.is_set()
                ready = poll.poll(0 if is_last else _POLL_MS)
                if is_last and not ready:
                    return
                for number, _ in ready:
                    n_last += self._fill(sockets[number], is_last)
        except OSError as error:
            self._error = error

    def _fill(self, source: ExportSocket, is_last: bool) -> bool:
        """Receive one batch from a socket; return whether that was one of the last."""
        try:
            batch = self._free.get(timeout=_POLL_MS / 1000)
        except queue.Empty:
            return False
        try:
            batch.received_ns = self._clock()
            n = batch.receive(source)
        except OSError:
            self._free.put(batch)
            raise
        (self._full if n else self._free).put(batch)
        if n < _FEW and not is_last:
            time.sleep(_REST_S)
        return is_last


def _namer(allow: tuple[Network, ...]) -> Callable[[bytes], str | None]:
    """Return what gives the name of a sender by its address; None if it is not allowed."""

    def name_of(sender: bytes) -> str | None:
        address = ipaddress.ip_address(sender)
        is_allowed = not allow or any(
            address.version == network.version and address in network for network in allow
        )
        return str(address) if is_allowed else None

    return name_of
