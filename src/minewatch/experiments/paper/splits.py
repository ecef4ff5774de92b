# SPDX-License-Identifier: Apache-2.0
"""The paper's random splits, and an honest one: hosts, far ends and times never trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, TypeAlias
from zlib import crc32

import numpy as np
import numpy.typing as npt
import polars as pl

from minewatch.datasets.grouping import assign_groups
from minewatch.datasets.splits import END, START, check_disjoint, groups_of
from minewatch.experiments.paper.samples import IntArray, Samples
from minewatch.types import BoolArray, Int64Array

Rows: TypeAlias = npt.NDArray[np.intp]
Split: TypeAlias = tuple[Rows, Rows]
"""Rows to train on, rows to test on."""

TEST_SHARE: Final = 0.2
FOLDS: Final = 10
GROUPS: Final = 3
"""Parts of the hosts, and of the far ends: 9 rotations, each training on 4 of 9 parts."""
COIN_GROUPS: Final = 2
"""The same where every coin must have a host and a pool in each part: few have three."""
MIN_MINING: Final = 20
"""Mining rows on each side of the cut in time; with fewer, time is not held out."""
_CUTS: Final = 200


def random_split(labels: IntArray, seed: int) -> Split:
    """Return the paper's 80:20, each class in proportion.

    Parameters
    ----------
    labels : class of each row, shape (n,).
    seed : of the split.

    Examples
    --------
    >>> train, test = random_split(np.arange(157) % 5, seed=1)
    >>> len(train), len(test)
    (125, 32)
    """
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_SHARE, stratify=labels, random_state=seed
    )
    return np.sort(train), np.sort(test)


def random_folds(labels: IntArray, seed: int) -> list[Split]:
    """Return ten folds of rows, each class in proportion; fewer if a class has fewer rows.

    Parameters
    ----------
    labels : class of each row, shape (n,).
    seed : of the folds.
    """
    from sklearn.model_selection import StratifiedKFold

    smallest = int(np.unique(labels, return_counts=True)[1].min())
    folds = StratifiedKFold(max(2, min(FOLDS, smallest)), shuffle=True, random_state=seed)
    return list(folds.split(labels, labels))


def as_few_at_random(labels: IntArray, splits: Sequence[Split], seed: int) -> list[Split]:
    """Return the same test rows, with as many training rows of each class from all that remain.

    An honest split trains on few rows. This tells what that alone costs, hosts, pools and times
    being seen.

    Parameters
    ----------
    labels : class of each row, shape (n,).
    splits : the honest ones.
    seed : of the draw.
    """
    rng = np.random.default_rng(seed)
    result = []
    for train, test in splits:
        is_free = np.ones(len(labels), bool)
        is_free[test] = False
        drawn = [
            rng.choice(np.flatnonzero(is_free & (labels == label)), count, replace=False)
            for label, count in zip(*np.unique(labels[train], return_counts=True), strict=True)
        ]
        result.append((np.sort(np.concatenate(drawn)), test))
    return result


@dataclass(frozen=True, slots=True)
class Honest:
    """Rotations whose test rows share no host, no pool and no time with their training rows."""

    splits: list[Split]
    held_out: tuple[str, ...]
    """What is never on both sides: some of ``host``, ``pool`` and ``time``."""
    cut_ns: int | None
    """Training rows end before it, test rows begin after it; None if time was not held out."""
    n_left_out: int
    """Rows that are in no part: they span the cut, or lie between servers of two groups."""
    n_untaught: int
    """Rows that begin late enough but are not tested: their class is not in the training rows."""


_Groups: TypeAlias = tuple[IntArray, int]
"""Group of each row, and how many groups there are."""


def honest_rotations(samples: Samples, seed: int) -> Honest:
    """Return an honest split of all rows in rotations; a row that begins late is tested once.

    A group of hosts and a group of far ends are held out together; a row is trained on only if it
    is in neither. The far end is the pool of a mining row, the other side's address of a normal
    one. What cannot be held out, because there is but one of it, is not, and ``held_out`` tells.

    Parameters
    ----------
    samples : the rows.
    seed : of the grouping.

    Raises
    ------
    ConfigError : a rotation would leak.
    """
    is_mining = samples.is_mining
    frame = _with_groups(samples)
    host, far = _host_groups(frame, seed), _far_groups(frame, is_mining, seed)
    cut = time_cut(*(frame[name].to_numpy()[is_mining] for name in (START, END)))
    return _rotations(frame, is_mining.astype(np.int64), host, far, cut)


def coin_rotations(samples: Samples, labels: IntArray, seed: int) -> Honest:
    """Return an honest split of mining rows by coin: other hosts and pools of the same coins.

    Hosts and pools are dealt to two groups coin by coin. Time is held out too, unless a coin would
    then be tested without one row to learn it from. A coin with hosts or pools in one group only
    is not tested at all, and ``n_untaught`` tells.

    Parameters
    ----------
    samples : mining rows.
    labels : coin of each row as a number from 0, shape (n,).
    seed : of the grouping.

    Raises
    ------
    ConfigError : a rotation would leak.
    """
    frame = _with_groups(samples)
    host, pool = (_dealt(frame[name], labels, seed) for name in ("host", "pool"))
    if frame["other_host"].null_count() < frame.height:
        host = (np.where(frame["other_host"].is_null(), host[0], -1), host[1])
    cut = time_cut(*(frame[name].to_numpy() for name in (START, END)))
    honest = _rotations(frame, labels, host, pool, cut)
    if cut is not None and honest.n_untaught:
        honest = _rotations(frame, labels, host, pool, None)
    return honest


def _rotations(
    frame: pl.DataFrame, labels: IntArray, hosts: _Groups, fars: _Groups, cut: int | None
) -> Honest:
    (host, n_host), (far, n_far) = hosts, fars
    start, end = (frame[name].to_numpy() for name in (START, END))
    early = end < cut if cut is not None else host >= 0
    late = start >= cut if cut is not None else host >= 0
    splits = []
    n_tested = 0
    for h, f in product(range(n_host), range(n_far)):
        is_seen = (host != h if n_host > 1 else host == h) & (far != f if n_far > 1 else far == f)
        train = early & is_seen & (host >= 0)
        taught = np.unique(labels[train])
        test = late & (host == h) & (far == f) & np.isin(labels, taught)
        if len(taught) > 1 and test.any() and n_host * n_far > 1:
            splits.append((np.flatnonzero(train), np.flatnonzero(test)))
            n_tested += int(test.sum())
    held = (("host", n_host > 1), ("pool", n_far > 1), ("time", cut is not None))
    honest = Honest(
        splits,
        tuple(name for name, is_held in held if is_held),
        cut,
        int(((~early & ~late) | (host < 0)).sum()),
        int((late & (host >= 0)).sum()) - n_tested,
    )
    for train, test in splits:
        check_disjoint(frame[train], frame[test], honest.held_out)
    return honest


def _dealt(names: pl.Series, labels: IntArray, seed: int) -> _Groups:
    """Deal names to groups so that each class has rows in every group, where it has the names."""
    n = min(COIN_GROUPS, names.n_unique())
    order = np.random.default_rng(seed).permutation(names.unique().sort().to_list()).tolist()
    rows = {name: np.bincount(labels[(names == name).to_numpy()]) for name in order}
    rows = {name: np.pad(own, (0, int(labels.max()) + 1 - len(own))) for name, own in rows.items()}
    group: dict[str, int] = {}
    given = np.zeros((n, int(labels.max()) + 1))
    # A class with the fewest names has the least choice: it chooses first.
    n_names = (np.array(list(rows.values())) > 0).sum(axis=0)
    for label in np.argsort(n_names, kind="stable"):
        for name in order:
            if name not in group and rows[name][label]:
                group[name] = min(range(n), key=lambda g: (given[g, label], given[g].sum()))
                given[group[name]] += rows[name]
    return names.replace_strict(group, return_dtype=pl.Int64).to_numpy(), n


def _with_groups(samples: Samples) -> pl.DataFrame:
    """Add the columns that ``datasets.splits`` knows groups by."""
    is_mining = pl.col("label") == "mining"
    return samples.table.with_columns(
        remote=pl.when(is_mining).then("pool").otherwise("far_end"),
    )


def _host_groups(frame: pl.DataFrame, seed: int) -> _Groups:
    """Return each row's group of hosts, -1 if its two ends are in two, and how many there are."""
    names = groups_of(frame, "host")
    counts = dict.fromkeys(names, (0, 0))
    is_mining = (pl.col("label") == "mining").sum()
    rows = frame.group_by("host").agg(is_mining.alias("mining"), pl.len())
    for name, mining, n in rows.iter_rows():
        counts[name] = (mining, n - mining)
    n = min(GROUPS, len(names))
    group = assign_groups(counts, [1] * n, seed)
    own = frame["host"].replace_strict(group, return_dtype=pl.Int64)
    other = frame["other_host"].replace_strict(group, return_dtype=pl.Int64)
    return np.where((own == other).fill_null(value=True), own, -1), n


