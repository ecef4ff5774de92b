# SPDX-License-Identifier: Apache-2.0
"""Computes something once for a table about whose rows one question follows another."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

import polars as pl

T = TypeVar("T")


class Latest(Generic[T]):
    """What was computed for the table that was asked about last; it keeps no table alive.

    ``explain`` is asked about one row after another. Tables are not changed in place in this
    project, so a table is told by its identity.

    Parameters
    ----------
    compute : from a table to whatever is wanted of it, for all rows at once.

    Examples
    --------
    >>> height = Latest(lambda frame: print("computed") or frame.height)
    >>> frame = pl.DataFrame({"a": [1, 2]})
    >>> height.of(frame) + height.of(frame)
    computed
    4
    """

    def __init__(self, compute: Callable[[pl.DataFrame], T]) -> None:
        self._compute = compute
        self._known: tuple[weakref.ref[pl.DataFrame], T] | None = None

    def of(self, frame: pl.DataFrame) -> T:
        """Return what ``compute`` gives for ``frame``."""
        if self._known is not None and self._known[0]() is frame:
            return self._known[1]
        value = self._compute(frame)
        self._known = (weakref.ref(frame), value)
        return value
