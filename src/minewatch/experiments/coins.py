# SPDX-License-Identifier: Apache-2.0
"""What is mined, told by shape: on pools never seen, on sources never seen, and split by chance.

The paper's second experiment with its traps removed: "unknown" is an answer, whose threshold is
chosen on the training side of each split, and no pool is on both sides. Some five minutes on one
core for 2,500 conversations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl

from minewatch.experiments.coin_model import model_figures
from minewatch.identify.card import QUESTIONS, THRESHOLDS, Kind
from minewatch.identify.identity import identify
from minewatch.identify.names import PAYLOAD, UNKNOWN, algorithm_family
from minewatch.training.algorithms import ObjectArray
from minewatch.training.coin_examples import (
    CoinExamples,
    coin_examples,
    grouped_folds,
    learnable,
    pool_folds,
)
from minewatch.training.coins import (
    PRECISION,
    answers_of,
    fit_trees,
    is_known,
    out_of_fold,
    thresholds_of,
)
from minewatch.training.corpus.stored import Corpus, joined
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind, view
from minewatch.types import BoolArray, FloatArray

Folds: TypeAlias = Iterable[tuple[BoolArray, BoolArray]]

RANDOM: Final = "random"
POOLS: Final = "pools never seen"
SOURCES: Final = "sources never seen"
RECORDED: Final = "recordings, learnt from simulator and lab alone"
MADE: Final = r"^(simulator-|lab-\d+$)"
"""Sources that ``minewatch simulate`` and ``minewatch lab`` made; the others were recorded."""
INPUTS: Final = (InputKind.NO_PAYLOAD, InputKind.FIRST_30, InputKind.FLOWS_60, InputKind.FLOWS_600)
HORIZONS_S: Final = (120, 600, WHOLE)
_NONE: Final = dict.fromkeys(THRESHOLDS, 0.0)
CONFUSION_S: Final = 600
"""When the confusion is counted: most of what mines is still there."""
REPEATS: Final = 500
"""Draws of pools for an interval."""


def coin_report(corpora: Sequence[Corpus], seed: int = 0) -> dict[str, Any]:
    """Return how well algorithm, dialect and family of pool are told, ready for JSON.

    Parameters
    ----------
    corpora : labelled conversations; those of which it is not known what they mine are left out.
    seed : of everything random.

    Raises
    ------
    ConfigError : mining at fewer than two pools is labelled.
    """
    corpus = joined(list(corpora))
    examples = coin_examples(corpus, INPUTS, HORIZONS_S)
    # Conversations, not views: the same one is never on both sides.
    by_chance = examples.rows["conversation"].to_numpy()
    made = {
        RANDOM: _answers(examples, grouped_folds(by_chance, examples, seed), seed),
        POOLS: _answers(examples, pool_folds(examples, seed), seed),
        SOURCES: _answers(examples, _source_folds(examples), seed),
        RECORDED: _answers(examples, _recorded_fold(examples), seed),
    }
    answered = made[POOLS]
    return {
        "seed": seed,
        "precision": PRECISION,
        "conversations": int(examples.rows["conversation"].n_unique()),
        "pools": int(examples.rows["pool"].n_unique()),
        "sources": _by_source(examples),
        "splits": {
            split: [
                _figures(examples, answers, question, kind, horizon_s, seed)
                for question in QUESTIONS
                for kind in INPUTS
                for horizon_s in HORIZONS_S
            ]
            for split, answers in made.items()
        },
        "confusion": {
            question: {
                kind.value: _confusion(examples, answered, question, kind) for kind in INPUTS
            }
            for question in QUESTIONS
        },
        "left_out_sources": _left_out(examples, made[SOURCES]),
        "novel": list(_novel(examples, seed)),
        "shipped": model_figures(examples, CONFUSION_S),
        "payload": _payload(corpus),
    }


Answers: TypeAlias = dict[str, tuple[ObjectArray, ObjectArray]]
"""By question: the likeliest answer, and the answer given; "" for a row that was in no fold."""


def _answers(examples: CoinExamples, folds: Folds, seed: int) -> Answers:
    n = len(examples.values)
    found = {q: (np.full(n, "", object), np.full(n, "", object)) for q in QUESTIONS}
    for is_train, is_test in folds:
        train = learnable(examples.take(is_train))
        if not len(train.values) or not is_test.any():
            continue
        test = examples.take(is_test)
        kinds, shares, thresholds = _fitted(train, test, seed)
        for question, (likeliest, given) in found.items():
            for array, least in ((likeliest, _NONE), (given, thresholds)):
                array[is_test] = answers_of(shares, kinds, least, question, test.has_packets)
    return found


def _fitted(
    train: CoinExamples, test: CoinExamples, seed: int
) -> tuple[tuple[Kind, ...], FloatArray, Mapping[str, float]]:
    """Return the kinds learnt, the test rows' probabilities, and thresholds of training pools."""
    fitted = fit_trees(train, seed)
    inner = out_of_fold(train, fitted.kinds, pool_folds(train, seed, n_folds=3), seed)
    thresholds = thresholds_of(train, fitted.kinds, inner)
    return fitted.kinds, fitted.shares(test.values), thresholds


