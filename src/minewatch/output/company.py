# SPDX-License-Identifier: Apache-2.0
"""Who else of the watched side talks to a far end."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from minewatch.allow.marking import sides
from minewatch.types import BoolArray

_NEAR: Final = ("near_high", "near_low")
_KEY: Final = ("far_high", "far_low", "far_port")


class Company:
    """Remembers which hosts talk to which far ends, as a capture is scanned."""

    def __init__(self) -> None:
        self._seen: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame, is_mining: BoolArray) -> None:
        """Take in scored conversations.

        Parameters
        ----------
        frame : n conversations.
        is_mining : which are labelled mining, shape (n,).
        """
        seen = sides(frame).select(*_NEAR, *_KEY)
        seen = seen.with_columns(is_mining=pl.Series(np.asarray(is_mining, np.bool_)))
        self._seen.append(seen.unique())

    def of(self, frame: pl.DataFrame) -> tuple[int, int]:
        """Return how many other hosts talk to the same far end, and how many of them mine there.

        Parameters
        ----------
        frame : one conversation.
        """
        own = sides(frame)
        together = pl.concat(self._seen).join(own.select(_KEY), on=_KEY, how="semi")
        others = together.join(own.select(_NEAR), on=_NEAR, how="anti")
        hosts = others.group_by(_NEAR).agg(pl.col("is_mining").any())
        return hosts.height, int(hosts["is_mining"].sum())
