# SPDX-License-Identifier: Apache-2.0
"""What a dataset is composed of, and what is known to be lopsided in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

import polars as pl

Composition: TypeAlias = dict[str, dict[str, int]]

NONE: Final = "not told"
MAX_VALUES: Final = 200
"""Values of a column that are counted one by one; the rarer ones are summed up."""
REST: Final = "others"
_OF_ALL: Final = ("label", "source")
_OF_MINING: Final = ("dialect", "transport", "evasion", "coin", "algorithm")
_OF_NORMAL: Final = ("service",)
_NEARLY_ALL: Final = 0.9
_OWN_PORTS: Final = "mining to ports that nothing normal uses"


def composition(table: pl.LazyFrame) -> Composition:
    """Return conversations by label and source, miners by dialect and the like, normal by service.

    Parameters
    ----------
    table : conversations of a dataset.

    Examples
    --------
    >>> from minewatch.datasets.tables import conversation_schema
    >>> composition(pl.LazyFrame(schema=conversation_schema()))["groups"]["hosts"]
    0
    """
    result: Composition = {}
    wanted: list[tuple[str, str | None]] = [(name, None) for name in _OF_ALL]
    wanted += [(name, "mining") for name in _OF_MINING] + [(name, "normal") for name in _OF_NORMAL]
    for name, label in wanted:
        rows = table if label is None else table.filter(pl.col("label") == label)
        counts = rows.group_by(pl.col(name).fill_null(NONE).alias("value")).len()
        result[name] = _bounded(counts.collect(engine="streaming"))
    pair = pl.concat_str("label", pl.lit(": "), "inspection").alias("value")
    result["inspection"] = _bounded(table.group_by(pair).len().collect(engine="streaming"))
    result["groups"] = _groups(table)
    return result


def _bounded(counts: pl.DataFrame) -> dict[str, int]:
    """Return counts by value, in the order of names; the rarest of too many as one."""
    ordered = counts.sort(-pl.col("len").cast(pl.Int64), "value")
    kept, rest = ordered.head(MAX_VALUES), ordered.slice(MAX_VALUES)
    result: dict[str, int] = dict(kept.sort("value").iter_rows())
    if rest.height:
        result[REST] = result.get(REST, 0) + int(rest["len"].sum())
    return result


def _groups(table: pl.LazyFrame) -> dict[str, int]:
    """Return how many hosts, remotes and captures there are, and what has one label only."""
    is_mining = pl.col("label") == "mining"
    hosts = table.group_by("host").agg(is_mining.any().alias("some"), is_mining.all().alias("all"))
    remotes = table.group_by("remote").agg(is_mining.any().alias("some"))
    ports = table.group_by("destination_transport_port").agg(
        is_mining.all().alias("all"), pl.len().cast(pl.Int64)
    )
    own_ports = ports.filter("all").select(pl.col("len").sum()).collect(engine="streaming")
    by_host = hosts.collect(engine="streaming")
    by_remote = remotes.collect(engine="streaming")
    return {
        "captures": table.select(pl.col("capture").n_unique()).collect().item(),
        "hosts": by_host.height,
        "hosts that mine": int(by_host["some"].sum()),
        "hosts that do nothing else": int(by_host["all"].sum()),
        "pools": int(by_remote["some"].sum()),
        "normal services": by_remote.height - int(by_remote["some"].sum()),
        _OWN_PORTS: own_ports.item(),
    }


def known_biases(parts: Composition) -> Iterator[str]:
    """Yield sentences on what a model could lean on that is this dataset's and not mining's.

    Parameters
    ----------
    parts : of ``composition``.

    Examples
    --------
    >>> parts = {"label": {"mining": 1, "normal": 1}, "source": {"lab": 2},
    ...     "dialect": {"cryptonote": 1}, "groups": {"hosts": 1, "hosts that do nothing else": 0}}
    >>> next(known_biases(parts))
    'All conversations are of one source: nothing here tells how a model does elsewhere.'
    """
    if len(parts["source"]) == 1:
        yield (
            "All conversations are of one source: nothing here tells how a model does elsewhere."
        )
    mining = parts["label"].get("mining", 0)
    total = sum(parts["label"].values())
    if mining and total:
        yield (
            f"Mining is {mining / total:.3%} of the conversations; real networks have 0.2 % or "
            "less, so figures must be corrected to the base rate where a model is used."
        )
    for name in ("dialect", "transport"):
        counts = parts.get(name, {})
        top = max(counts, key=lambda value: counts[value], default=NONE)
        if top != NONE and counts[top] > _NEARLY_ALL * sum(counts.values()):
            yield f"Mining is nearly all of one {name}, {top}."
    own_ports = parts["groups"].get(_OWN_PORTS, 0)
    if mining and own_ports > mining / 2:
        yield (
            f"{own_ports / mining:.0%} of the conversations that mine go to ports that nothing "
            "normal uses here: a model that sees ports learns this dataset, not mining."
        )
    only = parts["groups"]["hosts that do nothing else"]
    if only:
        yield (
            f"On {only} of {parts['groups']['hosts']} hosts everything is mining: there, mining "
            "and this host are one label."
        )
