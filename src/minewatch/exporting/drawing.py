# SPDX-License-Identifier: Apache-2.0
"""Chance that depends on what is drawn for and on a seed, and on no order or batch."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

UInt64Array: TypeAlias = npt.NDArray[np.uint64]

_GOLDEN: Final = np.uint64(0x9E37_79B9_7F4A_7C15)
_FIRST: Final = np.uint64(0xBF58_476D_1CE4_E5B9)
_SECOND: Final = np.uint64(0x94D0_49BB_1331_11EB)


def drawn(seed: int, *keys: npt.NDArray[np.integer]) -> UInt64Array:
    """Return 64 drawn bits for each row of ``keys``, the same for the same seed and keys.

    The bits are those of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), chained over the keys.

    Parameters
    ----------
    seed : any number.
    keys : integer arrays of one length.

    Examples
    --------
    >>> first, again, other = drawn(1, np.array([7, 7, 8]))
    >>> first == again, first == other
    (np.True_, np.False_)
    """
    state = np.full(len(keys[0]), seed & 0xFFFF_FFFF_FFFF_FFFF, np.uint64)
    for key in keys:
        state = _mixed(state ^ key.astype(np.uint64, copy=False))
    return state


def _mixed(state: UInt64Array) -> UInt64Array:
    mixed = state + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))
