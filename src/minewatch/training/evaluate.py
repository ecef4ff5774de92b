# SPDX-License-Identifier: Apache-2.0
"""Leaves one source out at a time, and says what the models find there. Prints Markdown.

``python -m minewatch.training.evaluate LABELS [volume|paper]``. For each source the models are
fitted, calibrated and given their threshold on all the other sources, then asked about it. A
random split of the same conversations is shown beside it: the flattering number, because
conversations of one capture, host and pool then lie on both sides.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from minewatch.detectors.flowstats import FEATURE_SETS
from minewatch.detectors.fusion import BASE_RATE, LABEL_THRESHOLD
from minewatch.models.model_file import CERTAIN, logit
from minewatch.training import require_extra
from minewatch.training.algorithms import ALGORITHMS, Folds, calibrate, folds_for, raw_score
from minewatch.training.dataset import HORIZONS, WHOLE, Examples, read_dataset
from minewatch.training.metrics import Rate, rate, threshold_for
from minewatch.types import BoolArray, FloatArray

FALSE_ALARM_SHARE: Final = 0.002
"""Share of the training part's normal conversations that the threshold may let through: 4 of
2,000. Fewer would rest on one or two conversations."""
RANDOM_FOLDS: Final = 5


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a model said of conversations that it was not trained on."""

    algorithm: str
    is_over: BoolArray
    """Above the threshold chosen on the training part, shape (n,); false where not ready."""
    probability: FloatArray
    """Calibrated on the training part, at the base rate, shape (n,); NaN where not ready."""

    def at_half(self) -> BoolArray:
        """Return the conversations that this model alone would label mining, shape (n,)."""
        flagged: BoolArray = np.nan_to_num(self.probability) >= LABEL_THRESHOLD
        return flagged


def held_out(algorithm: str, examples: Examples, folds: Folds, seed: int = 0) -> HeldOut:
    """Return what a model says of each test part when trained on the rest.

    Parameters
    ----------
    algorithm : a name in ``ALGORITHMS``.
    examples : features, labels, sources and captures.
    folds : (train, test) rows.
    seed : of the algorithm.
    """
    is_over = np.zeros(len(examples), np.bool_)
    probability = np.full(len(examples), np.nan)
    for train, test in folds:
        part = examples.take(train)
        part = part.take(part.is_ready)
        ready = test[examples.is_ready[test]]
        if not len(ready):
            continue
        inner = folds_for(part.sources, part.captures, part.is_mining, seed)
        scores = out_of_fold(algorithm, part, inner, seed)
        once = part.horizons == WHOLE
        threshold = threshold_for(scores[once], part.is_mining[once], FALSE_ALARM_SHARE)
        model = calibrate(algorithm, part.values, part.is_mining, inner, seed)
        fitted = model.calibrated_classifiers_[0].estimator
        is_over[ready] = raw_score(fitted, examples.values[ready]) > threshold
        shift = logit(BASE_RATE) - logit(float(part.is_mining.mean()))
        mining = model.predict_proba(examples.values[ready])[:, 1].clip(CERTAIN, 1 - CERTAIN)
        probability[ready] = 1 / (1 + np.exp(-(np.log(mining / (1 - mining)) + shift)))
    return HeldOut(algorithm, is_over, probability)


def out_of_fold(algorithm: str, examples: Examples, folds: Folds, seed: int) -> FloatArray:
    """Return each row's score from a model that was not fitted to its fold.

    Parameters
    ----------
    algorithm : a name in ``ALGORITHMS``.
    examples : features and labels, all ready.
    folds : (train, test) rows.
    seed : of the algorithm.
    """
    scores = np.full(len(examples), np.nan)
    for train, test in folds:
        model: Any = ALGORITHMS[algorithm](seed)
        model.fit(examples.values[train], examples.is_mining[train].astype(np.int64))
        scores[test] = raw_score(model, examples.values[test])
    return scores


def random_folds(examples: Examples, seed: int = 0) -> Folds:
    """Return folds drawn by row: what this project never reports alone.

    Parameters
    ----------
    examples : the conversations.
    seed : of the draw.
    """
    from sklearn.model_selection import StratifiedKFold

    split = StratifiedKFold(RANDOM_FOLDS, shuffle=True, random_state=seed)
    return list(split.split(examples.values, examples.is_mining))


