# SPDX-License-Identifier: Apache-2.0
"""Records of one direction, as most exporters and clouds write them, made into biflow records."""

from __future__ import annotations

from typing import Final

import polars as pl

from minewatch import schema
from minewatch.types import FlowTable

_NS: Final = 1_000_000_000
_PARTS: Final = ("address_high", "address_low", "transport_port")
_SOURCE: Final = tuple(f"source_{part}" for part in _PARTS)
_DESTINATION: Final = tuple(f"destination_{part}" for part in _PARTS)
_KEY: Final = (
    *(f"_smaller_{part}" for part in _PARTS),
    *(f"_larger_{part}" for part in _PARTS),
    "protocol_identifier",
)
_FORWARD: Final = tuple(
    column.name
    for column in (*schema.COUNTERS, *schema.EXTREMES, *schema.FLAGS)
    if not column.name.startswith("reverse_")
)


def pair_directions(records: FlowTable, interval_s: float = 60.0) -> FlowTable:
    """Return biflow records from records of one direction each.

    A record meets those of the inverse 5-tuple in the same interval, counted from the first
    record of both. The direction of the earliest record counts as initiator to responder, and
    where both begin together that from the higher port, because servers listen on low ones;
    flags can't tell, since exporters give their OR over a whole record. What has no inverse
    stays one-way, with zero packets in return.

    Parameters
    ----------
    records : columns of ``schema.FLOW``; the ``reverse_`` ones are ignored.
    interval_s : length of an interval [s].

    Examples
    --------
    >>> from minewatch.testing import conversations
    >>> there = conversations(packet_delta_count=5).frame
    >>> swap = {f"source_{x}": f"destination_{x}" for x in ("address_low", "transport_port")}
    >>> back = there.rename({**swap, **{new: old for old, new in swap.items()}})
    >>> back = back.with_columns(packet_delta_count=pl.lit(3, pl.Int64))
    >>> flows = [column.name for column in schema.FLOW]
    >>> paired = pair_directions(pl.concat([there.select(flows), back.select(flows)]))
    >>> paired.select("packet_delta_count", "reverse_packet_delta_count").rows()
    [(5, 3)]
    """
    placed = _placed(records, int(interval_s * _NS))
    there = _merged(placed.filter(pl.col("_is_there")), reverse="")
    back = _merged(placed.filter(~pl.col("_is_there")), reverse="reverse_")
    on = ["flow_id", "_interval"]
    both = there.join(back, on=on, how="full", coalesce=True, suffix="_back")
    whole = both.with_columns(
        *(pl.coalesce(name, f"{name}_back") for name in (*_ends(), "protocol_identifier")),
        flow_start_nanoseconds=pl.min_horizontal(
            "flow_start_nanoseconds", "flow_start_nanoseconds_back"
        ),
        flow_end_nanoseconds=pl.max_horizontal("flow_end_nanoseconds", "flow_end_nanoseconds_back"),
        **{
            name: pl.max_horizontal(name, f"{name}_back") for name in ("flow_end_reason", "vlan_id")
        },
        payload_kinds=pl.col("payload_kinds").fill_null(0)
        | pl.col("payload_kinds_back").fill_null(0),
        is_initiator_known=pl.lit(value=False),
    )
    types = schema.polars_schema(schema.FLOW)
    counts = [c.name for c in (*schema.COUNTERS, *schema.FLAGS)]
    return (
        whole.with_columns(pl.col(name).fill_null(0) for name in counts)
        .select(pl.col(name).cast(dtype) for name, dtype in types.items())
        .sort("flow_start_nanoseconds", "flow_id")
    )


def _ends() -> tuple[str, ...]:
    return (*_SOURCE, *_DESTINATION)


def _placed(records: FlowTable, interval_ns: int) -> pl.DataFrame:
    """Add to each record its biflow (a new flow_id), interval and direction."""
    is_swapped = pl.struct(*_SOURCE) != pl.struct(_least_first())
    sides = records.with_columns(_is_swapped=is_swapped).with_columns(
        *(
            pl.when("_is_swapped").then(d).otherwise(s).alias(f"_smaller_{part}")
            for part, s, d in zip(_PARTS, _SOURCE, _DESTINATION, strict=True)
        ),
        *(
            pl.when("_is_swapped").then(s).otherwise(d).alias(f"_larger_{part}")
            for part, s, d in zip(_PARTS, _SOURCE, _DESTINATION, strict=True)
        ),
    )
    ordered = sides.sort(
        "flow_start_nanoseconds",
        "source_transport_port",
        descending=[False, True],
        maintain_order=True,
    )
    first = pl.col("flow_start_nanoseconds").first().over(_KEY)
    return ordered.with_columns(
        flow_id=pl.struct(*_KEY).rank("dense").cast(pl.UInt64),
        _is_there=pl.col("_is_swapped") == pl.col("_is_swapped").first().over(_KEY),
        _interval=(pl.col("flow_start_nanoseconds") - first) // interval_ns,
    )


def _least_first() -> list[pl.Expr]:
    """Return the parts of the smaller endpoint: by address, then by port."""
    source = [pl.col(name) for name in _SOURCE]
    destination = [pl.col(name) for name in _DESTINATION]
    is_less = source[0] < destination[0]
    is_same = source[0] == destination[0]
    for s, d in zip(source[1:], destination[1:], strict=True):
        is_less = is_less | (is_same & (s < d))
        is_same = is_same & (s == d)
    takes_source = is_less | is_same
    return [
        pl.when(takes_source).then(s).otherwise(d).alias(name)
        for s, d, name in zip(source, destination, _SOURCE, strict=True)
    ]


def _merged(placed: pl.DataFrame, reverse: str) -> pl.DataFrame:
    """Return one row a biflow and interval of one direction, its counters named for it."""
    here = (*_SOURCE, *_DESTINATION)
    there = here if not reverse else (*_DESTINATION, *_SOURCE)
    sums = {c.name for c in schema.COUNTERS}
    return placed.group_by("flow_id", "_interval", maintain_order=True).agg(
        *(pl.col(old).first().alias(new) for old, new in zip(here, there, strict=True)),
        pl.col("protocol_identifier").first(),
        pl.col("flow_start_nanoseconds").min(),
        pl.col("flow_end_nanoseconds").max(),
        *(pl.col(name).max() for name in ("flow_end_reason", "vlan_id")),
        pl.col("payload_kinds").bitwise_or(),
        *(_total(name, name in sums).alias(f"{reverse}{name}") for name in _FORWARD),
    )


def _total(name: str, is_sum: bool) -> pl.Expr:
    column = pl.col(name)
    if is_sum:
        return column.sum()
    if name.startswith("minimum"):
        return column.min()
    return column.max() if name.startswith("maximum") else column.bitwise_or()
