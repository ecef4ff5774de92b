# SPDX-License-Identifier: Apache-2.0
"""CESNET-MINER22 [1]_: flows of an ISP's network, each with its first 30 packets, as a corpus.

What its columns hold, as a sample of 3,168 flows shows:

* ``PPI_PKT_LENGTHS`` are octets of transport payload, and a packet without payload is not listed:
  what ``BYTES`` has beyond them is 40 to 58 octets a packet, the headers of IPv4 and TCP, in every
  flow of fewer than 30 listed packets.
* ``BYTES`` and ``PACKETS`` are of the whole flow; how many of its packets carried payload is known
  only where fewer than 30 are listed.
* A flow is not a conversation. The exporter ends one after 300 s, so what goes on for an hour is a
  dozen flows, of which only the first has the SYN and the login; and after about 65 s of silence.
* Forward is whoever sent the flow's first packet. Where both ways have a SYN that is who opened the
  connection; where only the forward one has, it was a server's answer.
* Times of listed packets are cut to milliseconds, and so lie up to 1 ms before ``TIME_FIRST``.

There are no addresses, so hosts are unknown, and the client is taken for the watched side. Absolute
times tell the label, and so do ports; neither is a feature of any model here. ``remote`` is the
destination's port, ``port-14444``: what a fair evaluation leaves out as one.

References
----------
.. [1] R. Plny, K. Hynek, T. Cejka, "DeCrypto: Finding Cryptocurrency Miners on ISP Networks",
   NordSec 2022; the data set is doi:10.5281/zenodo.7189293.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from minewatch import gate
from minewatch.errors import ConfigError
from minewatch.features.direction import forward_is_sent
from minewatch.training.corpus import tables
from minewatch.training.corpus.stored import Corpus

SOURCE: Final = "cesnet"
LISTED: Final = 30
"""Packets that the exporter lists of a flow."""

_OCTET: Final = 255
_SHORT: Final = 65_535
_MOST: Final = (1 << 63) - 1
_COUNTS: Final = {
    "octet_delta_count": ("BYTES", _MOST),
    "reverse_octet_delta_count": ("BYTES_REV", _MOST),
    "packet_delta_count": ("PACKETS", _MOST),
    "reverse_packet_delta_count": ("PACKETS_REV", _MOST),
    "source_transport_port": ("SRC_PORT", _SHORT),
    "destination_transport_port": ("DST_PORT", _SHORT),
    "protocol_identifier": ("PROTOCOL", _OCTET),
    "tcp_control_bits": ("TCP_FLAGS", _OCTET),
    "reverse_tcp_control_bits": ("TCP_FLAGS_REV", _OCTET),
}
"""Ours: the file's, and the highest value that ours can hold."""
_TIMES: Final = {"flow_start_nanoseconds": "TIME_FIRST", "flow_end_nanoseconds": "TIME_LAST"}
_LISTS: Final = ("PPI_PKT_DIRECTIONS", "PPI_PKT_FLAGS", "PPI_PKT_LENGTHS", "PPI_PKT_TIMES")
_LABEL: Final = "LABEL"
_LABELS: Final = {"Miner": "mining", "Other": "normal"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_YEAR: Final = 2262
"""When nanoseconds of 63 bits end."""
_SYN: Final = 2
_TCP: Final = 6


@dataclass(slots=True)
class _Rows:
    flows: list[dict[str, Any]] = field(default_factory=list)
    packets: list[tuple[int, int, int, bool, int]] = field(default_factory=list)


def read_cesnet(path: str | os.PathLike[str]) -> Corpus:
    """Return the flows of a file as labelled conversations, known by their first packets only.

    Parameters
    ----------
    path : CSV whose header has UniRec's types (``uint64 BYTES``), lists in brackets, between bars.

    Raises
    ------
    ConfigError : it cannot be read, or a line is wrong; the text names file and line.
    """
    rows = _Rows()
    for number, cells in _lines(path):
        try:
            _read(cells, rows)
        except ValueError as error:
            raise ConfigError(
                f"{path}:{number}: {error}; fetch the file again, or delete the line"
            ) from error
    if not rows.flows:
        raise ConfigError(f"{path}: no flow in it; fetch the file again")
    return Corpus(
        _conversations(rows, Path(path).name),
        _packets(rows),
        pl.DataFrame(schema=tables.AT),
    )


def _lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number and the cells of each line, by the names of the header without types."""
    counts = (column for column, _ in _COUNTS.values())
    wanted = (*counts, *_TIMES.values(), *_LISTS, _LABEL)
    try:
        with open(path, encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            names = [name.rsplit(" ", 1)[-1] for name in next(lines, [])]
            missing = [name for name in wanted if name not in names]
            if missing:
                raise ConfigError(
                    f"{path}:1: column {missing[0]} is missing; the first line names UniRec types "
                    "and fields: uint64 BYTES,..."
                )
            for cells in lines:
                if len(cells) != len(names):
                    raise ConfigError(
                        f"{path}:{lines.line_num}: {len(cells)} cells under {len(names)} names; "
                        "fetch the file again, or delete the line"
                    )
                yield lines.line_num, dict(zip(names, cells, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read as CSV: {error}; name another file") from error


def _read(cells: dict[str, str], rows: _Rows) -> None:
    """Read one line."""
    if cells[_LABEL] not in _LABELS:
        raise ValueError(f"LABEL {cells[_LABEL][:40]!r}: one of {', '.join(_LABELS)}")
    flow: dict[str, Any] = {
        name: _count(cells, column, highest) for name, (column, highest) in _COUNTS.items()
    }
    flow |= {name: _time_ns(cells[column], column) for name, column in _TIMES.items()}
    start_ns = flow["flow_start_nanoseconds"]
    if flow["flow_end_nanoseconds"] < start_ns:
        raise ValueError("TIME_LAST is before TIME_FIRST")
    directions = _listed(cells, "PPI_PKT_DIRECTIONS", _direction)
    lengths, flags, times = (
        _listed(cells, "PPI_PKT_LENGTHS", lambda text: _bounded(text, _SHORT)),
        _listed(cells, "PPI_PKT_FLAGS", lambda text: _bounded(text, _OCTET)),
        _listed(cells, "PPI_PKT_TIMES", lambda text: _time_ns(text, "PPI_PKT_TIMES")),
    )
    if not len(directions) == len(lengths) == len(flags) == len(times):
        raise ValueError("the lists of packets are not of one length")
    number = len(rows.flows) + 1
    rows.flows.append({"conversation": number, "label": _LABELS[cells[_LABEL]], **flow})
    rows.packets += (
        (number, max(time_ns - start_ns, 0), length, forward, flag)
        for time_ns, length, forward, flag in zip(times, lengths, directions, flags, strict=True)
    )


def _listed(cells: dict[str, str], name: str, read: Callable[[str], Any]) -> list[Any]:
    """Return the values of a list in brackets."""
    text = cells[name]
    if not (text.startswith("[") and text.endswith("]")):
        raise ValueError(f"{name} {text[:40]!r} is no list in brackets")
    try:
        return [read(value) for value in text[1:-1].split("|")] if len(text) > 2 else []
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _direction(text: str) -> bool:
    if text not in {"1", "-1"}:
        raise ValueError(f"{text[:40]!r} is neither 1 nor -1")
    return text == "1"


def _count(cells: dict[str, str], name: str, highest: int) -> int:
    try:
        return _bounded(cells[name], highest)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _bounded(text: str, highest: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 20 and int(text) <= highest):
        raise ValueError(f"{text[:40]!r} is no number from 0 to {highest}")
    return int(text)


def _time_ns(text: str, name: str) -> int:
    """Return a time of the form ``2021-12-14T16:45:34.924601`` in UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{name}: {text[:40]!r} is no time") from error
    if time.tzinfo is not None or not 1970 <= time.year < _LAST_YEAR:
        raise ValueError(f"{name}: {text[:40]!r} is no time in UTC without a zone, from 1970 on")
    return (time.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1) * 1000


def _packets(rows: _Rows) -> pl.DataFrame:
    """Return the listed packets in the columns of ``tables.PACKET``; their headers are unknown."""
    names = ("conversation", "offset_ns", "payload_octets", "from_initiator", "tcp_flags")
    known = {name: tables.PACKET[name] for name in names}
    listed = pl.DataFrame(rows.packets, schema=known, orient="row")
    return (
        listed.with_columns(octets=pl.lit(None, pl.Int32))
        .select(list(tables.PACKET))
        .sort("conversation", "offset_ns", maintain_order=True)
    )


def _conversations(rows: _Rows, capture: str) -> pl.DataFrame:
    """Return the flows in the columns of ``tables.LABELLED``."""
    counts = {name: pl.Int64() for name in (*_COUNTS, *_TIMES)}
    frame = pl.DataFrame(
        rows.flows, schema={"conversation": pl.UInt32(), "label": pl.String(), **counts}
    )
    remote = pl.format("port-{}", "destination_transport_port")
    frame = _with_payload(frame, _packets(rows)).with_columns(
        flow_id=pl.col("conversation").cast(pl.UInt64),
        is_initiator_known=pl.col("tcp_control_bits") & pl.col("reverse_tcp_control_bits") & _SYN
        != 0,
        payload_kinds=pl.lit(0, pl.UInt8),
        interval_count=pl.lit(1, pl.Int64),
        source=pl.lit(SOURCE),
        capture=pl.lit(capture),
        remote=remote,
        pool=pl.when(pl.col("label") == "mining").then(remote),
        is_kept=pl.col("protocol_identifier") == _TCP,
        is_first_only=pl.lit(value=True),
    )
    is_client = pl.Series(forward_is_sent(frame.with_columns(is_source_home=None)))
    frame = frame.with_columns(is_source_home=is_client)
    # The gate goes by the packets listed, few as they may be, and by octets of the whole flow.
    frame = _where_all_listed(frame, "payload_octet_count").with_columns(gate.gate_reason())
    frame = _where_all_listed(frame, "payload_packet_count")
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in tables.LABELLED.items()
    )


def _with_payload(frame: pl.DataFrame, packets: pl.DataFrame) -> pl.DataFrame:
    """Add how many packets are listed, and their number and octets a way."""
    ways = {"": pl.col("from_initiator"), "reverse_": ~pl.col("from_initiator")}
    octets = pl.col("payload_octets").cast(pl.Int64)
    counted = packets.group_by("conversation").agg(
        listed=pl.len(),
        **{f"{prefix}payload_packet_count": way.sum() for prefix, way in ways.items()},
        **{
            f"{prefix}payload_octet_count": octets.filter(way).sum() for prefix, way in ways.items()
        },
    )
    return frame.join(counted, on="conversation", how="left", maintain_order="left").with_columns(
        pl.col(name).fill_null(0) for name in counted.columns if name != "conversation"
    )


def _where_all_listed(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return the flows without a count, both ways, where it may leave out packets not listed."""
    is_whole = pl.col("listed") < LISTED
    return frame.with_columns(
        pl.when(is_whole).then(pl.col(column)).alias(column) for column in (name, f"reverse_{name}")
    )
