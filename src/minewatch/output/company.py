# SPDX-License-Identifier: Apache-2.0
"""Who else of the watched side talks to a far end."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from minewatch.types import BoolArray

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
        seen = _sides(frame).with_columns(is_mining=pl.Series(np.asarray(is_mining, np.bool_)))
        self._seen.append(seen.unique())

    def of(self, frame: pl.DataFrame) -> tuple[int, int]:
        """Return how many other hosts talk to the same far end, and how many of them mine there.

        Parameters
        ----------
        frame : one conversation.
        """
        own = _sides(frame)
        together = pl.concat(self._seen).join(own.select(_KEY), on=_KEY, how="semi")
        others = together.join(
            own.select("near_high", "near_low"), on=["near_high", "near_low"], how="anti"
        )
        hosts = others.group_by("near_high", "near_low").agg(pl.col("is_mining").any())
        return hosts.height, int(hosts["is_mining"].sum())


def _sides(frame: pl.DataFrame) -> pl.DataFrame:
    """Near address, far address and far port of each conversation."""
    is_home = pl.col("is_source_home").fill_null(value=True)
    columns = []
    for part in ("high", "low"):
        source, destination = (
            pl.col(f"source_address_{part}"),
            pl.col(f"destination_address_{part}"),
        )
        columns += [
            pl.when(is_home).then(source).otherwise(destination).alias(f"near_{part}"),
            pl.when(is_home).then(destination).otherwise(source).alias(f"far_{part}"),
        ]
    ports = pl.col("destination_transport_port"), pl.col("source_transport_port")
    return frame.select(
        *columns, pl.when(is_home).then(ports[0]).otherwise(ports[1]).alias("far_port")
    )
