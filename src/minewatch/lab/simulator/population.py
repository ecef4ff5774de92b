# SPDX-License-Identifier: Apache-2.0
"""A whole population of conversations: drawn from a seed, told in batches, labelled by rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

import numpy as np

from minewatch.lab.simulator.assembly import Piece, assemble
from minewatch.lab.simulator.engagements import Engagement, draw_engagements
from minewatch.lab.simulator.labels import CAPTURE, write_labels
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.mining_part import Mining, make_part, mining_ends
from minewatch.lab.simulator.normal import KINDS, TrafficKind
from minewatch.lab.simulator.paths import draw_paths
from minewatch.lab.simulator.schedule import MINING, Schedule, draw_schedule
from minewatch.lab.simulator.script import TCP, FloatArray, IntArray, Script
from minewatch.lab.simulator.settings import Composition, Settings
from minewatch.lab.simulator.truth import Truth
from minewatch.lab.simulator.ventures import Venture, draw_ventures
from minewatch.lab.simulator.world import World

BACKGROUND: Final = frozenset(
    "scan-refused scan-unanswered scan-silent scan-probe scan-datagram ssh-guess dns ntp"
    " package-updates ssh-interactive ssh-idle".split()
)
"""What comes to and from a server that has no work but mining: composition ``paper``. Strangers,
names, time, updates, and the person who looks after it; no application of its own."""


LOOK_ALIKE_WEIGHT: Final = 250.0
OTHER_WEIGHT: Final = 60.0
"""Weights in composition ``look-alikes``: every long-lived service is as common as any other, and
four times as common as the commonest of the rest. Chosen."""


class Population:
    """Conversations in batches; made by `draw`.

    Attributes
    ----------
    settings : as asked for.
    seed : what it was drawn from.
    kinds : of normal traffic that occur.
    ventures : who mines where.
    engagements : the mining conversations, sorted by start.
    world : addresses.
    """

    def __init__(self, settings: Settings, seed: int) -> None:
        # Here, because dialects are many modules and most users of this one want none of them.
        from minewatch.lab.dialects import DIALECTS

        self.settings = settings
        self.seed = seed
        self.kinds: tuple[TrafficKind, ...] = kinds_of(settings.composition)
        rng = np.random.default_rng([seed, 0])
        words = Random(f"{seed} ventures")
        self.world = World(settings.servers, self.kinds, rng)
        self.ventures: list[Venture] = draw_ventures(
            settings, self.world, tuple(DIALECTS), rng, words
        )
        self.engagements: list[Engagement] = draw_engagements(settings, self.ventures, rng)
        self._schedule: Schedule = draw_schedule(settings, self.kinds, self.engagements, rng)
        self._mining = Mining(settings, seed, self.ventures, DIALECTS)
        # Each kind of service has its busy and its quiet servers.
        self._popularity = rng.dirichlet(np.ones(settings.servers), len(self.kinds))
        self._truth = Truth()

    def batches(self) -> Iterator[Script]:
        """Yield scripts, ordered by start over all of them; may be called again."""
        self._truth = Truth()
        done = [0] * len(self.kinds)
        for number, part in enumerate(self._schedule.batches()):
            script, kind, engagement = self._batch(number, part, done)
            mined = [self.engagements[i] if i >= 0 else None for i in engagement.tolist()]
            venture = np.array([e.venture if e else -1 for e in mined], np.int32)
            place = np.array([e.place if e else -1 for e in mined], np.int8)
            self._truth.add(script.conversations, kind.astype(np.int16), venture, place)
            yield script

    def write_labels(self, path: Path, *, capture: str = CAPTURE) -> None:
        """Write the labels file of a capture that lies beside it.

        Parameters
        ----------
        path : file to write.
        capture : the labelled file, from the labels file's folder.
        """
        source = f"simulator-{self.settings.composition}-{self.seed}"
        write_labels(path, self.ventures, self.kinds, self.world, capture=capture, source=source)

    def write_truth(self, path: Path) -> None:
        """Write one row for each conversation of the batches taken so far.

        Parameters
        ----------
        path : a name that ends with ``.parquet`` or ``.csv``.

        Raises
        ------
        ConfigError : no batch was taken, or the name ends otherwise.
        """
        self._truth.write(path, self.kinds, self.ventures, self.world.servers)

    def _batch(
        self, number: int, part: slice, done: list[int]
    ) -> tuple[Script, IntArray, IntArray]:
        """Return a script, and kind and mining conversation of each of its rows."""
        start = self._schedule.start_s[part]
        kind = self._schedule.kind[part].astype(np.int64)
        engagement = self._schedule.engagement[part].astype(np.int64)
        pieces, rows = [], []
        for which in np.unique(kind).tolist():
            those = np.flatnonzero(kind == which)
            rows.append(those)
            if which == MINING:
                chosen = [self.engagements[i] for i in engagement[those].tolist()]
                paths, made = make_part(self._mining, chosen)
                ends = mining_ends(self._mining, self.world, chosen)
                pieces.append(Piece(TCP, ends, paths, made))
                continue
            rng = np.random.default_rng([self.seed, 1, number, which])
            pieces.append(self._normal(which, start[those], done[which], rng))
            done[which] += len(those)
        script, order = assemble(pieces, self.settings.start_s)
        joined = np.concatenate(rows)[order]
        return script, kind[joined], engagement[joined]

    def _normal(self, which: int, start_s: FloatArray, first: int, rng: Rng) -> Piece:
        kind = self.kinds[which]
        n = len(start_s)
        servers = rng.choice(self.settings.servers, n, p=self._popularity[which])
        ends = self.world.ends(which, first, servers)
        paths = draw_paths(rng, start_s, kind.realm, is_initiator_home=kind.is_outbound)
        return Piece(kind.protocol, ends, paths, kind.generate(rng, paths, self.settings.horizon_s))


def kinds_of(composition: Composition) -> tuple[TrafficKind, ...]:
    """Return the kinds of normal traffic of a composition, with their weights there.

    Parameters
    ----------
    composition : what the population shall be like.
    """
    if composition == "paper":
        return tuple(kind for kind in KINDS if kind.service in BACKGROUND)
    if composition == "look-alikes":
        return tuple(replace(kind, weight=_look_alike_weight(kind)) for kind in KINDS)
    return KINDS


def _look_alike_weight(kind: TrafficKind) -> float:
    if kind.is_long_lived:
        return LOOK_ALIKE_WEIGHT
    return min(kind.weight, OTHER_WEIGHT)


def draw(settings: Settings, seed: int) -> Population:
    """Draw a population; the same settings and seed give the same.

    Parameters
    ----------
    settings : how many conversations, of what composition.
    seed : 0 or more.
    """
    return Population(settings, seed)
