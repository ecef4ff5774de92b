# SPDX-License-Identifier: Apache-2.0
"""Reading pcap and pcapng captures into packet batches."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from minewatch.errors import SourceError
from minewatch.metering import framing
from minewatch.metering.decode import Outcome, decode_frames
from minewatch.metering.fragments import FRAGMENT_SLOTS
from minewatch.readers.pcapng import PcapngState
from minewatch.readers.source import (
    PCAP_MAGICS,
    PCAPNG_MAGIC,
    Input,
    UnpackError,
    open_input,
    read_fully,
)
from minewatch.types import BATCH_MARGIN, BATCH_PACKETS, Int64Array, PacketBatch

_PCAP_HEADER_OCTETS: Final = 24
HASH_SEED: Final = int.from_bytes(os.urandom(8), "little", signed=True)
"""New in every process, so that nobody can write a capture whose flows all share a slot."""


@dataclass(slots=True)
class CaptureCounters:
    """What became of a capture's octets and packets; nothing is left uncounted."""

    packets_seen: int = 0
    outcomes: Int64Array = field(default_factory=lambda: np.zeros(len(Outcome), np.int64))
    """Packets by ``Outcome``; their sum is ``packets_seen``."""
    octets_read: int = 0
    octets_skipped: int = 0
    """Octets at the end that could not be read as packets; ``notes`` say why."""
    notes: list[str] = field(default_factory=list)
    link_types: set[int] = field(default_factory=set)
    """Link types seen, once there was one that is not known."""

    def by_outcome(self) -> dict[str, int]:
        """Return the packets of each outcome, by its name in lower case."""
        return {outcome.name.lower(): int(self.outcomes[outcome]) for outcome in Outcome}


