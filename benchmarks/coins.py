# SPDX-License-Identifier: Apache-2.0
"""Measure how well what is mined is told by shape, and write it as a page.

    python benchmarks/coins.py CORPUS... -o docs/benchmark/coins.md

CORPUS is a folder of ``training.corpus.stored.Corpus.write``, a folder that a simulation or a lab
run made, or a labels file (``scripts/make_labels.py FOLDER``). ``--model FILE`` also fits the model
that ships. Half an hour on one core for 2,500 mining conversations; the same corpora and seed give
the same page.
"""

import argparse
import json
import sys
from pathlib import Path

from minewatch.experiments.coin_page import coin_page
from minewatch.experiments.coins import coin_report
from minewatch.training.coins import fit_coins
from minewatch.training.corpus.build import build_corpus
from minewatch.training.corpus.stored import Corpus, joined, read_corpus
from minewatch.training.corpus.tables import CONVERSATIONS


def corpus_of(path: Path) -> Corpus:
    """Read a corpus, or the captures of a labels file."""
    return read_corpus(path) if (path / CONVERSATIONS).is_file() else build_corpus([path])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", nargs="+", type=Path, metavar="CORPUS")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="page; else to the terminal")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures")
    parser.add_argument("--model", type=Path, metavar="FILE", help="fit the model too")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    corpora = [corpus_of(path) for path in asked.corpora]
    if asked.model:
        asked.model.write_bytes(fit_coins(joined(corpora), asked.seed))
    report = coin_report(corpora, asked.seed)
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=1, allow_nan=False), encoding="utf-8")
    names = " ".join(path.name for path in asked.corpora)
    command = f"python benchmarks/coins.py {names} -o docs/benchmark/coins.md"
    text = coin_page(report, f"{command} --seed {asked.seed}" if asked.seed else command)
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
