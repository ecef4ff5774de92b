# SPDX-License-Identifier: Apache-2.0
"""Whether a dataset is what its card says: files, hashes, columns, counts, and values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from minewatch.datasets import tables
from minewatch.datasets.card import CARD, StoredFile
from minewatch.datasets.composition import composition
from minewatch.datasets.folders import sha256_of
from minewatch.datasets.labelling import VERDICTS
from minewatch.datasets.stored import StoredDataset, open_dataset
from minewatch.datasets.tables import first_line
from minewatch.errors import ConfigError, SourceError

MAX_PROBLEMS: Final = 50


def problems(folder: str | Path) -> list[str]:
    """Return what is wrong with a dataset, one sentence each; none if it is as its card says.

    Parameters
    ----------
    folder : of the dataset.
    """
    try:
        dataset = open_dataset(folder)
    except ConfigError as error:
        return [str(error)]
    found = [*_files(dataset), *_strangers(dataset)]
    # A table whose octets are not those of the card is not worth a look at its values.
    found = found or [*_tables(dataset)]
    return found[:MAX_PROBLEMS]


def _files(dataset: StoredDataset) -> Iterator[str]:
    if dataset.card.file(tables.CONVERSATIONS) is None:
        yield f"{CARD}: does not list {tables.CONVERSATIONS}"
    for file in dataset.card.files:
        yield from _file(dataset.folder / file.name, file)


def _file(path: Path, file: StoredFile) -> Iterator[str]:
    if path.is_symlink() or not path.is_file():
        yield f"{file.name}: missing, or not a plain file"
        return
    octets = path.stat().st_size
    if octets != file.octets:
        yield f"{file.name}: {octets:,} octets, the card says {file.octets:,}"
        return
    try:
        digest = sha256_of(path)
    except SourceError as error:
        yield str(error)
        return
    if digest != file.sha256:
        yield f"{file.name}: SHA-256 is {digest}, the card says {file.sha256}"


def _strangers(dataset: StoredDataset) -> Iterator[str]:
    """Whatever else is in the folder: the card does not vouch for it."""
    for path in sorted(dataset.folder.iterdir()):
        if path.name != CARD and dataset.card.file(path.name) is None:
            yield f"{path.name}: the card does not list it"


def _tables(dataset: StoredDataset) -> Iterator[str]:
    try:
        table = dataset.scan()
        yield from _rows(dataset, table, tables.CONVERSATIONS)
        yield from _values(table)
        parts = composition(table)
        for name in sorted(set(parts) | set(dataset.card.composition)):
            if parts.get(name) != dataset.card.composition.get(name):
                yield f"{CARD}: the composition by {name} is not that of the table"
        if dataset.has_packets:
            packets = dataset.packets()
            yield from _rows(dataset, packets, tables.PACKETS)
            yield from _packets(table, packets)
    except (SourceError, ConfigError) as error:
        yield str(error)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        yield f"a table is damaged: {first_line(error)}"


def _rows(dataset: StoredDataset, table: pl.LazyFrame, name: str) -> Iterator[str]:
    file = dataset.card.file(name)
    rows = table.select(pl.len()).collect().item()
    if file is not None and rows != file.rows:
        yield f"{name}: {rows:,} rows, the card says {file.rows}"


def _values(table: pl.LazyFrame) -> Iterator[str]:
    """Values that no dataset has."""
    numbers = pl.col("conversation")
    start, end = pl.col("flow_start_nanoseconds"), pl.col("flow_end_nanoseconds")
    checks = {
        f"a value of {name} is missing": pl.col(name).is_null() for name in tables.NEVER_NULL
    } | {
        "a label is neither mining nor normal": ~pl.col("label").is_in(["mining", "normal"]),
        "an inspection has no known verdict": ~pl.col("inspection").is_in(VERDICTS),
        "a conversation ends before it starts": end < start,
        "a conversation has no packets": (
            pl.col("packet_delta_count") + pl.col("reverse_packet_delta_count") < 1
        ),
    }
    counts = table.select(
        *(bad.fill_null(value=False).sum().alias(text) for text, bad in checks.items()),
        (pl.len() - numbers.n_unique())
        .cast(pl.Int64)
        .alias("a conversation's number is not its own"),
    ).collect(engine="streaming")
    for text, count in counts.row(0, named=True).items():
        if count:
            yield f"{tables.CONVERSATIONS}: {text} ({count:,} times)"


def _packets(table: pl.LazyFrame, packets: pl.LazyFrame) -> Iterator[str]:
    orphans = packets.join(table, on="conversation", how="anti").select(pl.len())
    bad = packets.filter(
        pl.any_horizontal(pl.all().is_null()) | (pl.col("payload_octets") < 1)
    ).select(pl.len())
    for text, query in (("of no conversation", orphans), ("without a size", bad)):
        count = query.collect(engine="streaming").item()
        if count:
            yield f"{tables.PACKETS}: {count:,} packets {text}"