class CaptureSource:
    """One pcap or pcapng capture as packet batches.

    Parameters
    ----------
    source : where it lies.
    decapsulate : unwrap VXLAN, Geneve, GRE and IP-in-IP.
    stream : its unpacked octets, if it is open already; closed together with this source.

    Raises
    ------
    SourceError : the file cannot be opened, is empty, or is no capture.

    Notes
    -----
    A capture that is cut or damaged gives everything before that place, and a note.
    """

    def __init__(
        self,
        source: Input,
        decapsulate: bool = True,
        stream: io.RawIOBase | io.BufferedIOBase | None = None,
    ) -> None:
        self.name = source.name
        self.counters = CaptureCounters()
        self._decapsulate = decapsulate
        self._stream = open_input(source) if stream is None else stream
        self._records = np.empty((BATCH_PACKETS, framing.RECORD_WORDS), np.int64)
        self._fragments = np.zeros((FRAGMENT_SLOTS, 8), np.int64)
        self._rest = b""
        self._parsed_octets = 0
        self._damage = ""
        self._damage_at = 0
        self._pcapng: PcapngState | None = None
        self._big_endian = False
        self._tick_ns = 1000
        self._link_type = 0
        self._record_header = 16
        try:
            self._read_header()
        except SourceError:
            self._stream.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def read(self, batch: PacketBatch) -> bool:
        """Read the next block of octets into ``batch``; return False when there are none left."""
        batch.n_octets = 0
        try:
            batch.n_octets = self._stream.readinto(batch.data.data[BATCH_MARGIN:]) or 0
        except UnpackError as error:
            self._note(f"cannot be unpacked any further: {error}")
        except OSError as error:
            self._note(f"cannot be read any further: {error.strerror or error}")
        self.counters.octets_read += batch.n_octets
        batch.octets_read = self.counters.octets_read
        return batch.n_octets > 0

    def parse(self, batch: PacketBatch) -> None:
        """Decode the packets of the block; what it ends with waits for the next block."""
        batch.n_packets = 0
        self._parsed_octets += batch.n_octets
        if self._damage:
            return
        rest = self._rest
        start, end = BATCH_MARGIN - len(rest), BATCH_MARGIN + batch.n_octets
        batch.data[start:BATCH_MARGIN] = np.frombuffer(rest, np.uint8)
        n_records, stop, damage = self._frame(batch, start, end)
        if damage:
            self._damage, self._damage_at = damage, self._parsed_octets - (end - stop)
        self._rest = batch.data[stop:end].tobytes()
        self.counters.packets_seen += n_records
        batch.n_packets = decode_frames(
            batch.data,
            self._records,
            n_records,
            self._decapsulate,
            self._fragments,
            batch.columns,
            self.counters.outcomes,
            HASH_SEED,
        )
        if self.counters.outcomes[Outcome.UNKNOWN_LINK_TYPE]:
            self.counters.link_types.update(self._records[:n_records, framing.R_LINK].tolist())

    def finish(self) -> None:
        """Note what could not be used, after the last block was parsed.

        Raises
        ------
        SourceError : no packet at all could be decoded, because of the link type.
        """
        unfinished = len(self._rest) + (self._pcapng.unfinished if self._pcapng else 0)
        if not self._damage and unfinished:
            self._damage = "the capture is cut within a record"
            self._damage_at = self._parsed_octets - unfinished
        if self._damage:
            unused = self._parsed_octets - self._damage_at
            self.counters.octets_skipped = unused
            self._note(
                f"offset {self._damage_at}: {self._damage}; {unused} octets from there on are not "
                "used, everything before is"
            )
        self._refuse_unknown_link_type()

    def fill(self, batch: PacketBatch) -> bool:
        """Read and parse the next packets into ``batch``; return False when none are left."""
        while self.read(batch):
            self.parse(batch)
            if batch.n_packets:
                return True
        self.finish()
        return False

    def _read_header(self) -> None:
        try:
            head = read_fully(self._stream, 4)
            if head == b"":
                raise SourceError(self.name, "the file is empty; capture again")
            if head == PCAPNG_MAGIC:
                self._pcapng = PcapngState()
                self._rest = head
                self._parsed_octets = self.counters.octets_read = len(head)
                return
            if head not in PCAP_MAGICS:
                raise SourceError(
                    self.name,
                    "not a capture: it begins neither like pcap nor like pcapng; "
                    "save it as one of these",
                    offset=0,
                )
            rest = read_fully(self._stream, _PCAP_HEADER_OCTETS - 4)
        except UnpackError as error:
            raise SourceError(
                self.name, f"cannot be unpacked: {error}; unpack it by hand to see how far it goes"
            ) from error
        except OSError as error:
            raise SourceError(self.name, f"cannot be read: {error.strerror or error}") from error
        self._read_pcap_header(head + rest)

    def _read_pcap_header(self, header: bytes) -> None:
        self._parsed_octets = self.counters.octets_read = len(header)
        if len(header) < _PCAP_HEADER_OCTETS:
            raise SourceError(
                self.name, "the file ends within its header; capture again", offset=len(header)
            )
        self._big_endian = header[0] == 0xA1
        magic = int.from_bytes(header[:4], "big" if self._big_endian else "little")
        self._tick_ns = 1 if magic == 0xA1B23C4D else 1000
        self._record_header = 24 if magic == 0xA1B2CD34 else 16
        # The upper bits tell of checksums at the end of frames (draft-ietf-opsawg-pcap).
        link_type = int.from_bytes(header[20:24], "big" if self._big_endian else "little")
        self._link_type = link_type & 0xFFFF

    def _refuse_unknown_link_type(self) -> None:
        """Raise if no packet at all could be decoded because of the interface it came from."""
        seen = self.counters.packets_seen
        if seen and self.counters.outcomes[Outcome.UNKNOWN_LINK_TYPE] == seen:
            types = ", ".join(str(link) for link in sorted(self.counters.link_types))
            raise SourceError(
                self.name,
                f"link type {types} of all {seen} packets is not known; capture on an Ethernet, "
                "cooked (SLL), raw IP, loopback or PPP interface",
                offset=None if self._pcapng else 20,
            )

    def _frame(self, batch: PacketBatch, start: int, end: int) -> tuple[int, int, str]:
        """Find the records in the buffer; return their number, where they end, and the damage."""
        if self._pcapng is not None:
            return self._pcapng.frame(batch.data, start, end, self._records)
        n, stop, status = framing.frame_pcap(
            batch.data,
            start,
            end,
            self._big_endian,
            self._tick_ns,
            self._link_type,
            self._record_header,
            self._records,
        )
        return n, stop, "a record of impossible length" if status == framing.DAMAGED else ""

    def _note(self, text: str) -> None:
        self.counters.notes.append(text)
