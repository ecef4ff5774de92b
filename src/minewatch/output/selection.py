# SPDX-License-Identifier: Apache-2.0
"""Which conversation is meant: by id, by Community ID, or by its two ends."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

import polars as pl

from minewatch.errors import ConfigError
from minewatch.output.community import community_ids

_COMMUNITY: Final = re.compile(r"1:[A-Za-z0-9+/]{27}=")
_ENDS: Final = re.compile(r"(\[[^\]]+\]|[^\s\[\]-]+):(\d+)\s*->?\s*(\[[^\]]+\]|[^\s\[\]-]+):(\d+)")
_LOW: Final = (1 << 64) - 1
_FORMS: Final = "give a Community ID, address:port-address:port, or --id N"


@dataclass(frozen=True, slots=True)
class Selection:
    """A wish for one conversation."""

    text: str
    """As the user gave it."""
    flow_id: int | None = None
    community_id: str | None = None
    ends: tuple[tuple[int, int, int], tuple[int, int, int]] | None = None
    """Upper half, lower half and port of both ends, in either order."""

    def rows(self, frame: pl.DataFrame) -> list[int]:
        """Return the rows of a conversation table that are meant."""
        if self.flow_id is not None:
            meant = frame.get_column("flow_id") == self.flow_id
        elif self.ends is not None:
            one, other = self.ends
            meant = frame.select(_between(one, other) | _between(other, one)).to_series()
        else:
            meant = community_ids(frame) == self.community_id
        return meant.fill_null(value=False).arg_true().to_list()


def _between(one: tuple[int, int, int], other: tuple[int, int, int]) -> pl.Expr:
    return _is_end("source", one) & _is_end("destination", other)


def _is_end(side: str, end: tuple[int, int, int]) -> pl.Expr:
    high, low, port = end
    return (
        (pl.col(f"{side}_address_high") == pl.lit(high, pl.UInt64))
        & (pl.col(f"{side}_address_low") == pl.lit(low, pl.UInt64))
        & (pl.col(f"{side}_transport_port") == port)
    )


def parse_selection(text: str | None, flow_id: int | None) -> Selection:
    """Return what the arguments mean.

    Parameters
    ----------
    text : Community ID or two ends.
    flow_id : the id that ``scan`` shows.

    Raises
    ------
    ConfigError : neither is given, both are, the text has no known form, or no id is so.

    Examples
    --------
    >>> parse_selection("10.0.0.1:80-10.0.0.2:4000", None).ends
    ((0, 281470849515521, 80), (0, 281470849515522, 4000))
    """
    if (text is None) == (flow_id is None):
        raise ConfigError(f"which conversation? {_FORMS}")
    if flow_id is not None and not 0 < flow_id < 1 << 63:
        raise ConfigError(f"--id {flow_id}: ids count from 1; minewatch scan --all lists them")
    if text is None:
        return Selection(f"with id {flow_id}", flow_id=flow_id)
    if _COMMUNITY.fullmatch(text):
        return Selection(text, community_id=text)
    match = _ENDS.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"{text}: no conversation has such a name; {_FORMS}")
    return Selection(text, ends=(_end(match[1], match[2]), _end(match[3], match[4])))


def _end(address: str, port: str) -> tuple[int, int, int]:
    try:
        parsed = ipaddress.ip_address(address.strip("[]"))
    except ValueError as error:
        raise ConfigError(f"{error}; {_FORMS}") from error
    number = int(parsed)
    if parsed.version == 4:
        number |= 0xFFFF << 32
    if int(port) > 65535:
        raise ConfigError(f"port {port}: 65535 at most; {_FORMS}")
    return number >> 64, number & _LOW, int(port)
