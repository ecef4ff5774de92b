# SPDX-License-Identifier: Apache-2.0
"""Columns that say of each conversation what the user knows of it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from minewatch.address import text_of
from minewatch.allow.entries import Ends, Entry, Known
from minewatch.types import BoolArray

TRANSIT_TAG: Final = "transit"
ALLOWED: Final = "allowed_by"
EXPIRED: Final = "expired_allowance"
ALLOWANCE: Final = pl.Struct(dict.fromkeys(("owner", "reason", "expires", "place"), pl.String()))
NEAR, FAR = "near", "far"
TRANSIT: Final = pl.Struct(dict.fromkeys(("end", "address", "name"), pl.String()))
COLUMNS: Final[dict[str, pl.DataType]] = {
    "tags": pl.List(pl.String()),
    "transit": TRANSIT,
    ALLOWED: ALLOWANCE,
    EXPIRED: ALLOWANCE,
}
"""What ``with_known`` adds. ``tags``: those of the near end, and ``transit`` if one end is a known
relay. ``transit``: which end (near or far), and its name; the far end if both are."""
_NAMES: Final = ("tls_sni", "destination_name")


def with_known(frame: pl.DataFrame, is_mining: BoolArray, known: Known) -> pl.DataFrame:
    """Return conversations with ``COLUMNS``.

    Parameters
    ----------
    frame : n conversations, with the columns of decoders or without.
    is_mining : which are labelled mining, shape (n,): only these can be allowed.
    known : what the user knows.
    """
    told = sides(frame)
    for end in (NEAR, FAR):
        key = [f"{end}_high", f"{end}_low"]
        told = told.join(_of_addresses(told.select(key).unique(), end, known), on=key, how="left")
    transit = pl.coalesce(f"{FAR}_relay", f"{NEAR}_relay")
    tagged = pl.col(f"{NEAR}_tags").list.concat(pl.lit([TRANSIT_TAG]))
    told = told.sort("row").select(
        "row",
        tags=pl.when(transit.is_null()).then(f"{NEAR}_tags").otherwise(tagged),
        transit=transit,
    )
    marked = frame.with_columns(told.drop("row"))
    allowances = _allowances(marked, is_mining, known)
    told = told.join(allowances, on="row", how="left", maintain_order="left")
    return marked.with_columns(told.select(ALLOWED, EXPIRED))


def sides(frame: pl.DataFrame) -> pl.DataFrame:
    """Return ``row``, and address and port of both ends: ``near_high``, ``far_port`` and so on.

    The near end is the watched one, and the initiator where nobody knows.

    Parameters
    ----------
    frame : n conversations.
    """
    is_home = pl.col("is_source_home").fill_null(value=True)
    columns = {"high": "address_high", "low": "address_low", "port": "transport_port"}
    return frame.select(
        pl.int_range(pl.len()).alias("row"),
        *(
            pl.when(is_home)
            .then(f"{one}_{column}")
            .otherwise(f"{other}_{column}")
            .alias(f"{end}_{name}")
            for end, one, other in (
                (NEAR, "source", "destination"),
                (FAR, "destination", "source"),
            )
            for name, column in columns.items()
        ),
    )


def _of_addresses(addresses: pl.DataFrame, end: str, known: Known) -> pl.DataFrame:
    """What is known of each address, once for all its conversations."""
    tags: list[list[str]] = []
    relays: list[dict[str, str] | None] = []
    for high, low in addresses.rows():
        tags.append(list(known.tags.names(high, low)))
        names = known.transit.names(high, low)
        told = {"end": end, "address": text_of(high, low), "name": names[0]} if names else None
        relays.append(told)
    return addresses.with_columns(
        pl.Series(f"{end}_tags", tags, COLUMNS["tags"]), pl.Series(f"{end}_relay", relays, TRANSIT)
    )


def _allowances(marked: pl.DataFrame, is_mining: BoolArray, known: Known) -> pl.DataFrame:
    """The rows that meet an entry, with the entry under ``ALLOWED`` or ``EXPIRED``."""
    rows: list[int] = []
    allowed: list[dict[str, str] | None] = []
    expired: list[dict[str, str] | None] = []
    for row in np.flatnonzero(is_mining).tolist() if known.entries else []:
        values = marked.row(row, named=True)
        ended_ns = values["flow_end_nanoseconds"]
        entry = known.allowance(ends_of(values), ended_ns)
        if entry is not None:
            rows.append(row)
            holds = entry.holds(ended_ns)
            allowed.append(_told(entry) if holds else None)
            expired.append(None if holds else _told(entry))
    return pl.DataFrame(
        [
            pl.Series("row", rows, pl.Int64),
            pl.Series(ALLOWED, allowed, ALLOWANCE),
            pl.Series(EXPIRED, expired, ALLOWANCE),
        ]
    )


def ends_of(values: dict[str, Any]) -> Ends:
    """Return the ends of one conversation.

    Parameters
    ----------
    values : its columns by name, ``tags`` among them.
    """
    near, far = ("source", "destination")
    if values["is_source_home"] is False:
        near, far = far, near
    names = (values.get(name) for name in _NAMES) if far == "destination" else ()
    return Ends(
        near=(values[f"{near}_address_high"], values[f"{near}_address_low"]),
        far=(values[f"{far}_address_high"], values[f"{far}_address_low"]),
        far_port=values[f"{far}_transport_port"],
        names=tuple(name.lower().rstrip(".") for name in names if name),
        tags=tuple(values["tags"]),
    )


def _told(entry: Entry) -> dict[str, str]:
    return {
        "owner": entry.owner,
        "reason": entry.reason,
        "expires": entry.expires,
        "place": entry.place,
    }
