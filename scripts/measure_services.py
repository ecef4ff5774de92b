# SPDX-License-Identifier: Apache-2.0
"""Measures how normal services talk, for ``src/minewatch/doubt/services.json``.

The table that ships was made so::

    for seed in 303 304 305; do
        minewatch simulate --out sim$seed --conversations 20000 --mining 200 --days 1 --seed $seed
    done
    python scripts/measure_services.py sim303 sim304 sim305

``--check`` measures how often a service is recognised in a run that its ranges were not made from.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from minewatch.doubt import services
from minewatch.doubt.fit import nearest
from minewatch.features.rhythm import RhythmFeatures
from minewatch.training.corpus.build import build_corpus
from minewatch.training.corpus.views import InputKind
from minewatch.training.view_table import ViewTable, stacked, view_table

OUTPUT = Path(services.__file__).with_name(services.FILE)
HORIZONS_S = (0, 600)
"""Conversations as they ended, and after ten minutes: a verdict is looked at early or late."""
LEAST = 5
"""Values of a feature below which it has no range."""
NAMES = RhythmFeatures().feature_names


def features_of(run: str) -> ViewTable:
    corpus = build_corpus([run])
    return view_table(corpus, [RhythmFeatures()], [InputKind.PACKETS], HORIZONS_S)


def keys(table: ViewTable) -> np.ndarray:
    """Return the service of each row; a service that is asked from outside is the same service."""
    own = table.rows["service"].str.strip_suffix("-out").replace(dict(services.SAME))
    return own.to_numpy()


def measured(table: ViewTable) -> dict[str, Any]:
    found = []
    key, values = keys(table), table.values["rhythm"]
    for service in (*services.NAMES, services.MINER):
        of_service = key == service
        conversations = table.rows.filter(pl.Series(of_service)).select("source", "conversation")
        found.append(
            {
                "key": service,
                "conversations": conversations.n_unique(),
                "features": dict(ranges(values[of_service])),
            }
        )
    return {
        "format": services.FORMAT,
        "made_by": "scripts/measure_services.py over "
        + ", ".join(sorted(set(table.rows["source"]))),
        "services": [entry for entry in found if entry["features"]],
    }


def as_text(table: dict[str, Any]) -> str:
    """Return the table as JSON, one service a line: a change can be read in a diff."""
    lines = ",\n".join(json.dumps(service) for service in table["services"])
    made_by = json.dumps(table["made_by"])
    return f'{{"format": {table["format"]}, "made_by": {made_by}, "services": [\n{lines}\n]}}\n'


def ranges(values: np.ndarray) -> Any:
    for name in (*services.OF_MESSAGES, *services.OF_RECORDS):
        column = values[:, NAMES.index(name)]
        column = column[np.isfinite(column)]
        if len(column) >= LEAST:
            yield name, [float(f"{q:.4g}") for q in np.quantile(column, [0.05, 0.5, 0.95])]


def check(tables: list[ViewTable]) -> None:
    """Leave each run out in turn: is a service recognised, and a miner told from all of them?"""
    for names in (services.OF_MESSAGES, services.OF_RECORDS):
        right, total, like_miner = Counter[str](), Counter[str](), Counter[str]()
        for i, left_out in enumerate(tables):
            table = measured(stacked([*tables[:i], *tables[i + 1 :]]))
            known = services.services_of(table)
            for key, row in zip(keys(left_out), left_out.values["rhythm"], strict=True):
                values = {name: float(row[NAMES.index(name)]) for name in names}
                fits = nearest(values, known)
                if fits and key in (*services.NAMES, services.MINER):
                    total[key] += 1
                    like_miner[key] += fits[0].service.key == services.MINER
                    normal = [fit for fit in fits if fit.service.key != services.MINER]
                    right[key] += normal[0].service.key == key
        n_normal = total.total() - total[services.MINER]
        print(f"{len(names)} features: {right.total()} of {n_normal} normal ones are recognised;")
        mining, wrong = like_miner[services.MINER], like_miner.total() - like_miner[services.MINER]
        print(f"  a miner is the nearest to {wrong} of these")
        print(f"  and to {mining} of {total[services.MINER]} mining ones")
        for key in services.NAMES:
            print(f"  {key:<18} {right[key]:>5} of {total[key]:>5}, {like_miner[key]} as a miner")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", help="folders of minewatch simulate")
    parser.add_argument("--check", action="store_true", help="measure, and write nothing")
    arguments = parser.parse_args()
    tables = [features_of(run) for run in arguments.runs]
    if arguments.check:
        check(tables)
        return
    OUTPUT.write_text(as_text(measured(stacked(tables))), encoding="utf-8")


if __name__ == "__main__":
    main()