def recorder_of(source: str) -> str:
    """Return who recorded a source: what is left out as one.

    Parameters
    ----------
    source : as labels call it.

    Examples
    --------
    >>> recorder_of("cj-sniffer-monero"), recorder_of("nesfit")
    ('cj-sniffer', 'nesfit')
    """
    return "cj-sniffer" if source.startswith("cj-sniffer") else source


def _recorders(examples: CoinExamples) -> ObjectArray:
    return np.array([recorder_of(source) for source in examples.rows["source"]], object)


def _source_folds(examples: CoinExamples) -> Iterator[tuple[BoolArray, BoolArray]]:
    recorders = _recorders(examples)
    for name in np.unique(recorders):
        yield recorders != name, recorders == name


def _recorded_fold(examples: CoinExamples) -> Iterator[tuple[BoolArray, BoolArray]]:
    is_made = examples.rows["source"].str.contains(MADE).to_numpy()
    yield is_made, ~is_made


def _truth(examples: CoinExamples, question: str) -> ObjectArray:
    return np.array([kind.answer(question) for kind in examples.kinds], object)


def _rows(examples: CoinExamples, kind: InputKind, horizon_s: int) -> BoolArray:
    chosen = (pl.col("input") == kind.value) & (pl.col("horizon_s") == horizon_s)
    rows: BoolArray = examples.rows.select(chosen).to_series().to_numpy()
    return rows


def _figures(
    examples: CoinExamples,
    answers: Answers,
    question: str,
    kind: InputKind,
    horizon_s: int,
    seed: int,
) -> dict[str, Any]:
    likeliest, given = answers[question]
    truth = _truth(examples, question)
    rows = _rows(examples, kind, horizon_s) & is_known(examples, question) & (given != "")
    right = likeliest == truth
    is_answered = rows & (given != UNKNOWN)
    each = [right[rows & (truth == name)].mean() for name in np.unique(truth[rows])]
    return {
        "question": question,
        "input": kind.value,
        "horizon_s": horizon_s,
        "conversations": int(rows.sum()),
        "accuracy": _mean(right[rows]),
        "accuracy_interval": _interval(right[rows], examples.rows["pool"].to_numpy()[rows], seed),
        "macro_recall": float(np.mean(each)) if each else None,
        "answered": _mean(is_answered[rows]),
        "right_of_answered": _mean((given == truth)[is_answered]),
    }


def _mean(values: BoolArray) -> float | None:
    return float(values.mean()) if len(values) else None


def _interval(right: BoolArray, pools: ObjectArray, seed: int) -> list[float] | None:
    """Return the 95 % interval of the share that is right, over draws of whole pools."""
    if not len(right):
        return None
    _, where = np.unique(pools, return_inverse=True)
    total, good = np.bincount(where), np.bincount(where, right)
    drawn = np.random.default_rng(seed).integers(0, len(total), (REPEATS, len(total)))
    shares = good[drawn].sum(axis=1) / total[drawn].sum(axis=1)
    return [float(value) for value in np.quantile(shares, (0.025, 0.975))]


