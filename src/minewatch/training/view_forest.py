# SPDX-License-Identifier: Apache-2.0
"""A random forest for rows of which many are views of one conversation."""

from __future__ import annotations

from typing import Any, Final

LEAST_ROWS: Final = 40
"""Rows of a leaf. A conversation occurs in some twenty rows, once for each input and moment; a
leaf with fewer holds one conversation by heart, and is as sure of it as it is wrong of others."""


def view_forest(seed: int) -> Any:
    """Return 60 bounded trees; NaN goes to the side that it fits better.

    Parameters
    ----------
    seed : of the bootstrap and the choice of features.
    """
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators=60, max_depth=8, min_samples_leaf=LEAST_ROWS, n_jobs=1, random_state=seed
    )
