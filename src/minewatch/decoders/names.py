# SPDX-License-Identifier: Apache-2.0
"""Which name a host had asked for before it was given a responder's address.

Only responses that are in the capture are used: minewatch sends no query of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np
import polars as pl

from minewatch.address import packed
from minewatch.decoders.dns import parse_dns
from minewatch.types import Int64Array

FEW_ADDRESSES: Final = 500
"""Up to here each address is searched for; for more, every kept response is read once, which
costs about as much as 700 searches."""
_MAX_TRIES: Final = 8
"""Chance matches of an address's octets inside another response that are looked at."""


class ResponseLog(Protocol):
    """Kept DNS responses: their octets, and (time, offset, length) of each."""

    @property
    def octets(self) -> bytes:
        """The responses, one after the other."""
        ...

    @property
    def records(self) -> Int64Array:
        """Time, offset and length of each response, shape (n, 3), by rising offset."""
        ...

    def messages(self) -> Iterator[bytes]:
        """Yield each response."""
        ...


def name_of(address: bytes, log: ResponseLog) -> str | None:
    """Return the name whose kept response gave ``address``, or None.

    Parameters
    ----------
    address : 4 or 16 octets.
    log : kept responses, in the order of their offsets.
    """
    starts = log.records[:, 1]
    at = log.octets.find(address)
    for _ in range(_MAX_TRIES):
        if at < 0:
            return None
        record = int(np.searchsorted(starts, at, side="right")) - 1
        start, length = int(starts[record]), int(log.records[record, 2])
        message = parse_dns(log.octets[start : start + length])
        for answer in message.answers if message is not None else ():
            if answer.address == address:
                return answer.name
        at = log.octets.find(address, start + length)
    return None


def all_names(log: ResponseLog) -> dict[bytes, str]:
    """Return the name of every address that a kept response gave; the first one counts."""
    names: dict[bytes, str] = {}
    for octets in log.messages():
        message = parse_dns(octets)
        for answer in message.answers if message is not None else ():
            names.setdefault(answer.address, answer.name)
    return names


def names_of(frame: pl.DataFrame, log: ResponseLog) -> pl.Series:
    """Return ``destination_name``, the name of each conversation's responder, or null."""
    halves = ["destination_address_high", "destination_address_low"]
    if len(log.records) == 0 or frame.is_empty():
        return pl.Series("destination_name", [None] * frame.height, pl.String)
    distinct = frame.select(halves).unique()
    addresses = [packed(high, low) for high, low in distinct.iter_rows()]
    if len(addresses) <= FEW_ADDRESSES:
        names = [name_of(address, log) for address in addresses]
    else:
        known = all_names(log)
        names = [known.get(address) for address in addresses]
    distinct = distinct.with_columns(pl.Series("destination_name", names, pl.String))
    joined = frame.select(halves).join(distinct, on=halves, how="left", maintain_order="left")
    return joined.get_column("destination_name")
