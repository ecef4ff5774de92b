# SPDX-License-Identifier: Apache-2.0
"""Where a conversation belongs: its watched host or hosts, and what it shares with others."""

from __future__ import annotations

from typing import Final

import polars as pl

from minewatch.address import address_text
from minewatch.datasets.tables import ADDRESSES, conversation_schema

ENDS: Final = {"source_address": pl.String(), "destination_address": pl.String()}
"""Columns that the staged table has besides those of a dataset: the addresses as text."""
_HOME: Final = pl.when("is_source_home").then("source_address").otherwise("destination_address")


def with_remote(frame: pl.DataFrame) -> pl.DataFrame:
    """Return conversations with both addresses as text, and ``remote``.

    Parameters
    ----------
    frame : conversations with ``label``, ``pool`` and ``is_initiator_labelled``.
    """
    texts = [address_text(frame[f"{end}_high"], frame[f"{end}_low"]).alias(end) for end in ENDS]
    # Where no SYN was seen, the lower port is the service's.
    by_port = ~pl.col("is_initiator_known") & (
        pl.col("source_transport_port") < pl.col("destination_transport_port")
    )
    is_source = pl.coalesce("is_initiator_labelled", by_port)
    address = pl.when(is_source).then("source_address").otherwise("destination_address")
    port = pl.when(is_source).then("source_transport_port").otherwise("destination_transport_port")
    bracketed = (
        pl.when(address.str.contains(":", literal=True))
        .then(pl.concat_str(pl.lit("["), address, pl.lit("]")))
        .otherwise(address)
    )
    endpoint = pl.concat_str(bracketed, pl.lit(":"), port)
    pool = pl.when(pl.col("label") == "mining").then("pool")
    return frame.with_columns(texts).with_columns(remote=pl.coalesce(pool, endpoint))


def with_hosts(staged: pl.LazyFrame) -> pl.LazyFrame:
    """Return staged conversations with ``host`` and ``other_host``.

    A named host owns the address that most of its conversations have at either end: a server's
    capture holds nothing else. Where the labels name none, the watched side's address is the host.
    An address is one host's within one source only: other networks have a 10.0.0.1 too. A name is
    one host's everywhere: two machines under it cannot leak, one machine on both sides would.

    Parameters
    ----------
    staged : conversations with ``source``, ``host`` where the labels tell, and the addresses as
        text.
    """
    owners = address_owners(staged).lazy()
    columns = [*staged.collect_schema(), "other_host"]
    for end in ENDS:
        owned = owners.select(
            "source", pl.col("address").alias(end), pl.col("host").alias(f"_{end}")
        )
        staged = staged.join(owned, on=["source", end], how="left", maintain_order="left")
    source, destination = (pl.col(f"_{end}") for end in ENDS)
    own = pl.when("is_source_home").then(source).otherwise(destination)
    host = pl.coalesce("host", own, _HOME)
    other = pl.when(source == host).then(destination).otherwise(source)
    return (
        staged.with_columns(host=host)
        .with_columns(other_host=pl.when(other != pl.col("host")).then(other))
        .select(list(dict.fromkeys(columns)))
    )


def address_owners(staged: pl.LazyFrame) -> pl.DataFrame:
    """Return the host of each address that is one's: columns source, address and host.

    Parameters
    ----------
    staged : see ``with_hosts``.
    """
    named = staged.filter(pl.col("host").is_not_null())
    ends = pl.concat([named.select("source", "host", pl.col(end).alias("address")) for end in ENDS])
    counted = ends.group_by("source", "host", "address").len().collect(engine="streaming")
    first = counted.sort(-pl.col("len").cast(pl.Int64), "address").unique(
        ["source", "host"], keep="first", maintain_order=True
    )
    nameless = staged.filter(pl.col("host").is_null()).select("source", _HOME.alias("address"))
    own = nameless.unique().with_columns(host="address").collect(engine="streaming")
    return (
        pl.concat([first.sort("host").drop("len").select(own.columns), own])
        .unique(["source", "address"], keep="first", maintain_order=True)
        .sort("source", "address")
    )


def without_addresses(table: pl.LazyFrame) -> pl.LazyFrame:
    """Return conversations without addresses: hosts and remotes are numbered instead.

    Parameters
    ----------
    table : conversations with addresses, as a dataset has them.
    """
    columns = []
    for names, word in ((("host", "other_host"), "host"), (("remote",), "remote")):
        known = pl.concat([table.select(pl.col(name).alias("value")) for name in names])
        values = known.unique().drop_nulls().collect(engine="streaming")["value"].sort()
        numbers = {value: f"{word}-{n}" for n, value in enumerate(values.to_list(), 1)}
        columns += [
            pl.col(name).replace_strict(numbers, default=None, return_dtype=pl.String)
            for name in names
        ]
    return table.with_columns(columns).drop(ADDRESSES).select(list(conversation_schema(False)))
