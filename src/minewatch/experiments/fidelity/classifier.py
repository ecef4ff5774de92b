# SPDX-License-Identifier: Apache-2.0
"""Classifier two-sample test: whether a forest can tell one source's windows from another's.

An AUC of 0.5 means that it cannot; 1.0 that every window gives itself away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from minewatch.experiments.fidelity.observations import LEAST_OCTETS, WINDOW_S
from minewatch.types import BoolArray, FloatArray

MOST_WINDOWS: Final = 6
"""Windows of one conversation that take part."""
FOLDS: Final = 5
TREES: Final = 200
DEALS: Final = 12
"""Random deals of the conversations that show what AUC chance gives."""

FEATURES: Final = (
    "sent packets",
    "received packets",
    "sent octets",
    "received octets",
    "sent data packets",
    "received data packets",
    "median sent payload",
    "highest sent payload",
    "median received payload",
    "highest received payload",
    "shares",
    "jobs",
    "median share gap",
    "median job gap",
    "longest job gap",
    "median answer lag",
    "longest silence",
    "sent packets without data",
    "received packets without data",
)


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of traffic as rows of features."""

    values: FloatArray
    """Shape (n, len(FEATURES)); a feature that a window does not have is NaN."""
    groups: FloatArray
    """Conversation of each, shape (n,)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the test says."""

    auc: float
    chance: tuple[float, float]
    """Least and most AUC when conversations are dealt to the sources at random."""
    windows: tuple[int, int]
    conversations: tuple[int, int]
    telling: tuple[tuple[str, float], ...]
    """Features by how far one of them alone tells the sources apart: AUC, 0.5 to 1."""


def windows(packets: pl.DataFrame, seed: int = 0) -> Windows:
    """Return up to ``MOST_WINDOWS`` whole windows of each conversation.

    Parameters
    ----------
    packets : what ``mining_packets`` returns, of one source.
    seed : of the choice among a conversation's windows.
    """
    rng = np.random.default_rng(seed)
    rows, groups = [], []
    for (number,), part in packets.group_by("conversation", maintain_order=True):
        count = int(part["time_s"].max() // WINDOW_S)  # type: ignore[operator]
        chosen = np.arange(count)
        if count > MOST_WINDOWS:
            chosen = np.sort(rng.choice(count, MOST_WINDOWS, replace=False))
        for window in chosen:
            rows.append(_features(part, float(window) * WINDOW_S))
            groups.append(number)
    return Windows(np.array(rows, float).reshape(-1, len(FEATURES)), np.array(groups, float))


def _features(packets: pl.DataFrame, start_s: float) -> list[float]:
    part = packets.filter(pl.col("time_s").is_between(start_s, start_s + WINDOW_S, closed="left"))
    time_s = part["time_s"].to_numpy()
    sent = part["from_miner"].to_numpy()
    payload = part["payload_octets"].to_numpy()
    octets = part["octets"].to_numpy()
    has_data = payload > 0
    share = time_s[sent & (payload >= LEAST_OCTETS)]
    job = time_s[~sent & (payload >= LEAST_OCTETS)]
    return [
        float(sent.sum()),
        float((~sent).sum()),
        float(octets[sent].sum()),
        float(octets[~sent].sum()),
        float((sent & has_data).sum()),
        float((~sent & has_data).sum()),
        *_middle_and_top(payload[sent & has_data]),
        *_middle_and_top(payload[~sent & has_data]),
        float(len(share)),
        float(len(job)),
        _median(np.diff(share)),
        *_middle_and_top(np.diff(job)),
        _median(_lags(time_s, sent, has_data)),
        float(np.diff(time_s).max()) if len(time_s) > 1 else float("nan"),
        float((sent & ~has_data).sum()),
        float((~sent & ~has_data).sum()),
    ]


def _lags(time_s: FloatArray, sent: BoolArray, has_data: BoolArray) -> FloatArray:
    """Time from each data packet of the miner to the pool's next one."""
    asked, answered = time_s[sent & has_data], time_s[~sent & has_data]
    after = np.searchsorted(answered, asked)
    known = after < len(answered)
    lags: FloatArray = answered[after[known]] - asked[known]
    return lags


def _median(values: FloatArray) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _middle_and_top(values: FloatArray) -> tuple[float, float]:
    return _median(values), float(values.max()) if len(values) else float("nan")


def compare(a: Windows, b: Windows, seed: int = 0) -> Outcome:
    """Tell two sets of windows apart by a forest, conversations never shared between folds.

    Parameters
    ----------
    a, b : windows of two sources; each of as many conversations as there are folds, or more.
    seed : of the forest, the folds and the random deals.
    """
    from sklearn.metrics import roc_auc_score

    values = np.nan_to_num(np.vstack([a.values, b.values]), nan=-1.0)
    is_b = np.repeat([0, 1], [len(a.values), len(b.values)])
    groups = np.concatenate([a.groups, b.groups + a.groups.max() + 1])
    auc = _auc(values, is_b, groups, TREES, seed)
    # Conversations left out leave more of their kind on the other side: chance is not always 0.5.
    rng = np.random.default_rng(seed)
    names, first = np.unique(groups, return_index=True)
    row_of = np.searchsorted(names, groups)
    dealt = [
        _auc(values, rng.permutation(is_b[first])[row_of], groups, TREES // 4, seed)
        for _ in range(DEALS)
    ]
    alone = [roc_auc_score(is_b, values[:, column]) for column in range(len(FEATURES))]
    telling = sorted(
        ((name, max(auc, 1 - auc)) for name, auc in zip(FEATURES, alone, strict=True)),
        key=lambda item: -item[1],
    )
    return Outcome(
        auc,
        (min(dealt), max(dealt)),
        (len(a.values), len(b.values)),
        (len(set(a.groups)), len(set(b.groups))),
        tuple((name, float(auc)) for name, auc in telling),
    )


def _auc(
    values: FloatArray, is_b: npt.NDArray[np.int64], groups: FloatArray, trees: int, seed: int
) -> float:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    forest = ExtraTreesClassifier(
        trees, class_weight="balanced", min_samples_leaf=2, random_state=seed
    )
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    guess = cross_val_predict(forest, values, is_b, groups=groups, cv=folds, method="predict_proba")
    return float(roc_auc_score(is_b, guess[:, 1]))
