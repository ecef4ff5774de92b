# SPDX-License-Identifier: Apache-2.0
"""A dataset parted into datasets that share no group: training and test, or folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from minewatch.datasets import tables
from minewatch.datasets.build import seal
from minewatch.datasets.card import CARD, DataCard
from minewatch.datasets.composition import composition, known_biases
from minewatch.datasets.folders import new_folder, sha256_of, stored_file, write_table
from minewatch.datasets.splits import check_disjoint, hold_out, partition_by, split_by
from minewatch.datasets.stored import StoredDataset, open_dataset
from minewatch.errors import ConfigError

MAX_FOLDS = 100


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """How to part a dataset.

    Parameters
    ----------
    by : ``source``, ``host``, ``pool`` or ``time``.
    test : share of the conversations for test.
    groups : groups to test on instead.
    folds : parts of equal size instead of training and test; 0 for none.
    seed : of the draw.
    """

    by: str
    test: float = 0.2
    groups: Sequence[str] = ()
    folds: int = 0
    seed: int = 0


def split_dataset(source: Path, out: Path, options: SplitOptions) -> dict[str, DataCard]:
    """Write the parts of a dataset as datasets of their own; return their cards by name.

    Parameters
    ----------
    source : folder of the dataset.
    out : folder to make: ``train`` and ``test`` below it, or ``fold-1`` and so on.
    options : how to part it.

    Raises
    ------
    ConfigError : it is no dataset, cannot be parted so, or the folder exists.
    SourceError : a table is damaged.
    """
    dataset = open_dataset(source)
    frame = dataset.conversations()
    parts, told = _parts(frame, options)
    told["left_out"] = frame.height - sum(part.height for part in parts.values())
    told["of"] = f"{dataset.card.name} (card {sha256_of(dataset.folder / CARD)})"
    with new_folder(out) as folder:
        return {
            name: _write(part, folder / name, dataset, {"part": name, **told})
            for name, part in parts.items()
        }


def _parts(
    frame: pl.DataFrame, options: SplitOptions
) -> tuple[dict[str, pl.DataFrame], dict[str, object]]:
    """Return the parts by name, and what their cards say of the split."""
    by, told = options.by, {"by": options.by, "seed": options.seed}
    if options.folds:
        if by == "time" or options.groups or not 2 <= options.folds <= MAX_FOLDS:
            raise ConfigError(
                f"folds {options.folds}: from 2 to {MAX_FOLDS}, by source, host or pool, without "
                "groups"
            )
        shares = [1.0] * options.folds
        folds, _ = partition_by(frame, by, shares, seed=options.seed)
        for number, fold in enumerate(folds):
            for other in folds[:number]:
                check_disjoint(fold, other, [by])
        return {f"fold-{n}": fold for n, fold in enumerate(folds, 1)}, told
    if options.groups:
        split = hold_out(frame, by, options.groups)
    else:
        split = split_by(frame, by, test=options.test, seed=options.seed)
    check_disjoint(split.train, split.test, [by])
    told["held_out"] = ", ".join(split.test_groups)[:2000]
    return {"train": split.train, "test": split.test}, told


def _write(
    part: pl.DataFrame, folder: Path, dataset: StoredDataset, split: dict[str, object]
) -> DataCard:
    folder.mkdir()
    path = folder / tables.CONVERSATIONS
    write_table(part.lazy(), path)
    files = [stored_file(path, part.height)]
    if dataset.has_packets:
        packets = folder / tables.PACKETS
        kept = part.select("conversation").lazy()
        write_table(
            dataset.packets().join(kept, on="conversation", how="semi", maintain_order="left"),
            packets,
        )
        rows = pl.scan_parquet(packets, glob=False).select(pl.len()).collect().item()
        files.append(stored_file(packets, rows))
    parts = composition(part.lazy())
    card = replace(
        dataset.card,
        name=f"{dataset.card.name}: {split['part']}",
        files=tuple(files),
        composition=parts,
        left_out={},
        agreement={},
        known_biases=tuple(known_biases(parts)),
        split=split,
    )
    return seal(card, folder)
