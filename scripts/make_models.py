# SPDX-License-Identifier: Apache-2.0
"""Make the model files that ship, and the operating points of `--budget`.

    python scripts/make_models.py LABELS... [--cesnet CSV] [--cache DIR] [--scores DIR] [-o DIR]

LABELS are labels files and folders of runs, as for `minewatch evaluate`;
docs/models/training-data.md says which they were. With --scores (OUT/scores of `minewatch
evaluate`) it writes operating_points.json as well; with --only-points it leaves the models as they
are.
"""

import argparse
import sys
from pathlib import Path

from minewatch import registry
from minewatch.experiments.benchmark.corpora import read_sources
from minewatch.experiments.benchmark.evaluate import ship
from minewatch.experiments.benchmark.scores import read_scores
from minewatch.experiments.benchmark.shipping import ship_points

MODELS = Path(__file__).parents[1] / "src" / "minewatch" / "models"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labels", nargs="*")
    parser.add_argument("--cesnet")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--only-points", action="store_true")
    parser.add_argument("-o", "--output", type=Path, default=MODELS)
    given = parser.parse_args(arguments)
    if not given.only_points:
        if given.cache is not None:
            given.cache.mkdir(parents=True, exist_ok=True)
        corpus = read_sources(given.labels, given.cesnet, given.cache)
        ship(corpus, given.output, on_step=lambda step: print(step, flush=True))
    if given.scores is not None:
        names = [str(cls.name) for cls in registry.DETECTORS]
        ship_points(read_scores(given.scores), names, given.output, "minewatch evaluate")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
