# SPDX-License-Identifier: Apache-2.0
"""Saves and restores a watch, whether it is of packets or of flow records."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from minewatch.watching.engine import Watch
from minewatch.watching.record_watch import RecordWatch
from minewatch.watching.saved_record_watch import load_record_watch, save_record_watch
from minewatch.watching.saved_watch import load_watch, save_watch

AnyWatch: TypeAlias = Watch | RecordWatch


def save_any(watch: AnyWatch, origin: list[str | int]) -> tuple[Any, dict[str, np.ndarray]]:
    """Return copies of all that is known, which do not change when the watch goes on.

    Parameters
    ----------
    watch : between two strikes, or while it yields at one.
    origin : what is read; empty if it cannot be read again from its start.
    """
    if isinstance(watch, RecordWatch):
        return save_record_watch(watch, origin)
    return save_watch(watch, origin)


def load_any(watch: AnyWatch, value: Any, arrays: dict[str, np.ndarray]) -> list[str | int]:
    """Let a watch go on where ``save_any`` was called; return the origin that was given there.

    Parameters
    ----------
    watch : new, of the same kind, with the same settings.
    value : the head.
    arrays : by name.

    Raises
    ------
    ValueError : they are of another watch, or do not fit together.
    """
    if isinstance(watch, RecordWatch):
        return load_record_watch(watch, value, arrays)
    return load_watch(watch, value, arrays)
