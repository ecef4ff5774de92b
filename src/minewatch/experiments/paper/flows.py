# SPDX-License-Identifier: Apache-2.0
"""The paper's Figure 1: packets to one-way flows to pairs with mean statistics.

1. Packets of the same 5-tuple are one flow, however long it is silent in between.
2. A flow is outbound if its source is a server, inbound if its destination is one; others go.
3. Per flow: packets, bits (sum of packet sizes), time from the first packet to the last.
4. Flows of fewer than two packets go.
5. Packets/s, bits/s and bits/packet. A flow whose packets all bear one time has no rates: it
   goes too (the paper does not say), and is counted.
6. A flow is paired with the flow of the inverse 5-tuple. Without one there is no point to plot.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from minewatch.address import Network, is_inside
from minewatch.experiments.paper.frames import FrameSource
from minewatch.pipeline import read_ahead
from minewatch.readers.capture import CaptureSource
from minewatch.readers.source import Input
from minewatch.types import (
    P_DESTINATION_HIGH,
    P_DESTINATION_LOW,
    P_DESTINATION_PORT,
    P_OCTETS,
    P_PROTOCOL,
    P_SOURCE_HIGH,
    P_SOURCE_LOW,
    P_SOURCE_PORT,
    P_TIME,
    Int64Array,
)

KEY: Final = {
    "source_address_high": P_SOURCE_HIGH,
    "source_address_low": P_SOURCE_LOW,
    "destination_address_high": P_DESTINATION_HIGH,
    "destination_address_low": P_DESTINATION_LOW,
    "source_transport_port": P_SOURCE_PORT,
    "destination_transport_port": P_DESTINATION_PORT,
    "protocol_identifier": P_PROTOCOL,
}
"""The 5-tuple; an address is two columns."""
_TAKEN: Final = (*KEY.values(), P_TIME, P_OCTETS)
_HELD: Final = 1 << 20
"""Packets collected before they are summed up: about 80 MB."""
STATISTICS: Final = ("packets/s", "bits/packet", "bits/s")
"""In the order of the paper's Table I."""
COLUMN: Final = {
    "packets/s": "packets_per_s",
    "bits/packet": "bits_per_packet",
    "bits/s": "bits_per_s",
}
SIZES: Final = ("frame", "ip")
"""What a packet's size is: the frame on the wire, as Wireshark has it, or the IP packet."""


@dataclass(slots=True)
class Counts:
    """What became of packets and flows; nothing is left uncounted."""

    packets: int = 0
    undecoded_packets: int = 0
    """ARP and the like, and packets that cannot be decoded."""
    flows: int = 0
    neither_flows: int = 0
    """Neither from nor to a server."""
    single_packet_flows: int = 0
    zero_time_flows: int = 0
    unpaired_flows: int = 0
    """Left without a flow of the inverse 5-tuple, because there is none or it went."""
    between_servers: int = 0
    """Pairs whose both ends are servers; the side that spoke first counts as the server."""
    pairs: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, other: Counts) -> None:
        """Add the counts of another capture."""
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def read_flows(source: Input, size: str = "frame") -> tuple[pl.DataFrame, Counts]:
    """Return the one-way flows of a capture: step 1 and 3 of the figure.

    Memory grows with the number of flows, not of packets.

    Parameters
    ----------
    source : the capture.
    size : what a packet's size is, one of ``SIZES``.

    Raises
    ------
    SourceError : it cannot be opened, or is no capture.
    """
    if size not in SIZES:
        raise ValueError(f"size {size!r}: one of {', '.join(SIZES)}")
    capture = FrameSource(source) if size == "frame" else CaptureSource(source)
    summed = _empty()
    held: list[Int64Array] = []
    n_held = 0
    with closing(read_ahead(capture)) as batches:
        for batch in batches:
            held.append(batch.columns[: batch.n_packets, _TAKEN])
            n_held += batch.n_packets
            if n_held >= _HELD:
                summed = _merged(summed, held)
                held, n_held = [], 0
    summed = _merged(summed, held).sort("flow_start_nanoseconds", *KEY)
    counters = capture.counters
    counts = Counts(
        packets=counters.packets_seen,
        undecoded_packets=counters.packets_seen - int(summed["packets"].sum()),
        flows=summed.height,
        notes=list(counters.notes),
    )
    return summed, counts


def _empty() -> pl.DataFrame:
    names = (*KEY, "packets", "octets", "flow_start_nanoseconds", "flow_end_nanoseconds")
    return pl.DataFrame(schema=dict.fromkeys(names, pl.Int64))


def _merged(summed: pl.DataFrame, held: Sequence[Int64Array]) -> pl.DataFrame:
    if not held:
        return summed
    rows = np.concatenate(held)
    columns = {name: np.ascontiguousarray(rows[:, i]) for i, name in enumerate(KEY)}
    times = np.ascontiguousarray(rows[:, len(KEY)])
    fresh = pl.DataFrame(
        {
            **columns,
            "packets": np.ones(len(rows), np.int64),
            "octets": np.ascontiguousarray(rows[:, len(KEY) + 1]),
            "flow_start_nanoseconds": times,
            "flow_end_nanoseconds": times,
        }
    )
    return (
        pl.concat([summed, fresh])
        .group_by(*KEY)
        .agg(
            pl.col("packets").sum(),
            pl.col("octets").sum(),
            pl.col("flow_start_nanoseconds").min(),
            pl.col("flow_end_nanoseconds").max(),
        )
    )


