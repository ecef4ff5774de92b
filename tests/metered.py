# SPDX-License-Identifier: Apache-2.0
"""Run the compiled stages on a few frames or packets, and show what came out as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from minewatch import types
from minewatch.address import text_of, with_text
from minewatch.metering.decode import Outcome, decode_frames, write_key
from minewatch.metering.fragments import FRAGMENT_SLOTS
from minewatch.metering.process import Meter, MeterOutput
from minewatch.metering.state import MeteringOptions
from minewatch.readers.capture import CaptureSource
from minewatch.readers.source import Input
from minewatch.types import PacketBatch, PacketSeries, Segment
from packets import ETHERNET, START, Frame

SEED = 0x5EED
_MASK = (1 << 64) - 1

Row = dict[str, Any]


def rows_of(batch: PacketBatch) -> list[Row]:
    """Return the packets of a batch, addresses as text and payload as octets."""
    return [row_of(batch.columns[n], batch.data) for n in range(batch.n_packets)]


def row_of(columns: np.ndarray, data: np.ndarray) -> Row:
    value = {
        name.removeprefix("P_").lower(): int(columns[getattr(types, name)])
        for name in dir(types)
        if name.startswith("P_")
    }
    at, size = value.pop("payload_offset"), value["payload_captured"]
    source = text_of(value.pop("source_high") & _MASK, value.pop("source_low") & _MASK)
    destination = text_of(
        value.pop("destination_high") & _MASK, value.pop("destination_low") & _MASK
    )
    return {
        **value,
        "source": source,
        "destination": destination,
        "payload": data[at : at + size].tobytes(),
    }


def decode(
    frames: Sequence[Frame | bytes],
    *,
    link: int = ETHERNET,
    unwrap: bool = True,
    around: bytes = b"\xaa",
    fragments: np.ndarray | None = None,
) -> tuple[list[Row], dict[str, int]]:
    """Decode frames; return their rows and the outcomes that are not 0, by name.

    The frames stand in one buffer with a kilobyte of ``around`` before and after each.
    """
    given = [frame if isinstance(frame, Frame) else Frame(frame) for frame in frames]
    records = np.zeros((len(given), 5), np.int64)
    buffer = bytearray()
    for row, frame in enumerate(given):
        buffer += around * 1024
        records[row] = (len(buffer), len(frame.data), frame.length, frame.time_ns, link)
        buffer += frame.data
    buffer += around * 70_000
    batch = PacketBatch()
    batch.data = np.frombuffer(bytes(buffer), np.uint8)
    outcomes = np.zeros(len(Outcome), np.int64)
    if fragments is None:
        fragments = np.zeros((FRAGMENT_SLOTS, 8), np.int64)
    batch.columns[:] = -77  # as if used before
    batch.n_packets = decode_frames(
        batch.data, records, len(given), unwrap, fragments, batch.columns, outcomes, SEED
    )
    assert outcomes.sum() == len(given)
    assert outcomes[Outcome.METERED] == batch.n_packets
    seen = {outcome.name.lower(): int(outcomes[outcome]) for outcome in Outcome}
    return rows_of(batch), {name: count for name, count in seen.items() if count}


def decode_one(frame: Frame | bytes, **options: Any) -> Row | str:
    """Return the row of one frame, or the name of the outcome that left none."""
    rows, outcomes = decode([frame], **options)
    return rows[0] if rows else next(iter(outcomes))


def read_file(path: Path | str, **options: Any) -> tuple[list[Row], CaptureSource]:
    """Return the packets of a capture, and the source that read them (closed)."""
    source = CaptureSource(Input(str(path), str(path), None), **options)
    rows: list[Row] = []
    batch = PacketBatch()
    try:
        while source.fill(batch):
            rows += rows_of(batch)
    finally:
        source.close()
    return rows, source


@dataclass(frozen=True)
class Packet:
    """A packet as metering sees it; ``source`` and ``destination`` are (address, port)."""

    time_ns: int
    source: tuple[int, int] = (0xFFFF_0A00_0001, 40_000)
    destination: tuple[int, int] = (0xFFFF_C633_6407, 3333)
    protocol: int = 6
    octets: int = 40
    payload: bytes = b""
    payload_octets: int | None = None
    """On the wire, if more than were captured."""
    flags: int = 0
    sequence: int = 0
    kind: int = 0
    vlan: int = 0
    hashed: int | None = None
    """In place of the true hash, for collisions."""

    @property
    def length(self) -> int:
        return len(self.payload) if self.payload_octets is None else self.payload_octets

    def answer(self, **changes: Any) -> Packet:
        return replace(self, source=self.destination, destination=self.source, **changes)


def at(seconds: float) -> int:
    return START + round(seconds * 1_000_000_000)


def batches_of(packets: Sequence[Packet], sizes: Iterable[int]) -> Iterator[PacketBatch]:
    """Yield the packets in batches of ``sizes``, the last size repeated; the batch is reused."""
    batch = PacketBatch()
    done, size = 0, 0
    sizes = iter(sizes)
    while done < len(packets):
        size = next(sizes, size)
        part = packets[done : done + size]
        fill_batch(batch, part)
        yield batch
        done += len(part)


def fill_batch(batch: PacketBatch, packets: Sequence[Packet]) -> None:
    columns, offset = batch.columns, 0
    columns[: len(packets)] = -77
    batch.data[: sum(len(packet.payload) for packet in packets) + 64] = 0xAA
    for n, packet in enumerate(packets):
        row = columns[n]
        row[types.P_TIME] = packet.time_ns
        row[types.P_SOURCE_HIGH], row[types.P_SOURCE_LOW] = _halves(packet.source[0])
        row[types.P_DESTINATION_HIGH], row[types.P_DESTINATION_LOW] = _halves(packet.destination[0])
        row[types.P_SOURCE_PORT] = packet.source[1]
        row[types.P_DESTINATION_PORT] = packet.destination[1]
        row[types.P_PROTOCOL] = packet.protocol
        row[types.P_OCTETS] = packet.octets
        row[types.P_PAYLOAD_OCTETS] = packet.length
        row[types.P_PAYLOAD_OFFSET] = offset
        row[types.P_PAYLOAD_CAPTURED] = len(packet.payload)
        row[types.P_TCP_FLAGS] = packet.flags
        row[types.P_SEQUENCE] = packet.sequence
        row[types.P_KIND] = packet.kind
        row[types.P_VLAN] = packet.vlan
        write_key(columns, n, SEED)
        if packet.hashed is not None:
            row[types.P_HASH] = packet.hashed
        batch.data[offset : offset + len(packet.payload)] = np.frombuffer(packet.payload, np.uint8)
        offset += len(packet.payload)
    batch.n_packets = len(packets)


def _halves(address: int) -> tuple[int, int]:
    unsigned = np.array([address >> 64, address & _MASK], np.uint64)
    high, low = unsigned.view(np.int64).tolist()
    return high, low


@dataclass
class Metered:
    """All that a metering process handed out."""

    meter: Meter
    flows: pl.DataFrame
    """In the columns of ``schema.FLOW``, addresses as text."""
    ended: list[int] = field(default_factory=list)
    packets: dict[int, PacketSeries] = field(default_factory=dict)
    segments: dict[int, list[Segment]] = field(default_factory=dict)
    outputs: int = 0

    def rows(self) -> list[Row]:
        return self.flows.rows(named=True)

    def series(self, flow_id: int) -> list[tuple[int, int, bool]]:
        """Return time, octets and direction of each kept payload packet."""
        one = self.packets[flow_id]
        columns = (one.time_ns, one.payload_octets, one.from_initiator)
        return list(zip(*(column.tolist() for column in columns), strict=True))


def meter(
    packets: Sequence[Packet],
    *,
    sizes: Iterable[int] = (7,),
    meter: Meter | None = None,
    **options: Any,
) -> Metered:
    """Meter packets in batches of ``sizes`` and fetch everything."""
    process = Meter(MeteringOptions(**options)) if meter is None else meter
    result = Metered(process, pl.DataFrame())
    tables = []
    for batch in batches_of(packets, sizes):
        for output in process.feed(batch):
            tables.append(_take(output, result))
    for output in process.finish():
        tables.append(_take(output, result))
    result.flows = with_text(pl.concat(tables)).sort("flow_id", "flow_start_nanoseconds")
    return result


def _take(output: MeterOutput, result: Metered) -> pl.DataFrame:
    result.outputs += 1
    result.ended += output.ended.tolist()
    packets = output.packets(output.ended)
    result.packets.update({flow_id: packets[flow_id] for flow_id in packets})
    payloads = output.payloads(output.ended, packets)
    result.segments.update({i: list(payloads[i].segments) for i in payloads})
    return output.flows
