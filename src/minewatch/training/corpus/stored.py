# SPDX-License-Identifier: Apache-2.0
"""A corpus in memory and in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from minewatch.errors import ConfigError
from minewatch.training.corpus import tables


@dataclass(frozen=True, slots=True)
class Corpus:
    """Labelled conversations with all their packets."""

    conversations: pl.DataFrame
    """Columns of ``tables.LABELLED``, by ``conversation``."""
    packets: pl.DataFrame
    """Columns of ``tables.PACKET``, by ``conversation`` and time; of kept conversations alone."""
    decoded: pl.DataFrame
    """Columns of ``tables.AT``."""
    unreadable: tuple[str, ...] = ()
    """Captures that could not be read to their end."""

    def write(self, folder: Path) -> None:
        """Write the tables into a folder.

        Parameters
        ----------
        folder : is made if it is not there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.packets.write_parquet(folder / tables.PACKETS)
        self.decoded.write_parquet(folder / tables.DECODED)
        self.conversations.write_parquet(folder / tables.CONVERSATIONS)


def read_corpus(folder: Path) -> Corpus:
    """Return the corpus in a folder.

    Parameters
    ----------
    folder : of ``Corpus.write``.

    Raises
    ------
    ConfigError : a table is missing, damaged, or of other columns.
    """
    try:
        found = [
            pl.read_parquet(folder / name, glob=False)
            for name in (tables.CONVERSATIONS, tables.PACKETS, tables.DECODED)
        ]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ConfigError(f"{folder}: not a corpus ({error}); build it again") from error
    wanted = (tables.LABELLED, tables.PACKET, tables.AT)
    for table, schema in zip(found, wanted, strict=True):
        if dict(table.schema) != schema:
            raise ConfigError(f"{folder}: a corpus of other columns; build it again")
    conversations, packets, decoded = found
    return Corpus(conversations, packets, decoded)


def joined(corpora: list[Corpus]) -> Corpus:
    """Return several corpora as one, their conversations numbered on.

    Parameters
    ----------
    corpora : at least one.
    """
    tables_of: list[list[pl.DataFrame]] = [[], [], []]
    n = 0
    for corpus in corpora:
        for kept, table in zip(
            tables_of, (corpus.conversations, corpus.packets, corpus.decoded), strict=True
        ):
            kept.append(table.with_columns((pl.col("conversation") + n).cast(pl.UInt32)))
        top = corpus.conversations["conversation"].max()
        n += top if isinstance(top, int) else 0
    unreadable = tuple(name for corpus in corpora for name in corpus.unreadable)
    conversations, packets, decoded = (pl.concat(kept) for kept in tables_of)
    return Corpus(conversations, packets, decoded, unreadable)
