# SPDX-License-Identifier: Apache-2.0
"""The paper's protocol on one plot, and the same models under the honest split."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np

from minewatch.experiments.paper.flows import STATISTICS
from minewatch.experiments.paper.metrics import (
    Interval,
    auc_by_host,
    by_host,
    class_f1,
    confusion,
    macro_f1,
    ranks,
)
from minewatch.experiments.paper.models import MODELS, fitted, score
from minewatch.experiments.paper.samples import IntArray, Samples
from minewatch.experiments.paper.splits import Honest, Split, as_few_at_random
from minewatch.types import BoolArray, FloatArray

T = TypeVar("T")
R = TypeVar("R")

JOBS: Final = min(2, os.cpu_count() or 1)
"""Models fitted at once; each is a thread, because scikit-learn lets the interpreter go."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be told apart, and how its rows are split."""

    samples: Samples
    labels: IntArray
    classes: tuple[str, ...]
    split: Split
    folds: Sequence[Split]
    """Rows of the training part, by their place in it."""
    honest: Honest
    seed: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One model on some test rows."""

    macro: Interval
    """Macro-F1: what the paper reports."""
    by_class: dict[str, Interval] = field(default_factory=dict)
    """F1 of each class."""
    auc: Interval | None = None
    """Of scores; two classes only."""
    auc_of_labels: Interval | None = None
    """Of the labels said, as 0 and 1."""
    rows: int = 0
    matrix: tuple[tuple[int, ...], ...] = ()
    """Confusion matrix: row is the right class, column what was said."""


@dataclass(frozen=True, slots=True)
class Result:
    """One cell of a table: a model on a statistic."""

    model: str
    statistic: str
    cross_validation: Measured
    folds: tuple[float, ...]
    """Macro-F1 of each fold; their mean is the estimate."""
    test: Measured
    honest: Measured | None
    """None if there are no rows to hold out."""
    as_few: Measured | None
    """The honest split's control: its test rows, after as few training rows, drawn at random."""


@dataclass(slots=True)
class _Said:
    """Predictions collected over folds or rotations."""

    rows: list[IntArray] = field(default_factory=list)
    labels: list[IntArray] = field(default_factory=list)
    scores: list[FloatArray] = field(default_factory=list)


def in_threads(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return the results of ``work`` in the order of the items, some computed at once.

    Parameters
    ----------
    work : must not change what others see.
    items : one call each.
    """
    with ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(work, items))


def run(task: Task, models: Sequence[str] = (*MODELS,), logarithms: bool = False) -> list[Result]:
    """Return a result for each model and statistic, in the order of the paper's Table I.

    Parameters
    ----------
    task : rows, labels and splits.
    models : some of ``models.MODELS``.
    logarithms : give the models the logarithms of the features.
    """
    cells = [(model, statistic) for model in models for statistic in STATISTICS]
    return in_threads(lambda cell: _cell(task, *cell, logarithms), cells)


def _cell(task: Task, model: str, statistic: str, logarithms: bool) -> Result:
    values = task.samples.values(statistic)
    values = np.log10(values) if logarithms else values
    train, test = task.split
    folds = [(train[a], train[b]) for a, b in task.folds]
    validated = _predict(task, model, values, folds)
    per_fold = [
        float(macro_f1(confusion(task.labels[rows], said, len(task.classes))))
        for rows, said in zip(validated.rows, validated.labels, strict=True)
    ]
    cross_validation = _measured(task, validated, value=float(np.mean(per_fold)))
    tested = _measured(task, _predict(task, model, values, [(train, test)]))
    rotations = task.honest.splits
    honest = as_few = None
    if rotations:
        honest = _measured(task, _predict(task, model, values, rotations))
        control = as_few_at_random(task.labels, rotations, task.seed)
        as_few = _measured(task, _predict(task, model, values, control))
    return Result(model, statistic, cross_validation, tuple(per_fold), tested, honest, as_few)


def _predict(task: Task, model: str, values: FloatArray, splits: Sequence[Split]) -> _Said:
    said = _Said()
    for train, test in splits:
        known = np.unique(task.labels[train])
        if len(known) == 1:  # nothing to learn: everything is that class
            labels, scores = np.full(len(test), known[0]), np.zeros(len(test))
        else:
            classifier = fitted(model, values[train], task.labels[train], task.seed)
            labels = classifier.predict(values[test])
            scores = score(classifier, values[test]) if len(task.classes) == 2 else labels
        said.rows.append(test.astype(np.int64))
        said.labels.append(labels.astype(np.int64))
        said.scores.append(scores.astype(np.float64))
    return said


def _measured(task: Task, said: _Said, value: float | None = None) -> Measured:
    rows, labels = np.concatenate(said.rows), np.concatenate(said.labels)
    n, hosts = len(task.classes), task.samples.hosts[rows]
    actual = task.labels[rows]
    whole = confusion(actual, labels, n)
    matrices = np.stack(
        [confusion(actual[hosts == h], labels[hosts == h], n) for h in np.unique(hosts)]
    )
    value = float(macro_f1(whole)) if value is None else value
    by_class = {}
    for k, name in enumerate(task.classes):
        own = float(class_f1(whole)[k])
        by_class[name] = by_host(own, matrices, lambda m, k=k: class_f1(m)[..., k], task.seed)  # type: ignore[misc]
    auc, auc_of_labels = _areas(actual == 1, said, hosts, task.seed) if n == 2 else (None, None)
    return Measured(
        by_host(value, matrices, macro_f1, task.seed),
        by_class,
        auc,
        auc_of_labels,
        len(rows),
        tuple(tuple(int(count) for count in row) for row in whole),
    )


def _areas(
    is_mining: BoolArray, said: _Said, hosts: IntArray, seed: int
) -> tuple[Interval, Interval]:
    """AUC of scores and of labels; scores of several models are compared by rank within each."""
    scores = [ranks(s) / len(s) for s in said.scores] if len(said.scores) > 1 else said.scores
    labels = np.concatenate(said.labels).astype(np.float64)
    return (
        auc_by_host(is_mining, np.concatenate(scores), hosts, seed),
        auc_by_host(is_mining, labels, hosts, seed),
    )
