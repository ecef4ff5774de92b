# SPDX-License-Identifier: Apache-2.0
"""Columns that say of each conversation what the user knows of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl

from minewatch.address import text_of
from minewatch.allow.entries import Ends, Entry, Known
from minewatch.types import BoolArray

Address: TypeAlias = tuple[int, int]
Names: TypeAlias = tuple[str, ...]

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
_HALVES: Final = tuple(
    f"{side}_address_{half}" for side in ("source", "destination") for half in ("high", "low")
)


def with_known(frame: pl.DataFrame, is_mining: BoolArray, known: Known) -> pl.DataFrame:
    """Return conversations with ``COLUMNS``.

    Parameters
    ----------
    frame : n conversations, with the columns of decoders or without.
    is_mining : which are labelled mining, shape (n,): only these can be allowed.
    known : what the user knows.
    """
    tags: list[list[str]] = []
    transit: list[dict[str, str] | None] = []
    tags_of, relays_of = _remembered(known.tags.names), _remembered(known.transit.names)
    for source, destination, is_home in _ends(frame):
        near, far = (source, destination) if is_home is not False else (destination, source)
        relay = next(((e, a) for e, a in ((FAR, far), (NEAR, near)) if relays_of(a)), None)
        transit.append(relay and _relay(*relay, relays_of(relay[1])[0]))
        tags.append([*tags_of(near), *([TRANSIT_TAG] if relay else [])])
    allowed: list[dict[str, str] | None] = [None] * frame.height
    expired: list[dict[str, str] | None] = [None] * frame.height
    for row in np.flatnonzero(is_mining).tolist() if known.entries else []:
        values = frame.row(row, named=True)
        ended_ns = values["flow_end_nanoseconds"]
        entry = known.allowance(ends_of(values, tuple(tags[row])), ended_ns)
        if entry is not None:
            (allowed if entry.holds(ended_ns) else expired)[row] = _told(entry)
    found: tuple[list[Any], ...] = (tags, transit, allowed, expired)
    columns = zip(COLUMNS.items(), found, strict=True)
    return frame.with_columns(pl.Series(name, values, kind) for (name, kind), values in columns)


def _ends(frame: pl.DataFrame) -> Iterator[tuple[Address, Address, bool | None]]:
    """Both addresses of each conversation, and whether the initiator is the watched side."""
    for s_high, s_low, d_high, d_low, is_home in frame.select(*_HALVES, "is_source_home").rows():
        yield (s_high, s_low), (d_high, d_low), is_home


def _relay(end: str, address: Address, name: str) -> dict[str, str]:
    return {"end": end, "address": text_of(*address), "name": name}


def _remembered(ask: Callable[[int, int], Names]) -> Callable[[Address], Names]:
    """Return ``ask`` with its answers kept: most conversations share a few addresses."""
    kept: dict[Address, Names] = {}

    def answer(address: Address) -> Names:
        found = kept.get(address)
        if found is None:
            found = kept[address] = ask(*address)
        return found

    return answer


def ends_of(values: dict[str, Any], tags: tuple[str, ...]) -> Ends:
    """Return the ends of one conversation.

    Parameters
    ----------
    values : its columns by name.
    tags : of its near end.
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
        tags=tags,
    )


def _told(entry: Entry) -> dict[str, str]:
    return {
        "owner": entry.owner,
        "reason": entry.reason,
        "expires": entry.expires,
        "place": entry.place,
    }
