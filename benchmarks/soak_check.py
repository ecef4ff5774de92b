# SPDX-License-Identifier: Apache-2.0
"""Looks at what arrived in a soak: is everything everywhere, and once?"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soak_plan import CLOCK_STEPS_S, STEP, Plan

Pair = tuple[str, str]
Key = tuple[str, int]
HOUR_S = 3600.0
COLUMNS = "id, revision, host, pool, first_seen, updated, change, conversations"


@dataclass
class Store:
    """The tellings that a place has: (id, revision), as often as they are there."""

    name: str
    tellings: Counter[Key] = field(default_factory=Counter)
    pairs: dict[str, Pair] = field(default_factory=dict)
    """Host and pool of each id."""
    words: dict[Key, tuple[Any, ...]] = field(default_factory=dict)
    """What a telling says, as far as all places say it."""

    def add(self, row: Iterable[Any]) -> None:
        id_, revision, host, pool, *said = row
        self.tellings[id_, revision] += 1
        self.pairs[id_] = (host, pool)
        self.words[id_, revision] = tuple(said)

    def ids(self) -> dict[Pair, set[str]]:
        found: dict[Pair, set[str]] = defaultdict(set)
        for id_, pair in self.pairs.items():
            found[pair].add(id_)
        return found

    @property
    def repeated(self) -> int:
        return sum(count - 1 for count in self.tellings.values())


def of_lines(name: str, lines: Iterable[dict[str, Any]]) -> Store:
    """Return a store of alerts in minewatch's own form."""
    store = Store(name)
    for alert in lines:
        store.add(alert[column] for column in COLUMNS.split(", "))
    return store


def of_sqlite(name: str, path: Path) -> Store:
    store = Store(name)
    connection = sqlite3.connect(path)
    for row in connection.execute(f"SELECT {COLUMNS} FROM alert_revisions"):
        store.add(row)
    connection.close()
    return store


def of_postgresql(name: str, url: str) -> Store:
    import psycopg

    store = Store(name)
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        for row in connection.execute(f"SELECT {COLUMNS} FROM alert_revisions"):
            store.add(row)
    return store


def of_files(name: str, path: Path) -> Store:
    """Return what a file of JSON Lines has, and those that were turned over."""
    files = sorted(path.parent.glob(f"{path.name}*"))
    return of_lines(
        name, (json.loads(line) for file in files for line in file.read_text().splitlines())
    )


@dataclass
class Verdict:
    """What is wrong, one line each; nothing if all is well."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    explained: list[str] = field(default_factory=list)
    """Second alerts that there had to be."""


def judge(plan: Plan, stores: list[Store], databases: tuple[str, ...], verdict: Verdict) -> None:
    """Compare the stores of one watch with what had to be, and with each other."""
    everything: set[Key] = set().union(*(store.tellings.keys() for store in stores))
    for store in stores:
        missing = sorted(plan.pairs - store.ids().keys())
        verdict.lost += [f"{store.name}: no alert of {host} at {pool}" for host, pool in missing]
        for id_, revision in sorted(everything - store.tellings.keys()):
            verdict.lost.append(f"{store.name}: telling {revision} of {id_} is elsewhere only")
        if store.name in databases:
            verdict.doubled += [
                f"{store.name}: telling {revision} of {id_} is there {count} times"
                for (id_, revision), count in store.tellings.items()
                if count > 1
            ]
    first = stores[0]
    for store in stores[1:]:
        for key in first.words.keys() & store.words.keys():
            if first.words[key] != store.words[key]:
                verdict.other.append(
                    f"telling {key[1]} of {key[0]}: {first.name} says {first.words[key]}, "
                    f"{store.name} {store.words[key]}"
                )
    latest: dict[str, int] = defaultdict(int)
    for id_, revision in everything:
        latest[id_] = max(latest[id_], revision)
    for id_, last in latest.items():
        gone = [n for n in range(1, last + 1) if (id_, n) not in everything]
        verdict.lost += [f"telling {n} of {id_} is nowhere, {last} is there" for n in gone]


def judge_ids(plan: Plan, stores: list[Store], verdict: Verdict, *, has_steps: bool) -> None:
    """Look for pairs with a second alert in the stores of one watch."""
    found: dict[Pair, dict[str, str]] = defaultdict(dict)
    where: dict[Pair, list[str]] = defaultdict(list)
    for store in stores:
        for pair, ids in store.ids().items():
            if len(ids) > 1:
                where[pair].append(store.name)
                found[pair] |= {id_: str(store.words.get((id_, 1), "?")) for id_ in ids}
    for pair, ids_of_pair in sorted(found.items()):
        told = "; ".join(f"{id_[:12]} {words}" for id_, words in sorted(ids_of_pair.items()))
        line = f"{', '.join(where[pair])}: {pair[0]} at {pair[1]}: {told}"
        if has_steps and _goes_over_an_hour(plan, pair):
            verdict.explained.append(line)
        else:
            verdict.doubled.append(line)


def _goes_over_an_hour(plan: Plan, pair: Pair) -> bool:
    """Whether the data's clock jumped by an hour in the middle: what comes is another alert."""
    assert max(CLOCK_STEPS_S) >= HOUR_S
    jumps = [f.start_s for f in plan.faults if f.kind == STEP and f.step_s >= HOUR_S]
    return any(
        miner.start_s < jump <= miner.end_s
        for miner in plan.miners
        if (miner.host, miner.pool) == pair
        for jump in jumps
    )