def _far_groups(frame: pl.DataFrame, is_mining: BoolArray, seed: int) -> _Groups:
    """Return each row's group of far ends, and how many there are: pools are few, others many."""
    mining = frame.filter(is_mining)
    counts = {name: (n, 0) for name, n in mining["pool"].value_counts().iter_rows()}
    n = min(GROUPS, len(counts))
    group = assign_groups(counts, [1] * n, seed)
    # Normal traffic with a pool's own address goes where the pool goes.
    of_end = {end: group[pool] for end, pool in mining.select("far_end", "pool").iter_rows()}
    for end in frame["far_end"].unique().to_list():
        of_end.setdefault(end, crc32(f"{seed} {end}".encode()) % n)
    pools = frame["pool"].replace_strict(group, default=-1, return_dtype=pl.Int64).to_numpy()
    ends = frame["far_end"].replace_strict(of_end, return_dtype=pl.Int64).to_numpy()
    return np.where(is_mining, pools, ends), n


def time_cut(start: Int64Array, end: Int64Array) -> int | None:
    """Return the time that leaves the most mining on its poorer side; None if that is too little.

    Parameters
    ----------
    start : first packet of each mining row, shape (n,).
    end : last packet, shape (n,).

    Examples
    --------
    >>> start = np.arange(100) * 10
    >>> time_cut(start, start + 5)
    500
    >>> time_cut(start, np.full(100, 2000)) is None
    True
    """
    candidates = np.quantile(start, np.linspace(0, 1, _CUTS), method="closest_observation")
    poorer = [min((end < cut).sum(), (start >= cut).sum()) for cut in candidates]
    best = int(np.argmax(poorer))
    return int(candidates[best]) if poorer[best] >= MIN_MINING else None
