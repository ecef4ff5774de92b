# SPDX-License-Identifier: Apache-2.0
"""How bits/s and packets/s can score 97 % in cross-validation and an AUC of 50.00 % in the test.

Each mechanism is a mistake made on purpose: the same models, trained on the same rows, meet test
rows that were prepared in another way. What comes out is compared with the paper's pattern.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import numpy as np

from minewatch.experiments.paper.flows import STATISTICS
from minewatch.experiments.paper.metrics import (
    auc,
    auc_as_printed,
    confusion,
    macro_f1,
)
from minewatch.experiments.paper.models import MODELS, range_scaler, score, standard_scaler
from minewatch.experiments.paper.protocol import Task, in_threads
from minewatch.experiments.paper.splits import TEST_SHARE, Split, random_split
from minewatch.types import FloatArray

Prepared: TypeAlias = tuple[FloatArray, FloatArray]
"""Features of the training rows and of the test rows, as the model gets them."""

RATES: Final = ("packets/s", "bits/s")
LEARNERS: Final = ("DT", "RFT", "KNN")
"""Models that learn something on the rates in the paper; its SVM calls everything normal."""
REPEATED: Final = ("DT", "KNN")
REPEATS: Final = 10
KEPT: Final = 0.9
"""Of what bits/packet has above a guess; it is spared if so much remains."""
COIN_GUESS: Final = 0.2
"""Macro-F1 over five coins of the paper's test on the rates, and less."""
_MS: Final = 1000.0
_OCTET: Final = 8.0


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One way to prepare test rows."""

    name: str
    about: str
    prepare: Callable[[FloatArray, FloatArray, str], Prepared]
    """From training rows, test rows and the statistic's name."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model says of test rows prepared so."""

    mechanism: str
    statistic: str
    model: str
    macro: float
    auc: float | None
    """Of scores; None for more than two classes."""
    auc_of_labels: float | None
    as_printed: float | None
    """Equation 4 to the letter, of scores."""


def _scaled(train: FloatArray, test: FloatArray, scaler: Any) -> Prepared:
    fitted = scaler.fit(train)
    return fitted.transform(train), fitted.transform(test)


def _right(train: FloatArray, test: FloatArray, _: str) -> Prepared:
    return _scaled(train, test, standard_scaler())


def _unscaled(train: FloatArray, test: FloatArray, _: str) -> Prepared:
    return standard_scaler().fit_transform(train), test


def _by_itself(train: FloatArray, test: FloatArray, _: str) -> Prepared:
    return standard_scaler().fit_transform(train), standard_scaler().fit_transform(test)


def _range_by_itself(train: FloatArray, test: FloatArray, _: str) -> Prepared:
    return range_scaler().fit_transform(train), range_scaler().fit_transform(test)


def _on_all(train: FloatArray, test: FloatArray, _: str) -> Prepared:
    scaler = standard_scaler().fit(np.concatenate([train, test]))
    return scaler.transform(train), scaler.transform(test)


def _slower(train: FloatArray, test: FloatArray, statistic: str) -> Prepared:
    factor = 1.0 if statistic == "bits/packet" else 1 / _MS
    return _scaled(train, test * factor, standard_scaler())


def _faster(train: FloatArray, test: FloatArray, statistic: str) -> Prepared:
    factor = 1.0 if statistic == "bits/packet" else _MS
    return _scaled(train, test * factor, standard_scaler())


def _other_size(train: FloatArray, test: FloatArray, statistic: str) -> Prepared:
    factor = 1.0 if statistic == "packets/s" else 1 / _OCTET
    return _scaled(train, test * factor, standard_scaler())


