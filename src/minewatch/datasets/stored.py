# SPDX-License-Identifier: Apache-2.0
"""A dataset on disk, opened: its card, and its tables once their columns are as they must be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from minewatch.datasets import tables
from minewatch.datasets.card import DataCard, read_card
from minewatch.errors import ConfigError
from minewatch.schema import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """A folder with a card and tables."""

    folder: Path
    card: DataCard

    @property
    def has_packets(self) -> bool:
        """Return whether the packets of conversations are there too."""
        return self.card.file(tables.PACKETS) is not None

    def scan(self) -> pl.LazyFrame:
        """Return the conversations as a lazy table.

        Raises
        ------
        SourceError : the file is missing, damaged or of other columns.
        """
        schema = tables.conversation_schema(self.card.has_addresses)
        return tables.scan_table(self.folder / tables.CONVERSATIONS, schema)

    def conversations(self) -> pl.DataFrame:
        """Return the conversations: the columns of ``schema.CONVERSATION`` and more.

        Raises
        ------
        SourceError : see ``scan``.
        """
        return tables.read_table(self.scan(), self.folder / tables.CONVERSATIONS)

    def packets(self) -> pl.LazyFrame:
        """Return first and latest payload packets as a lazy table.

        Raises
        ------
        ConfigError : the dataset has none.
        SourceError : the file is missing, damaged or of other columns.
        """
        if not self.has_packets:
            raise ConfigError(f"{self.folder}: has no packets; build it with --packets")
        path = self.folder / tables.PACKETS
        return tables.scan_table(path, tables.packet_schema(), tables.MAX_PACKET_ROWS)


def open_dataset(folder: str | Path) -> StoredDataset:
    """Open a dataset; only its card is read.

    Parameters
    ----------
    folder : of the dataset.

    Raises
    ------
    ConfigError : it is none, its card is damaged, or its tables are of another schema version.
    """
    card = read_card(Path(folder))
    if card.schema_version != SCHEMA_VERSION:
        raise ConfigError(
            f"{folder}: of schema version {card.schema_version}, this minewatch has "
            f"{SCHEMA_VERSION}; build the dataset again"
        )
    return StoredDataset(Path(folder), card)