def _confusion(
    examples: CoinExamples, answers: Answers, question: str, kind: InputKind
) -> dict[str, Any]:
    """Return counts by truth and answer, after ten minutes."""
    _, given = answers[question]
    rows = _rows(examples, kind, CONFUSION_S) & is_known(examples, question)
    rows &= given != ""
    truth, said = _truth(examples, question)[rows], given[rows]
    names = sorted({*truth, *said} - {UNKNOWN})
    columns = [*names, UNKNOWN]
    counts = [[int(((truth == a) & (said == b)).sum()) for b in columns] for a in names]
    return {"truth": names, "answers": columns, "counts": counts}


def _by_source(examples: CoinExamples) -> dict[str, int]:
    counted = examples.rows.group_by("source").agg(pl.col("conversation").n_unique())
    return dict(counted.sort("source").iter_rows())


def _left_out(examples: CoinExamples, answers: Answers) -> list[dict[str, Any]]:
    """Return the algorithm as told of each source left out, from packets without payload."""
    likeliest, given = answers["algorithm"]
    truth, recorders = _truth(examples, "algorithm"), _recorders(examples)
    whole = _rows(examples, InputKind.NO_PAYLOAD, WHOLE) & (given != "")
    found = []
    for name in np.unique(recorders).tolist():
        rows = whole & (recorders == name)
        answered = rows & (given != UNKNOWN)
        found.append(
            {
                "source": name,
                "conversations": int(rows.sum()),
                "algorithms": sorted(set(truth[rows])),
                "accuracy": _mean((likeliest == truth)[rows]),
                "answered": _mean(answered[rows]),
                "right_of_answered": _mean((given == truth)[answered]),
            }
        )
    return found


def _novel(examples: CoinExamples, seed: int) -> Iterator[dict[str, Any]]:
    """Yield, for each algorithm left out of training, what its conversations are then called."""
    truth = _truth(examples, "algorithm")
    pools = examples.rows["pool"].to_numpy()
    for name in np.unique(truth).tolist():
        is_out = truth == name
        seen = is_out & _rows(examples, InputKind.NO_PAYLOAD, WHOLE)
        train = learnable(examples.take(~is_out & ~np.isin(pools, pools[is_out])))
        if not seen.any() or not len(train.values):
            continue
        test = examples.take(seen)
        kinds, shares, thresholds = _fitted(train, test, seed)
        given = answers_of(shares, kinds, thresholds, "algorithm", test.has_packets)
        called, counts = np.unique(given[given != UNKNOWN], return_counts=True)
        yield {
            "algorithm": name,
            "conversations": len(given),
            "unknown": float((given == UNKNOWN).mean()),
            "most_often_called": called[counts.argmax()] if len(called) else None,
        }


def _payload(corpus: Corpus) -> dict[str, Any]:
    """Return how often the messages themselves told, and how often rightly, by the labels."""
    mining = corpus.conversations.filter(pl.col("label") == "mining")
    wanted = pl.col("conversation").is_in(mining["conversation"].implode())
    seen = view(
        Corpus(mining, corpus.packets.filter(wanted), corpus.decoded.filter(wanted)),
        InputKind.PACKETS,
    )
    told = identify(seen.conversations, np.zeros(len(seen.conversations), np.bool_))
    labels = seen.labelled
    algorithm = [
        (algorithm_family(said), algorithm_family(label))
        for said, source, label in zip(
            told["algorithm"], told["algorithm_source"], labels["algorithm"], strict=True
        )
        if said and label and source == PAYLOAD
    ]
    coin = [(a, b) for a, b in zip(told["payout_coin"], labels["coin"], strict=True) if a and b]
    return {
        "conversations": len(told),
        "dialect_read": int(told["dialect"].is_not_null().sum()),
        "algorithm_read": len(algorithm),
        "algorithm_right": sum(a == b for a, b in algorithm),
        "coin_read": len(coin),
        "coin_right": sum(a == b for a, b in coin),
    }