MECHANISMS: Final = (
    Mechanism("none", "the scaler fitted to the training part scales both parts", _right),
    Mechanism("test not scaled", "training part standardised, test part raw", _unscaled),
    Mechanism(
        "test standardised by itself",
        "`fit_transform` called on either part: each gets its own mean and deviation",
        _by_itself,
    ),
    Mechanism(
        "test brought to 0..1 by itself",
        "the same with minimum and maximum instead of mean and deviation",
        _range_by_itself,
    ),
    Mechanism("scaler fitted to all rows", "test rows take part in the scaling", _on_all),
    Mechanism(
        "training times in ms, test times in s",
        "rates of the test part a thousand times what they should be",
        _faster,
    ),
    Mechanism(
        "training times in s, test times in ms",
        "rates of the test part a thousandth of what they should be",
        _slower,
    ),
    Mechanism(
        "test sizes in octets", "bits of the test part an eighth of what they are", _other_size
    ),
)
IN_TIME: Final = "no random split: test on the last fifth in time"
BY_SERVER: Final = "no random split: test on the last servers"
HIGH_THRESHOLD: Final = "threshold above every score: always normal"
BASE_THRESHOLD: Final = "threshold at the base rate"
RIGHT: Final = MECHANISMS[0].name


def outcomes(task: Task) -> list[Outcome]:
    """Return what each model says of the test part under each mechanism.

    Parameters
    ----------
    task : the rows and their 80:20 split.
    """
    cells = [(statistic, model) for statistic in STATISTICS for model in MODELS]
    splits = ordered_splits(task)

    def one(cell: tuple[str, str]) -> list[Outcome]:
        found = _cell(task, task.split, *cell)
        for name, split in splits.items():
            found += [
                replace(outcome, mechanism=name)
                for outcome in _cell(task, split, *cell, MECHANISMS[:1])
                if outcome.mechanism == RIGHT
            ]
        return found

    return [outcome for found in in_threads(one, cells) for outcome in found]


def ordered_splits(task: Task) -> dict[str, Split]:
    """Return splits that draw nothing: the last fifth of the rows in time, and server by server.

    Parameters
    ----------
    task : the rows; an order whose two parts do not both have two classes is left out.
    """
    start = task.samples.table["flow_start_nanoseconds"].to_numpy()
    n_test = math.ceil(TEST_SHARE * len(start))
    orders = {
        IN_TIME: np.argsort(start, kind="stable"),
        BY_SERVER: np.lexsort((start, task.samples.hosts)),
    }
    splits = {name: (rows[:-n_test], rows[-n_test:]) for name, rows in orders.items()}
    return {
        name: split
        for name, split in splits.items()
        if all(len(np.unique(task.labels[rows])) > 1 for rows in split)
    }


def shifts(task: Task) -> dict[str, tuple[float, float]]:
    """Return how far miners move, outbound and inbound, if the test part is scaled by itself.

    In widths of their cloud (its standard deviation in the training part): what lies some widths
    off is no longer where it was learnt.

    Parameters
    ----------
    task : mining against normal, and its 80:20 split.
    """
    train, test = task.split
    found = {}
    for statistic in STATISTICS:
        values = task.samples.values(statistic)
        miners = values[train][task.labels[train] == 1]
        places = [
            (miners.mean(axis=0) - values[rows].mean(axis=0)) / values[rows].std(axis=0)
            for rows in (train, test)
        ]
        width = miners.std(axis=0) / values[train].std(axis=0)
        out, inbound = (np.abs(places[1] - places[0]) / width).tolist()
        found[statistic] = (out, inbound)
    return found


def repeated(task: Task) -> list[list[Outcome]]:
    """Return the outcomes of quick models on further random splits, a list each.

    Parameters
    ----------
    task : the rows; its own split is not used again.
    """
    seeds = range(task.seed + 1, task.seed + 1 + REPEATS)
    splits = [random_split(task.labels, seed) for seed in seeds]

    def one(split: Split) -> list[Outcome]:
        cells = [(statistic, model) for statistic in STATISTICS for model in REPEATED]
        return [outcome for cell in cells for outcome in _cell(task, split, *cell)]

    return in_threads(one, splits)