def recall(flags: BoolArray, examples: Examples, among: BoolArray) -> Rate:
    """Return the share of mining conversations flagged; one that was not ready is a miss.

    Parameters
    ----------
    flags : the answers, shape (n,).
    examples : the conversations.
    among : which of them to count, shape (n,).
    """
    keep = examples.is_mining & among
    return rate(flags[keep], examples.captures[keep])


def false_alarms(flags: BoolArray, examples: Examples, among: BoolArray) -> Rate:
    """Return the share of normal conversations flagged.

    Parameters
    ----------
    flags : the answers, shape (n,).
    examples : the conversations.
    among : which of them to count, shape (n,).
    """
    keep = ~examples.is_mining & among
    return rate(flags[keep], examples.captures[keep])


def metrics_of(result: HeldOut, examples: Examples) -> dict[str, Any]:
    """Return the figures that a model's card holds.

    Parameters
    ----------
    result : a model's answers about sources left out.
    examples : the conversations.
    """
    whole, early = examples.horizons == WHOLE, examples.horizons == HORIZONS[0]
    figures = {
        "protocol": "each source left out in turn; threshold and calibration from the others",
        "false_alarm_share_in_training": FALSE_ALARM_SHARE,
        "all": _figures(result, examples, whole),
        f"after_{HORIZONS[0]}_intervals": _figures(result, examples, early),
    }
    sources = {
        source: _figures(result, examples, whole & (examples.sources == source))
        for source in np.unique(examples.sources).tolist()
    }
    return figures | {"by_source": sources}


def _figures(result: HeldOut, examples: Examples, among: BoolArray) -> dict[str, str]:
    figures = {}
    for name, flags in (("threshold", result.is_over), ("half", result.at_half())):
        figures[f"recall_at_{name}"] = recall(flags, examples, among).as_percent()
        false = false_alarms(flags, examples, among)
        figures[f"false_alarms_per_10000_at_{name}"] = false.per_ten_thousand()
    return figures


def compare(examples: Examples, algorithms: Iterable[str] = tuple(ALGORITHMS)) -> Iterator[str]:
    """Yield the lines of the report.

    Parameters
    ----------
    examples : the conversations.
    algorithms : which of the four to try.
    """
    by_source = folds_for(examples.sources, examples.captures, examples.is_mining, 0)
    at_random = random_folds(examples)
    whole = examples.horizons == WHOLE
    results = []
    yield _row("model", "recall", "false alarms per 10,000", "recall at 0.5", "false at 0.5")
    yield _row(*["---"] * 5)
    for algorithm in algorithms:
        results.append(held_out(algorithm, examples, by_source))
        yield _row(
            f"{algorithm}, source left out", *_figures(results[-1], examples, whole).values()
        )
        easy = held_out(algorithm, examples, at_random)
        yield _row(f"{algorithm}, random split", *_figures(easy, examples, whole).values())
    for result in results:
        yield ""
        yield from source_table(result, examples)


def source_table(result: HeldOut, examples: Examples) -> Iterator[str]:
    """Yield one table: what a model found in each source when that source was left out.

    Parameters
    ----------
    result : its answers.
    examples : the conversations.
    """
    whole = examples.horizons == WHOLE
    yield _row(f"{result.algorithm}: left out", "captures", "recall", "false alarms per 10,000")
    yield _row(*["---"] * 4)
    for source in np.unique(examples.sources):
        here = whole & (examples.sources == source)
        found = recall(result.is_over, examples, here).as_percent()
        false = false_alarms(result.is_over, examples, here).per_ten_thousand()
        yield _row(source, len(np.unique(examples.captures[here])), found, false)


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def main(arguments: list[str]) -> int:
    """Print the report for a labels file.

    Parameters
    ----------
    arguments : the labels file, and the feature set if it is not ``volume``.
    """
    require_extra()
    names = arguments[1:] or ["volume"]
    features = next(found for found in FEATURE_SETS if found.name == names[0])
    examples = read_dataset(arguments[0]).examples(features)
    for line in compare(examples):
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
