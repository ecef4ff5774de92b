# SPDX-License-Identifier: Apache-2.0
"""All measures as plain data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any, Final

from minewatch.detectors.fusion import BASE_RATE
from minewatch.experiments.benchmark.findings import Findings
from minewatch.experiments.benchmark.scores import BUDGETS, FORMAT, PER
from minewatch.experiments.benchmark.targets import Target
from minewatch.experiments.paper.metrics import Interval

_DIGITS: Final = 6
_DEEP: Final = 5


def as_data(
    found: Findings, reached: Sequence[Target], title: str, notes: Mapping[str, str]
) -> dict[str, Any]:
    """Return everything that the report tells, and more, as JSON has it.

    Parameters
    ----------
    found : the measures.
    reached : the targets.
    title : of the report.
    notes : as the caller gave them.
    """
    members = {
        "format": FORMAT,
        "title": title,
        "base_rate": BASE_RATE,
        "budgets_per": PER,
        "budgets": list(BUDGETS),
        **{field.name: getattr(found, field.name) for field in fields(found)},
        "evasions": {
            name: {kind: {**plain(cell), "reaches": cell.reaches} for kind, cell in row.items()}
            for name, row in found.evasions.items()
        },
        "targets": list(reached),
        "notes": notes,
    }
    data: dict[str, Any] = plain(members)
    return data


def as_text(data: Mapping[str, Any]) -> str:
    """Return data as JSON, sorted; what lies deep is on one line.

    Parameters
    ----------
    data : of ``as_data``.

    Examples
    --------
    >>> print(as_text({"b": {"c": [1, None]}, "a": 2}), end="")
    {
     "a": 2,
     "b": {
      "c": [1, null]
     }
    }
    """
    return "\n".join(_lines(data, 0)) + "\n"


def _lines(value: Any, depth: int) -> list[str]:
    if not isinstance(value, Mapping) or not value or depth == _DEEP:
        return [json.dumps(value, sort_keys=True, allow_nan=False)]
    lines = ["{"]
    for key in sorted(value):
        first, *more = _lines(value[key], depth + 1)
        lines += [f" {json.dumps(key)}: {first}", *(f" {line}" for line in more)]
        lines[-1] += ","
    lines[-1] = lines[-1].removesuffix(",")
    return [*lines, "}"]


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it.

    An interval becomes value, low and high. NaN becomes null, and so does infinity (a median of
    those never found); numbers are cut where the rounding errors of one machine begin.

    Parameters
    ----------
    value : of dataclasses, mappings, sequences, numbers and text.

    Examples
    --------
    >>> plain({1: (float("nan"), 1 / 3, True), "x": float("inf")})
    {'1': [None, 0.333333, True], 'x': None}
    """
    if isinstance(value, Interval):
        return plain([value.value, value.low, value.high])
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value
