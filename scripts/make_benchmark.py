# SPDX-License-Identifier: Apache-2.0
"""Write docs/benchmark from the scores of `minewatch evaluate`, with what we say of the misses.

    python scripts/make_benchmark.py OUT [--measured NAME=VALUE ...]

OUT is the folder that `minewatch evaluate --out OUT` wrote.
"""

import argparse
import json
import sys
from pathlib import Path

from minewatch.experiments.benchmark.evaluate import SCORES, VARIANTS
from minewatch.experiments.benchmark.report import write_report
from minewatch.experiments.benchmark.scores import read_scores

ROOT = Path(__file__).parents[1]
NOTES = ROOT / "docs" / "benchmark" / "notes.json"
"""Texts of the report: an introduction, and the analysis of each target that was missed."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scores", type=Path)
    parser.add_argument("--measured", nargs="*", default=[])
    parser.add_argument("-o", "--output", type=Path, default=NOTES.parent / "report")
    given = parser.parse_args(arguments)
    folder = given.scores / VARIANTS
    variants = {
        path.name.replace("-", " "): read_scores(path)
        for path in (sorted(folder.iterdir()) if folder.is_dir() else ())
    }
    measured = {name: float(value) for name, _, value in (m.partition("=") for m in given.measured)}
    notes = json.loads(NOTES.read_text(encoding="utf-8")) if NOTES.is_file() else {}
    scores = read_scores(given.scores / SCORES)
    found = write_report(scores, variants, given.output, "Benchmark", notes, measured=measured)
    for target in found["targets"]:
        print(target["status"], target["key"], target["measured"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
