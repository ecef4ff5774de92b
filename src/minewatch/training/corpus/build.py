# SPDX-License-Identifier: Apache-2.0
"""Labelled captures to a corpus, through the same pipeline that scans them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from minewatch import gate
from minewatch.address import address_text
from minewatch.errors import ConfigError, SourceError
from minewatch.pipeline import ConversationChunk, PipelineOptions, conversations
from minewatch.readers.finding import find_inputs
from minewatch.schema import KIND_TALKS, KIND_TLS
from minewatch.training.corpus import tables
from minewatch.training.corpus.packets import packets_of
from minewatch.training.corpus.stored import Corpus
from minewatch.training.labels import LabelledCapture, read_labels
from minewatch.types import Payload

_READ: Final = KIND_TALKS | KIND_TLS
_NS: Final = 1_000_000_000


@dataclass(slots=True)
class _Parts:
    frames: list[pl.DataFrame] = field(default_factory=list)
    packets: list[pl.DataFrame] = field(default_factory=list)
    decoded: list[pl.DataFrame] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    n: int = 0


def build_corpus(
    labels: Sequence[str | os.PathLike[str]],
    options: PipelineOptions | None = None,
    on_capture: Callable[[str], None] | None = None,
) -> Corpus:
    """Read the captures of some labels files.

    Parameters
    ----------
    labels : labels files (``training.labels``), or folders of runs that hold a ``labels.tsv``.
    options : how captures become conversations; None for the defaults.
    on_capture : called with the name of each capture before it is read.

    Raises
    ------
    ConfigError : labels are wrong, or label nothing.
    SourceError : a capture is missing; one that cannot be read to its end is noted.
    """
    options = replace(options or PipelineOptions(), with_gate=False)
    parts = _Parts()
    for path in labels:
        file = Path(path) / "labels.tsv" if Path(path).is_dir() else Path(path)
        for capture in read_labels(file):
            if on_capture is not None:
                on_capture(capture.name)
            _read_capture(capture, options, parts)
    if not parts.frames:
        raise ConfigError(f"{', '.join(map(str, labels))}: no conversation is labelled")
    return Corpus(
        pl.concat(parts.frames),
        pl.concat([pl.DataFrame(schema=tables.PACKET), *parts.packets]),
        pl.concat([pl.DataFrame(schema=tables.AT), *parts.decoded]),
        tuple(parts.unreadable),
    )


def _read_capture(capture: LabelledCapture, options: PipelineOptions, parts: _Parts) -> None:
    inputs, errors = find_inputs([str(capture.path)])
    if errors:
        raise errors[0]
    kept: list[pl.DataFrame] = []
    try:
        _, chunks = conversations(inputs[0], options)
        for chunk in chunks:
            frame = _labelled(chunk, capture, parts.n)
            if frame.is_empty():
                continue
            parts.n += frame.height
            parts.frames.append(frame)
            kept.append(frame.filter("is_kept"))
            parts.decoded.append(_decoded(kept[-1], chunk))
        wanted = pl.concat(kept) if kept else pl.DataFrame(schema=tables.LABELLED)
        if wanted.height:
            parts.packets.append(packets_of(inputs[0], wanted, options))
    except SourceError:
        parts.unreadable.append(capture.name)


def _labelled(chunk: ConversationChunk, capture: LabelledCapture, n: int) -> pl.DataFrame:
    """Return the labelled conversations of a chunk, in the columns of ``tables.LABELLED``."""
    frame = chunk.everything
    told = capture.attributes(frame)
    frame = pl.concat([frame, told], how="horizontal").filter(
        pl.col("label").is_in(["mining", "normal"])
    )
    without_payload = gate.gate_reason_of(pl.lit(0))
    kept = frame.select(
        (pl.col("gate_reason") == gate.PASSED)
        | without_payload.is_in([gate.PASSED, gate.BULK_TRANSFER])
    ).to_series()
    home, far = _ends(frame)
    pool = pl.when(pl.col("label") == "mining").then(pl.col("pool"))
    return frame.with_columns(
        pl.Series("conversation", np.arange(n + 1, n + 1 + frame.height)),
        is_kept=kept & (frame["protocol_identifier"] == 6),
        capture=pl.lit(capture.name),
        host=pl.coalesce(pl.col("host"), home),
        remote=pl.coalesce(pool, far),
        horizon_limit_s=pl.lit(None, pl.Float64),
        is_first_only=pl.lit(value=False),
    ).select(pl.col(name).cast(dtype) for name, dtype in tables.LABELLED.items())


def _ends(frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return the watched side's address, and the other side's address and port."""
    source, destination = (
        address_text(frame[f"{end}_address_high"], frame[f"{end}_address_low"])
        for end in ("source", "destination")
    )
    is_home = frame["is_source_home"]
    ports = (frame["source_transport_port"], frame["destination_transport_port"])
    home = source.zip_with(is_home, destination)
    far = destination.zip_with(is_home, source)
    port = ports[1].zip_with(is_home, ports[0]).cast(pl.String)
    return home, far + ":" + port


def _decoded(kept: pl.DataFrame, chunk: ConversationChunk) -> pl.DataFrame:
    """Return what the decoders read by each horizon, where they read anything."""
    rows: list[dict[str, Any]] = []
    talks = kept.filter((pl.col("payload_kinds") & _READ) != 0)
    columns = ("conversation", "flow_id", "payload_kinds", "flow_start_nanoseconds")
    for number, flow_id, kinds, start_ns in talks.select(columns).iter_rows():
        payload = chunk.passed.payloads.get(flow_id)
        if payload is not None:
            rows.extend(
                {"conversation": number, "horizon_s": horizon_s, **seen}
                for horizon_s, seen in _over_time(payload, kinds, start_ns)
            )
    return pl.DataFrame(rows, schema=tables.AT, infer_schema_length=None)


def _over_time(
    payload: Payload, kinds: int, start_ns: int
) -> Iterator[tuple[int, dict[str, object]]]:
    known: tuple[int, dict[str, object]] | None = None
    for horizon_s in (*tables.HORIZONS_S, tables.WHOLE):
        until = start_ns + horizon_s * _NS if horizon_s else 1 << 62
        segments = [one for one in payload.segments if one.time_ns <= until]
        if known is None or known[0] != len(segments):
            packets = payload.packets
            if packets is not None:
                packets = packets.until(until)
            given = Payload(payload.protocol, segments, packets)
            seen: dict[str, object] = {}
            for decoder in _DECODERS:
                if kinds & decoder.kinds:
                    seen |= decoder.decode(given) or {}
            known = len(segments), seen
        if known[1]:
            yield horizon_s, known[1]


_DECODERS: Final = [decoder() for decoder in tables.DECODERS]
