# SPDX-License-Identifier: Apache-2.0
"""Datagrams of exporters from a capture of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final, NamedTuple

from minewatch.address import text_of
from minewatch.errors import SourceError
from minewatch.metering.decode import Outcome
from minewatch.readers.capture import CaptureSource
from minewatch.readers.netflow.datagrams import ExportDecoder
from minewatch.readers.netflow.messages import looks_like_messages
from minewatch.readers.source import Input
from minewatch.records import Names, RecordArray, RecordCounters
from minewatch.types import (
    P_PAYLOAD_CAPTURED,
    P_PAYLOAD_OCTETS,
    P_PAYLOAD_OFFSET,
    P_PROTOCOL,
    P_SOURCE_HIGH,
    P_SOURCE_LOW,
    P_TIME,
    PacketBatch,
)

_UDP: Final = 17
_ICMP: Final = frozenset((1, 58))
_UDP_HEADER_OCTETS: Final = 8
_KNOWN_ADDRESSES: Final = 1 << 16
_LOW: Final = (1 << 64) - 1
_WORDS: Final = [
    *(P_TIME, P_SOURCE_HIGH, P_SOURCE_LOW, P_PROTOCOL),
    *(P_PAYLOAD_OFFSET, P_PAYLOAD_OCTETS, P_PAYLOAD_CAPTURED),
]
_UNDECODED: Final = {
    Outcome.TRUNCATED: "packet cut",
    Outcome.MALFORMED: "packet malformed",
    Outcome.FRAGMENT_WITHOUT_FIRST: "fragment of a datagram",
    Outcome.TOO_DEEP: "packet malformed",
    Outcome.BAD_TIME: "time out of range",
    Outcome.UNKNOWN_LINK_TYPE: "link type not known",
}
_FRAGMENT_CURE: Final = "fragments are not joined; let the exporter send datagrams that fit"


class Packet(NamedTuple):
    """What a capture tells of one packet."""

    time_ns: int
    source: tuple[int, int]
    protocol: int
    offset: int
    octets: int
    """Of payload, by the IP header."""
    captured: int


def packets_of(batch: PacketBatch) -> Iterator[Packet]:
    """Yield the packets of a batch.

    Parameters
    ----------
    batch : as ``CaptureSource`` fills it.
    """
    for time_ns, high, low, *rest in batch.columns[: batch.n_packets, _WORDS].tolist():
        yield Packet(time_ns, (high & _LOW, low & _LOW), *rest)


def udp_payload(batch: PacketBatch, packet: Packet) -> memoryview | None:
    """Return a datagram's octets as far as they were captured; None if it is a fragment.

    Parameters
    ----------
    batch : that holds it.
    packet : of UDP.
    """
    data = batch.data.data
    at = packet.offset
    told = int.from_bytes(data[at - 4 : at - 2], "big") - _UDP_HEADER_OCTETS
    if packet.captured == 0 or told > packet.octets:
        return None
    return data[at : at + min(packet.captured, max(told, 0) or packet.captured)]


def holds_exports(head: bytes) -> bool:
    """Return whether all that a capture's packets carry are datagrams of exporters.

    Parameters
    ----------
    head : the first octets of a capture.
    """
    source = Input("", "", None)
    found = 0
    try:
        capture = CaptureSource(source, stream=io.BytesIO(head))
        batch = PacketBatch()
        while capture.read(batch):
            capture.parse(batch)
            for packet in packets_of(batch):
                if packet.protocol in _ICMP or packet.octets == 0:
                    continue
                if packet.protocol != _UDP:
                    return False
                payload = udp_payload(batch, packet)
                if payload is not None and packet.captured == packet.octets:
                    if not looks_like_messages(bytes(payload)):
                        return False
                    found += 1
    except SourceError:
        return False
    return found > 0


class CaptureExports:
    """A capture of the datagrams of exporters.

    Parameters
    ----------
    name : what the user called it.
    path : where it lies.
    stream : its octets, unpacked.
    strict : the first fault raises SourceError.

    Raises
    ------
    SourceError : it is no capture.

    Notes
    -----
    Datagrams that came in fragments are faults. Other packets than UDP are ignored.
    """

    def __init__(self, name: str, path: str, stream: io.RawIOBase, *, strict: bool) -> None:
        self.name = name
        self.counters = RecordCounters()
        self.names = Names()
        self._strict = strict
        self._decoder = ExportDecoder(self.counters, strict)
        self._capture = CaptureSource(Input(name, path, None), stream=stream)
        self._exporters: dict[tuple[int, int], str] = {}
        self._n_datagrams = 0

    def read(self) -> Iterator[RecordArray]:
        """Yield the records in blocks.

        Raises
        ------
        SourceError : strict, and there is a fault; or the link type is not known.
        """
        batch = PacketBatch()
        while self._capture.fill(batch):
            for packet in packets_of(batch):
                if packet.protocol == _UDP:
                    self._add(batch, packet)
                else:
                    self._ignore("not UDP", 1)
            # The batch's octets are overwritten by the next one.
            yield from self._decoder.take()
        yield from self._decoder.finish()
        self._account()

    def close(self) -> None:
        """Close the file."""
        self._capture.close()

    def _add(self, batch: PacketBatch, packet: Packet) -> None:
        self._n_datagrams += 1
        place = f"{self.name}: datagram {self._n_datagrams}"
        payload = udp_payload(batch, packet)
        if payload is None:
            self._fault("fragment of a datagram", place, _FRAGMENT_CURE)
            return
        if len(payload) < packet.octets and packet.captured < packet.octets:
            self._fault(
                "datagram cut", place, f"capture whole packets; {packet.captured} octets are there"
            )
            return
        self._decoder.add(payload, self._exporter(packet.source), place, packet.time_ns)

    def _exporter(self, source: tuple[int, int]) -> str:
        known = self._exporters.get(source)
        if known is None:
            if len(self._exporters) >= _KNOWN_ADDRESSES:
                self._exporters.clear()
            known = self._exporters[source] = text_of(*source)
        return known

    def _account(self) -> None:
        """Account for the packets that could not be decoded, and for the capture's damage."""
        counters = self._capture.counters
        self.counters.octets_read = counters.octets_read
        self._ignore("not IP", int(counters.outcomes[Outcome.NOT_IP]))
        for outcome, reason in _UNDECODED.items():
            n = int(counters.outcomes[outcome])
            if n:
                self._fault(reason, self.name, "capture whole packets of the exporters", n)
        self.counters.notes.extend(counters.notes)
        if counters.notes:
            self._fault("capture cut or damaged", self.name, counters.notes[-1])

    def _ignore(self, reason: str, n: int) -> None:
        if n:
            self.counters.rows_seen += n
            self.counters.ignored[reason] += n

    def _fault(self, reason: str, place: str, cure: str, n: int = 1) -> None:
        self.counters.rows_seen += n
        self.counters.fault(reason, place, cure, n, strict=self._strict)