def _cell(
    task: Task,
    split: Split,
    statistic: str,
    model: str,
    ways: Sequence[Mechanism] = MECHANISMS,
) -> list[Outcome]:
    values = task.samples.values(statistic)
    train, test = split
    labels, n = task.labels, len(task.classes)
    found: list[Outcome] = []
    for mechanism in ways:
        seen, tested = mechanism.prepare(values[train], values[test], statistic)
        classifier = MODELS[model](task.seed).fit(seen, labels[train])
        said = classifier.predict(tested)
        scores = score(classifier, tested) if n == 2 else None
        found.append(_outcome((mechanism.name, statistic, model), labels[test], said, scores, n))
        if mechanism.name == RIGHT and scores is not None:
            share = float(np.mean(labels[train]))
            for name, labels_said in _moved(scores, share).items():
                found.append(
                    _outcome((name, statistic, model), labels[test], labels_said, scores, n)
                )
    return found


def _moved(scores: FloatArray, base_rate: float) -> Mapping[str, Any]:
    """Labels by other thresholds than the model's own."""
    n_flagged = max(1, round(base_rate * len(scores)))
    edge = np.sort(scores)[-n_flagged]
    return MappingProxyType(
        {
            HIGH_THRESHOLD: (scores > scores.max()).astype(np.int64),
            # Where few scores differ from the lowest, fewer are flagged.
            BASE_THRESHOLD: ((scores >= edge) & (scores > scores.min())).astype(np.int64),
        }
    )


def _outcome(
    cell: tuple[str, str, str],
    actual: Any,
    said: Any,
    scores: FloatArray | None,
    n: int,
) -> Outcome:
    macro = float(macro_f1(confusion(actual, said.astype(np.int64), n)))
    if scores is None:
        return Outcome(*cell, macro, None, None, None)
    is_mining = actual == 1
    return Outcome(
        *cell,
        macro,
        auc(is_mining, scores),
        auc(is_mining, said.astype(np.float64)),
        auc_as_printed(is_mining, scores),
    )


def shows_pattern(
    found: Sequence[Outcome], mechanism: str, models: Sequence[str], digits: int = 2
) -> bool:
    """Return whether a mechanism gives the paper's pattern, with the AUC taken of labels.

    That is: 50 % on both rates for every model, while bits/packet keeps nine tenths of what it
    has above 50 % when both parts are prepared as they should be.

    Parameters
    ----------
    found : outcomes on one split.
    mechanism : its name.
    models : which models must agree.
    digits : decimals to which the percentage must be 50.
    """
    areas, right = (_areas(found, name, models) for name in (mechanism, RIGHT))
    if not areas:
        return False
    is_guess = all(
        round(100 * area, digits) == 50.0
        for (statistic, _), area in areas.items()
        if statistic in RATES
    )
    keeps = all(
        areas[cell] - 0.5 >= KEPT * (right[cell] - 0.5) > 0
        for cell in areas
        if cell[0] not in RATES
    )
    return is_guess and keeps


def _areas(
    found: Sequence[Outcome], mechanism: str, models: Sequence[str]
) -> dict[tuple[str, str], float]:
    return {
        (o.statistic, o.model): o.auc_of_labels
        for o in found
        if o.mechanism == mechanism and o.model in models and o.auc_of_labels is not None
    }


def shows_coin_pattern(found: Sequence[Outcome], mechanism: str) -> bool:
    """Return whether a mechanism gives the paper's pattern of the coin test.

    That is, in the mean of the models: at most ``COIN_GUESS`` on both rates, more than that when
    both parts are prepared as they should be, and bits/packet kept.

    Parameters
    ----------
    found : outcomes of the coin experiment.
    mechanism : its name.
    """
    own, right = (_means(found, name) for name in (mechanism, RIGHT))
    if not own:
        return False
    falls = all(own[rate] <= COIN_GUESS < right[rate] for rate in RATES)
    return falls and own["bits/packet"] >= KEPT * right["bits/packet"]


def _means(found: Sequence[Outcome], mechanism: str) -> dict[str, float]:
    own = [o for o in found if o.mechanism == mechanism]
    return {
        statistic: float(np.mean([o.macro for o in own if o.statistic == statistic]))
        for statistic in (STATISTICS if own else ())
    }
