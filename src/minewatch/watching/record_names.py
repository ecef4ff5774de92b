# SPDX-License-Identifier: Apache-2.0
"""Names that flow logs tell while they are watched: those of what is in memory, and no more."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from minewatch.arranging.frames import SERVER
from minewatch.logs import SERVER_NAME
from minewatch.records import UNKNOWN, Names, RecordArray
from minewatch.types import Int64Array

MOST_SERVERS: Final = 1 << 16
"""Names of servers at a time; when they are so many, those that no record names are forgotten."""
_HALVES: Final = ("destination_address_high", "destination_address_low")


class RecordNames:
    """Names of servers by places of its own, and answers of DNS as the log has them.

    Parameters
    ----------
    servers : by place, from another run.
    """

    def __init__(self, servers: list[str] | None = None) -> None:
        self.servers: list[str] = list(servers or ())
        self._places = {name: place for place, name in enumerate(self.servers)}
        self._told = Names()

    def hear(self, told: Names) -> None:
        """Let the records that come from now on be of one log.

        Parameters
        ----------
        told : what it tells of names, so far and later.
        """
        self._told = told

    @property
    def is_full(self) -> bool:
        """Return whether there is no room for another name."""
        return len(self.servers) >= MOST_SERVERS

    def own(self, records: RecordArray) -> RecordArray:
        """Return records with places in ``servers`` for those in the log.

        Parameters
        ----------
        records : of the log.
        """
        told = records["server_name"]
        if not (told >= 0).any():
            return records
        places, which = np.unique(told, return_inverse=True)
        mine = np.array([self._place(place) for place in places.tolist()], told.dtype)
        records = records.copy()
        records["server_name"] = mine[which]
        return records

    def _place(self, told: int) -> int:
        if not 0 <= told < len(self._told.servers):
            return UNKNOWN
        name = self._told.servers[told]
        if name not in self._places:
            if self.is_full:
                return UNKNOWN
            self._places[name] = len(self.servers)
            self.servers.append(name)
        return self._places[name]

    def keep(self, used: Int64Array) -> Int64Array:
        """Forget names; return the new place by the old one, ``UNKNOWN`` of what was forgotten.

        Parameters
        ----------
        used : places of those that stay.
        """
        moved = np.full(len(self.servers), UNKNOWN, np.int64)
        moved[used] = np.arange(len(used))
        self.servers = [self.servers[place] for place in used.tolist()]
        self._places = {name: place for place, name in enumerate(self.servers)}
        return moved

    def of_responders(self, frame: pl.DataFrame) -> pl.Series:
        """Return ``destination_name``: for which name DNS gave the responder's address.

        Parameters
        ----------
        frame : conversations.
        """
        names = map(self._told.answers.get, frame.select(_HALVES).iter_rows())
        return pl.Series("destination_name", list(names), pl.String)

    def with_servers(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Replace the places of server names by the names; no column where there are none.

        Parameters
        ----------
        frame : conversations.
        """
        if self.servers:
            names = pl.Series(self.servers, dtype=pl.String).gather(frame.get_column(SERVER))
            frame = frame.with_columns(names.alias(SERVER_NAME))
        return frame.drop(SERVER)
