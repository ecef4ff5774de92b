# SPDX-License-Identifier: Apache-2.0
"""Leaves one source out at a time, and says what the models find there. Prints Markdown.

``python -m minewatch.training.evaluate LABELS [volume|paper]``. For each source the models are
fitted, calibrated and given their threshold on all the other sources, then asked about it. A
random split of the same conversations is shown beside it: the flattering number, because
conversations of one capture, host and pool then lie on both sides.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from minewatch.detectors.fusion import BASE_RATE, LABEL_THRESHOLD
from minewatch.models.model_file import CERTAIN, scored_base_rate
from minewatch.odds import from_log_odds, log_odds, logit
from minewatch.training import require_extra
from minewatch.training.algorithms import ALGORITHMS, Folds, calibrate, folds_for, raw_score
from minewatch.training.dataset import read_dataset
from minewatch.training.examples import HORIZONS, WHOLE, Examples, feature_set, training_features
from minewatch.training.metrics import PER, Rate, rate, threshold_for
from minewatch.types import BoolArray, FloatArray

FALSE_ALARMS: Final = 5
"""Per 10,000 conversations of the training part that the threshold may let through, those the
gate stopped included: a quarter of the miners at the base rate."""
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
        rate_scored = scored_base_rate(BASE_RATE, part.pass_share())
        part = part.take(part.is_ready)
        ready = test[examples.is_ready[test]]
        inner = folds_for(part.sources, part.captures, part.is_mining, seed)
        threshold = _threshold(part, out_of_fold(algorithm, part, inner, seed))
        model = calibrate(algorithm, part.values, part.is_mining, inner, seed)
        if not len(ready):
            continue
        fitted = model.calibrated_classifiers_[0].estimator
        is_over[ready] = raw_score(fitted, examples.values[ready]) > threshold
        shift = logit(rate_scored) - logit(float(part.is_mining.mean()))
        mining = log_odds(model.predict_proba(examples.values[ready])[:, 1], CERTAIN)
        probability[ready] = from_log_odds(mining + shift)
    return HeldOut(algorithm, is_over, probability)


def _threshold(part: Examples, scores: FloatArray) -> float:
    normal = scores[~part.is_mining & (part.horizons == WHOLE)]
    n_normal = len(normal) + part.stopped_by_capture(is_mining=False).total()
    return threshold_for(normal, n_normal * FALSE_ALARMS // PER)


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


def share_flagged(
    flags: BoolArray,
    examples: Examples,
    is_mining: bool,
    horizon: int = WHOLE,
    source: str | None = None,
) -> Rate:
    """Return recall (of mining) or false alarms (of normal conversations).

    Conversations that the gate stopped, and those without a feature, count as not flagged.

    Parameters
    ----------
    flags : the answers, shape (n,).
    examples : the conversations.
    is_mining : label of those to count.
    horizon : how long they were watched [intervals]; ``WHOLE`` for all of it.
    source : count one source; None for all.
    """
    keep = (examples.is_mining == is_mining) & (examples.horizons == horizon)
    if source is not None:
        keep &= examples.sources == source
    sizes = Counter(examples.captures[keep])
    if horizon == WHOLE:
        sizes += examples.stopped_by_capture(is_mining, source)
    hits = Counter(examples.captures[keep & flags])
    captures = sorted(sizes)
    return rate(np.array([hits[c] for c in captures]), np.array([sizes[c] for c in captures]))


def metrics_of(result: HeldOut, examples: Examples) -> dict[str, Any]:
    """Return the figures that a model's card holds.

    Parameters
    ----------
    result : a model's answers about sources left out.
    examples : the conversations.
    """
    return {
        "protocol": "each source left out in turn; threshold and calibration from the others",
        "false_alarms_per_10000_in_training": FALSE_ALARMS,
        "all": _figures(result, examples),
        f"after_{HORIZONS[0]}_intervals": _figures(result, examples, HORIZONS[0]),
        "by_source": {
            source: _figures(result, examples, WHOLE, source)
            for source in np.unique(examples.sources).tolist()
        },
    }


def _figures(
    result: HeldOut, examples: Examples, horizon: int = WHOLE, source: str | None = None
) -> dict[str, str]:
    figures = {}
    for name, flags in (("threshold", result.is_over), ("half", result.at_half())):
        found = share_flagged(flags, examples, True, horizon, source)
        false = share_flagged(flags, examples, False, horizon, source)
        figures[f"recall_at_{name}"] = found.as_percent()
        figures[f"false_alarms_per_10000_at_{name}"] = false.per_ten_thousand()
    return figures


def compare(examples: Examples, algorithms: Iterable[str] = tuple(ALGORITHMS)) -> Iterator[str]:
    """Yield the lines of the report.

    Parameters
    ----------
    examples : the conversations.
    algorithms : names in ``ALGORITHMS`` to try.
    """
    by_source = folds_for(examples.sources, examples.captures, examples.is_mining, 0)
    at_random = random_folds(examples)
    results = []
    yield _row("model", "recall", "false alarms per 10,000", "recall at 0.5", "false at 0.5")
    yield _row(*["---"] * 5)
    for algorithm in algorithms:
        result = held_out(algorithm, examples, by_source)
        results.append(result)
        yield _row(f"{algorithm}, source left out", *_figures(result, examples).values())
        early = _figures(result, examples, HORIZONS[0])
        yield _row(f"{algorithm}, source left out, first 5 minutes", *early.values())
        easy = held_out(algorithm, examples, at_random)
        yield _row(f"{algorithm}, random split", *_figures(easy, examples).values())
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
    yield _row(f"{result.algorithm}: left out", "recall", "false alarms per 10,000", "captures")
    yield _row(*["---"] * 4)
    for source in np.unique(examples.sources).tolist():
        found = share_flagged(result.is_over, examples, True, WHOLE, source)
        false = share_flagged(result.is_over, examples, False, WHOLE, source)
        captures = max(found.n_captures, false.n_captures)
        yield _row(source, found.as_percent(), false.per_ten_thousand(), captures)


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def main(arguments: list[str]) -> int:
    """Print the report for a labels file.

    Parameters
    ----------
    arguments : the labels file, and the feature set if it is not ``volume``.
    """
    require_extra()
    features = feature_set(arguments[1] if len(arguments) > 1 else "volume")
    examples = read_dataset(arguments[0]).examples(features, training_features(features))
    for line in compare(examples):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
