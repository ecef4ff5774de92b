# SPDX-License-Identifier: Apache-2.0
"""Splits into training and test that refuse leaks: by source, host, pool or time.

A conversation has one or more groups under each key. Whole groups go to one part; a conversation
whose groups went to different parts belongs to none, and is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from minewatch.datasets.grouping import assign_groups
from minewatch.errors import ConfigError
from minewatch.schema import require

START: Final = "flow_start_nanoseconds"
END: Final = "flow_end_nanoseconds"

COLUMNS: Final = {
    "source": ("source",),
    "host": ("host", "other_host"),
    "pool": ("remote",),
}
"""The columns that hold a conversation's groups, by key. ``other_host`` is null but where both ends
are watched. ``remote`` is the pool of a miner, and of normal traffic the service's endpoint: normal
conversations with one service must not lie on both sides any more than those with one pool."""
KEYS: Final = (*COLUMNS, "time")
LABEL: Final = "label"
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Split:
    """Two tables that share no group."""

    train: pl.DataFrame
    test: pl.DataFrame
    by: str
    """One of ``KEYS``."""
    dropped: int
    """Conversations that would have lain on both sides."""
    test_groups: tuple[str, ...]
    """What was held out; for time the moment of the cut, in nanoseconds."""


def split_by(frame: pl.DataFrame, by: str, *, test: float = 0.2, seed: int = 0) -> Split:
    """Return training and test tables that share no group of a key.

    Groups are drawn so that both parts get about their share of mining and of normal conversations.

    Parameters
    ----------
    frame : conversations with ``label`` and the columns of the key (``COLUMNS``); for time,
        ``flow_start_nanoseconds`` and ``flow_end_nanoseconds``.
    by : one of ``KEYS``.
    test : share of the conversations to hold out, in (0, 1); groups are whole, so it is met about.
    seed : of the draw; time needs none.

    Raises
    ------
    ConfigError : an unknown key, a conversation without group, too few groups, or a part that
        would have no mining or no normal conversation.
    SchemaError : a column is missing.

    Examples
    --------
    >>> frame = pl.DataFrame({"label": ["mining", "normal"] * 4, "source": list("aabbccdd")})
    >>> split = split_by(frame, "source", test=0.25)
    >>> split.train.height, split.test.height, split.dropped
    (6, 2, 0)
    >>> check_disjoint(split.train, split.test, ["source"])
    """
    if not 0 < test < 1:
        raise ConfigError(f"test share {test}: between 0 and 1")
    if by == "time":
        return split_by_time(frame, test=test)
    parts, groups = partition_by(frame, by, [1 - test, test], seed=seed)
    held_out = tuple(sorted(name for name, part in groups.items() if part == 1))
    dropped = frame.height - sum(part.height for part in parts)
    return Split(parts[0], parts[1], by, dropped, held_out)


def hold_out(frame: pl.DataFrame, by: str, groups: Sequence[str]) -> Split:
    """Return the split that tests on the groups named, and trains on the others.

    Parameters
    ----------
    frame : conversations with ``label`` and the columns of the key.
    by : ``source``, ``host`` or ``pool``.
    groups : what to hold out.

    Raises
    ------
    ConfigError : an unknown key or group, a conversation without group, a part without any
        conversation, or a training part without mining or without normal ones. The test may be of
        one label: how often a detector is wrong on a host that does not mine is a fair question.

    Examples
    --------
    >>> hosts = {"host": ["a", "a", "b"], "other_host": [None, "b", None]}
    >>> frame = pl.DataFrame({"label": ["normal"] * 3, **hosts})
    >>> split = hold_out(frame, "host", ["b"])
    >>> split.train.height, split.test.height, split.dropped
    (1, 1, 1)
    """
    require(frame, [LABEL], f"split by {by}")
    known = groups_of(frame, by)
    unknown = sorted(set(groups) - set(known))
    if unknown or not groups:
        raise ConfigError(f"{by} {_named(unknown)}: there is none; there are {_named(known)}")
    numbers = {name: int(name in groups) for name in known}
    train, test = _parts(frame, by, numbers, 2)
    dropped = frame.height - train.height - test.height
    hint = f"{dropped:,} conversations belong to both parts and are in neither; hold out others"
    _require_both_labels(frame, train, f"split by {by}: training", hint)
    if test.is_empty():
        raise ConfigError(f"split by {by}: nothing is left to test on: {hint}")
    return Split(train, test, by, dropped, tuple(sorted(set(groups))))


def split_by_time(frame: pl.DataFrame, *, at_ns: int | None = None, test: float = 0.2) -> Split:
    """Return what ended before a moment as training, and what began at it or later as test.

    Parameters
    ----------
    frame : conversations with ``flow_start_nanoseconds``, ``flow_end_nanoseconds``, ``label``.
    at_ns : the cut; None for the one with about ``test`` of the conversations after it.
    test : share to hold out if ``at_ns`` is None.

    Raises
    ------
    ConfigError : a part would have no mining or no normal conversation: long ones that span the
        cut are dropped, so a recording that miners talk through from end to end has no cut.
    SchemaError : a column is missing.

    Examples
    --------
    >>> frame = pl.DataFrame({START: [0, 0, 1, 6, 6], END: [3, 4, 9, 8, 9],
    ...     "label": ["mining", "normal", "normal", "mining", "normal"]})
    >>> split = split_by_time(frame, at_ns=5)
    >>> split.train.height, split.test.height, split.dropped
    (2, 2, 1)
    """
    require(frame, [START, END, LABEL], "split by time")
    if at_ns is None:
        if not 0 < test < 1:
            raise ConfigError(f"test share {test}: between 0 and 1")
        starts = frame[START].sort()
        at_ns = (
            int(starts[min(int((1 - test) * len(starts)), len(starts) - 1)]) if len(starts) else 0
        )
    train = frame.filter(pl.col(END) < at_ns)
    after = frame.filter(pl.col(START) >= at_ns)
    dropped = frame.height - train.height - after.height
    hint = f"{dropped:,} conversations span the cut and belong to neither"
    for name, part in (("training", train), ("test", after)):
        _require_both_labels(frame, part, f"split by time: {name}", hint)
    return Split(train, after, "time", dropped, (str(at_ns),))


def partition_by(
    frame: pl.DataFrame, by: str, shares: Sequence[float], *, seed: int = 0
) -> tuple[list[pl.DataFrame], dict[str, int]]:
    """Return parts that pairwise share no group, and the number of the part of each group.

    Parameters
    ----------
    frame : conversations with ``label`` and the columns of the key.
    by : ``source``, ``host`` or ``pool``.
    shares : size of each part, above 0; equal ones make folds.
    seed : of the draw.

    Raises
    ------
    ConfigError : see ``split_by``.
    SchemaError : a column is missing.

    Examples
    --------
    >>> frame = pl.DataFrame({"label": ["mining", "normal"] * 3, "remote": list("abcdef")})
    >>> parts, groups = partition_by(frame, "pool", [1, 1, 1])
    >>> [part["label"].sort().to_list() for part in parts]
    [['mining', 'normal'], ['mining', 'normal'], ['mining', 'normal']]
    """
    require(frame, [LABEL], f"split by {by}")
    known = groups_of(frame, by)
    if len(known) < len(shares):
        raise ConfigError(
            f"split by {by}: {len(known)} of them ({_named(known)}) do not make {len(shares)} "
            "parts; gather more, or split by another key"
        )
    numbers = assign_groups(_counts(frame, by), shares, seed)
    parts = _parts(frame, by, numbers, len(shares))
    hint = f"there are too few {by}s with either; gather more, or take another seed or key"
    for number, part in enumerate(parts, 1):
        _require_both_labels(frame, part, f"split by {by}: part {number}", hint)
    return parts, numbers


def groups_of(frame: pl.DataFrame, by: str) -> list[str]:
    """Return the groups of a key, sorted.

    Parameters
    ----------
    frame : conversations with the columns of the key.
    by : ``source``, ``host`` or ``pool``.

    Raises
    ------
    ConfigError : an unknown key, or a conversation without group.
    SchemaError : a column is missing.

    Examples
    --------
    >>> groups_of(pl.DataFrame({"source": ["b", "a", "b"]}), "source")
    ['a', 'b']
    """
    columns = _columns(by)
    require(frame, columns[:1], f"split by {by}")
    missing = frame[columns[0]].null_count()
    if missing:
        raise ConfigError(
            f"split by {by}: {missing:,} conversations have no {columns[0]}, so nobody knows what "
            "they share with others"
        )
    present = [name for name in columns if name in frame.columns]
    # Nulls may be in `other_host`, where the column may even be of type Null.
    values = pl.concat([frame[name].cast(pl.String).alias("group") for name in present])
    return values.drop_nulls().unique().sort().to_list()


def check_disjoint(train: pl.DataFrame, test: pl.DataFrame, keys: Sequence[str]) -> None:
    """Raise ConfigError if training and test share a group, or overlap in time.

    Parameters
    ----------
    train : conversations with the columns of the keys.
    test : likewise.
    keys : of ``KEYS``.

    Raises
    ------
    ConfigError : they do; the text names what they share.
    SchemaError : a column is missing.

    Examples
    --------
    >>> train, test = (pl.DataFrame({"source": names}) for names in (["a", "b"], ["b", "c"]))
    >>> check_disjoint(train, test, ["source"])
    Traceback (most recent call last):
    minewatch.errors.ConfigError: training and test share 1 source: b; split by source
    """
    for key in keys:
        if key == "time":
            _check_time(train, test)
            continue
        shared = sorted(set(groups_of(train, key)) & set(groups_of(test, key)))
        if shared:
            what = key if len(shared) == 1 else f"{key}s"
            raise ConfigError(
                f"training and test share {len(shared)} {what}: {_named(shared)}; split by {key}"
            )


def _check_time(train: pl.DataFrame, test: pl.DataFrame) -> None:
    for frame in (train, test):
        require(frame, [START, END], "split by time")
    if train.is_empty() or test.is_empty():
        return
    cut = test.select(pl.col(START).min()).item()
    late = int((train[END] >= cut).sum())
    if late:
        raise ConfigError(
            f"training and test share time: {late:,} training conversations end at {cut} ns or "
            "later, when test begins; split by time"
        )


def _columns(by: str) -> tuple[str, ...]:
    if by not in COLUMNS:
        raise ConfigError(f"split by {by}: one of {', '.join(KEYS)}")
    return COLUMNS[by]


def _counts(frame: pl.DataFrame, by: str) -> dict[str, tuple[int, int]]:
    """Return the mining and normal conversations of each group."""
    is_mining = (pl.col(LABEL) == "mining").alias("is_mining")
    counts: dict[str, tuple[int, int]] = dict.fromkeys(groups_of(frame, by), (0, 0))
    for column in _columns(by):
        if column not in frame.columns:
            continue
        rows = frame.group_by(pl.col(column).cast(pl.String), is_mining).len().drop_nulls()
        for group, mining, n in rows.iter_rows():
            before = counts[group]
            counts[group] = (before[0] + n, before[1]) if mining else (before[0], before[1] + n)
    return counts


def _parts(frame: pl.DataFrame, by: str, numbers: dict[str, int], n: int) -> list[pl.DataFrame]:
    """Return the conversations all of whose groups are in one part, by part."""
    parts = pl.lit(None, pl.Int64)
    is_split = pl.lit(value=False)
    for column in _columns(by):
        if column in frame.columns:
            own = pl.col(column).cast(pl.String).replace_strict(numbers, return_dtype=pl.Int64)
            is_split = is_split | (own != parts).fill_null(value=False)
            parts = pl.coalesce(parts, own)
    wanted = pl.when(~is_split).then(parts)
    return [frame.filter(wanted == number) for number in range(n)]


def _require_both_labels(frame: pl.DataFrame, part: pl.DataFrame, where: str, hint: str) -> None:
    missing = sorted(set(frame[LABEL].unique()) - set(part[LABEL].unique()))
    if missing:
        raise ConfigError(f"{where} has no {' and no '.join(missing)} conversation: {hint}")


def _named(groups: Sequence[str]) -> str:
    """Return the first of some names."""
    more = f" and {len(groups) - _SHOWN:,} more" if len(groups) > _SHOWN else ""
    return ", ".join(name[:80] for name in groups[:_SHOWN]) + more