def pair_flows(
    flows: pl.DataFrame, servers: Sequence[Network], counts: Counts
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the pairs (steps 2 and 4 to 6 of the figure), and all conversations there were.

    A pair has the columns of ``KEY`` as its outbound flow has them (the server is the source),
    first and last time, ``is_between_servers``, and per direction, ``out_`` and ``in_``, the
    counters and the three statistics. The second table has ``KEY`` alone, a row for each
    conversation of a server, whether or not it became a pair.

    Parameters
    ----------
    flows : one-way flows of one capture.
    servers : networks of the servers.
    counts : of that capture; added to.
    """
    bits = pl.col(*(name for name in KEY if "address" in name)).cast(pl.UInt64, wrap_numerical=True)
    flows = flows.with_columns(bits)
    flows = flows.with_columns(
        is_out=is_inside("source_address", servers), is_in=is_inside("destination_address", servers)
    )
    directed = flows.filter(pl.col("is_out") | pl.col("is_in"))
    counts.neither_flows += flows.height - directed.height
    several = directed.filter(pl.col("packets") >= 2)
    counts.single_packet_flows += directed.height - several.height
    timed = several.filter(pl.col("flow_end_nanoseconds") > pl.col("flow_start_nanoseconds"))
    counts.zero_time_flows += several.height - timed.height
    pairs = _paired(with_statistics(timed))
    counts.unpaired_flows += timed.height - 2 * pairs.height
    counts.between_servers += int(pairs["is_in"].sum())
    counts.pairs += pairs.height
    return pairs.rename({"is_in": "is_between_servers"}), _conversations(directed)


def with_statistics(flows: pl.DataFrame) -> pl.DataFrame:
    """Add bits, seconds and the three statistics to flows.

    Examples
    --------
    >>> flow = pl.DataFrame({"packets": [4], "octets": [500], "flow_start_nanoseconds": [0],
    ...     "flow_end_nanoseconds": [2_000_000_000]})
    >>> with_statistics(flow).select(*COLUMN.values()).row(0)
    (2.0, 1000.0, 2000.0)
    """
    flows = flows.with_columns(
        bits=pl.col("octets") * 8,
        seconds=(pl.col("flow_end_nanoseconds") - pl.col("flow_start_nanoseconds")) / 1e9,
    )
    return flows.with_columns(
        packets_per_s=pl.col("packets") / pl.col("seconds"),
        bits_per_packet=pl.col("bits") / pl.col("packets"),
        bits_per_s=pl.col("bits") / pl.col("seconds"),
    )


def inverse(name: str) -> str:
    """Return the name of a key column in the inverse 5-tuple.

    Examples
    --------
    >>> inverse("source_transport_port")
    'destination_transport_port'
    """
    if name.startswith("source"):
        return name.replace("source", "destination")
    return name.replace("destination", "source")


def _paired(flows: pl.DataFrame) -> pl.DataFrame:
    """Join each outbound flow with its inverse, once."""
    counters = ("packets", "bits", "seconds", *COLUMN.values())
    near = flows.filter(pl.col("is_out"))
    far = flows.filter(pl.col("is_in")).select(
        *(pl.col(name).alias(inverse(name)) for name in KEY),
        *(pl.col(name).alias(f"in_{name}") for name in counters),
        far_start="flow_start_nanoseconds",
        far_end="flow_end_nanoseconds",
    )
    pairs = near.rename({name: f"out_{name}" for name in counters}).join(
        far, on=list(KEY), how="inner"
    )
    # Between two servers both flows are outbound, of one server each, and make two rows.
    pairs = pairs.filter(
        ~pl.col("is_in") | _is_first(pl.col("flow_start_nanoseconds"), pl.col("far_start"))
    )
    return pairs.select(
        *KEY,
        pl.min_horizontal("flow_start_nanoseconds", "far_start").alias("flow_start_nanoseconds"),
        pl.max_horizontal("flow_end_nanoseconds", "far_end").alias("flow_end_nanoseconds"),
        "is_in",
        *(f"{side}_{name}" for side in ("out", "in") for name in counters),
    ).sort("flow_start_nanoseconds", *KEY)


def _is_first(near: pl.Expr, far: pl.Expr) -> pl.Expr:
    """Whether the near flow began first; where both began at once, the smaller endpoint did."""
    smaller = pl.lit(value=False)
    is_equal = near == far
    result = near < far
    for name in ("source_address_high", "source_address_low", "source_transport_port"):
        here, there = pl.col(name), pl.col(inverse(name))
        smaller = is_equal & (here < there)
        is_equal = is_equal & (here == there)
        result = result | smaller
    return result


def _conversations(directed: pl.DataFrame) -> pl.DataFrame:
    """Return the 5-tuples of flows, each once, a server as the source."""
    is_near = pl.col("is_out") & (~pl.col("is_in") | _is_first(pl.lit(0), pl.lit(0)))
    return directed.select(
        pl.when(is_near).then(pl.col(name)).otherwise(pl.col(inverse(name))).alias(name)
        for name in KEY
    ).unique(maintain_order=True)
