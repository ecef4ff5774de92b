# SPDX-License-Identifier: Apache-2.0
"""What the benchmark measured of each kind of input: ``recall.json``, made by the benchmark.

The file is JSON::

    {"format": 1, "made_by": "the command", "captures_made_by": "that of what is no foreign log",
     "date": "2026-11-28",
     "inputs": {"aws-60s": {"title": "...", "normal": 15812, "normal_scored": 340,
        "thresholds": {"none": 0.13, "one": 0.12, "label": 0.5},
        "false_alarms": {"none": 0, "one": 1, "label": 0},
        "recalls": [{"cost": "one", "seen_s": 1800, "lasting_s": 1800, "found": 43, "mining": 55,
                     "recall": [0.78, 0.5, 0.9]}]}}}

Costs are false alarms among all those normal conversations, each with its highest score of all
moments; ``label`` is what is labelled mining without an option. ``seen_s`` 0 is all of it. The
interval of a recall (value, low, high, null where not known) is over recorders and hosts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from minewatch.errors import ConfigError

FILE: Final = "recall.json"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """A recall, with what it is of."""

    found: int
    mining: int
    low: float | None
    high: float | None

    @property
    def text(self) -> str:
        """Return it for a person.

        Examples
        --------
        >>> Measured(43, 55, 0.5, 0.9).text, Measured(3, 3, None, None).text
        ('0.78 (0.50 to 0.90), 43 of 55', '1.00, 3 of 3')
        """
        value = f"{self.found / self.mining:.2f}"
        if self.low is not None and self.high is not None:
            value += f" ({self.low:.2f} to {self.high:.2f})"
        return f"{value}, {self.found} of {self.mining}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured of one input."""

    name: str
    title: str
    normal: int
    normal_scored: int
    label_threshold: float
    """Probability from which mining is labelled without an option."""
    false_alarms: Mapping[str, int]
    recalls: Mapping[tuple[str, int, int], Measured]
    """By cost, seconds seen and seconds that mining lasts at least."""


@dataclass(frozen=True, slots=True)
class Measurements:
    """The whole file."""

    made_by: str
    """The command that measured logs."""
    captures_made_by: str
    """The one that measured captures and our own records; empty if there are none."""
    date: str
    inputs: Mapping[str, Measurement]


def shipped() -> Measurements:
    """Return what was measured when this version was made."""
    found = resources.files("minewatch.capabilities").joinpath(FILE)
    return read(found.read_text(encoding="utf-8"), FILE)


def read(text: str, name: str) -> Measurements:
    """Return measurements from a file's text.

    Parameters
    ----------
    text : JSON.
    name : of the file, for the error.

    Raises
    ------
    ConfigError : it is something else, or of another format.
    """
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise ConfigError(f"{name}: measurements of format {data['format']}; make them again")
        return Measurements(
            str(data["made_by"]),
            str(data["captures_made_by"]),
            str(data["date"]),
            {key: _measurement(key, value) for key, value in data["inputs"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{name}: no measurements ({error}); make them again") from error


def _measurement(name: str, data: Mapping[str, Any]) -> Measurement:
    recalls = {}
    for one in data["recalls"]:
        if one["mining"]:
            _, low, high = one["recall"]
            key = (str(one["cost"]), int(one["seen_s"]), int(one["lasting_s"]))
            recalls[key] = Measured(int(one["found"]), int(one["mining"]), low, high)
    return Measurement(
        name,
        str(data["title"]),
        int(data["normal"]),
        int(data["normal_scored"]),
        float(data["thresholds"]["label"]),
        {str(cost): int(n) for cost, n in data["false_alarms"].items()},
        recalls,
    )
