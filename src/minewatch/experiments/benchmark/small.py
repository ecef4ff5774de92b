# SPDX-License-Identifier: Apache-2.0
"""A small benchmark without any captures: three simulated towns, each left out in turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from minewatch.experiments.benchmark.corpora import renamed
from minewatch.lab.simulator.settings import Composition
from minewatch.training.corpus.build import build_corpus
from minewatch.training.corpus.stored import Corpus, joined

TOWNS: Final[tuple[tuple[str, Composition], ...]] = (
    ("town-a", "look-alikes"),
    ("town-b", "wild"),
    ("town-c", "look-alikes"),
)
CONVERSATIONS: Final = 500
MINING: Final = 60
DAYS: Final = 0.05
SNAP_LENGTH: Final = 600


def simulated_towns(folder: Path, seed: int, on_step: Callable[[str], None]) -> Corpus:
    """Return conversations of three simulations, as if each were a recorder of its own.

    They share the simulator, so that figures on them are those of one program, not of networks.

    Parameters
    ----------
    folder : gets the captures.
    seed : of the first; the others count on.
    on_step : called with what is done next.
    """
    # Here, because the lab's dialects are many modules.
    from minewatch.lab.simulator.pcap import EngineOptions
    from minewatch.lab.simulator.population import draw
    from minewatch.lab.simulator.settings import Settings
    from minewatch.output.simulation import write_simulation

    corpora = []
    for number, (name, composition) in enumerate(TOWNS):
        on_step(f"simulating {name}")
        town = folder / name
        town.mkdir(parents=True)
        settings = Settings(CONVERSATIONS, MINING, DAYS, 8, 0.4, composition)
        population = draw(settings, seed + number)
        engine = EngineOptions(seed + number, SNAP_LENGTH, DAYS * 86_400.0)
        write_simulation(population.batches(), town, engine, "pcap")
        population.write_labels(town / "labels.tsv")
        corpora.append(renamed(build_corpus([town]), name))
    return joined(corpora)
