# SPDX-License-Identifier: Apache-2.0
"""Fits fusion's weights to detectors' scores of conversations that they were not trained on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from minewatch.detectors.fusion import Fusion, Part
from minewatch.odds import logit
from minewatch.types import BoolArray, FloatArray

SHRINKAGE = 1.0
"""Pull of each weight towards 1 (taking the detector at its word), in conversations."""


def fit_parts(
    scores: Mapping[str, FloatArray], is_mining: BoolArray, fusion: Fusion
) -> dict[str, Part]:
    """Return fusion's parts with weights of 0 or more that fit held-out scores best.

    Logistic regression on each detector's evidence, weighted so that mining has the fusion's
    prior; limits stay as they are, so evidence is clipped before it is weighed.

    Parameters
    ----------
    scores : held-out probabilities by detector, each of shape (n,), NaN where not ready.
    is_mining : labels, shape (n,), both kinds present.
    fusion : prior, limits, and the parts of detectors that have no scores here.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> is_mining = np.arange(400) < 200
    >>> coin = {"flowstats": rng.random(400)}
    >>> fit_parts(coin, is_mining, Fusion())["flowstats"].weight < 0.1
    True
    """
    from scipy.optimize import minimize

    names = sorted(scores)
    whole = {name: _unweighted(fusion.parts.get(name, fusion.stranger)) for name in names}
    evidence = Fusion(fusion.prior, whole).contributions(scores)
    columns = np.stack([evidence[name] for name in names], axis=1)
    signs = np.where(is_mining, 1.0, -1.0)
    counts = np.where(
        is_mining, fusion.prior / is_mining.sum(), (1 - fusion.prior) / (~is_mining).sum()
    ) * len(is_mining)
    offset = logit(fusion.prior)

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        margin = signs * (columns @ weights + offset)
        slope = -signs * counts / (1 + np.exp(np.clip(margin, -500, 500)))
        pull = weights - 1
        value = float(counts @ np.logaddexp(0, -margin)) + SHRINKAGE / 2 * float(pull @ pull)
        return value, columns.T @ slope + SHRINKAGE * pull

    found = minimize(loss, np.ones(len(names)), jac=True, bounds=[(0, None)] * len(names))
    fitted = {
        name: Part(float(weight), whole[name].floor, whole[name].ceiling)
        for name, weight in zip(names, found.x, strict=True)
    }
    return dict(fusion.parts) | fitted


def _unweighted(part: Part) -> Part:
    return Part(1.0, part.floor, part.ceiling)
