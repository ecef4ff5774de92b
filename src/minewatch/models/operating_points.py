# SPDX-License-Identifier: Apache-2.0
"""Which threshold keeps to a budget of false alarms: measured points, and the choice of one.

The file is JSON::

    {"format": 1,
     "made_by": "the command that made it",
     "sources": [{"name": "...", "benign_conversations": 1000}],
     "conversations_per_host_day": {"value": 843.4, "source": "where the figure comes from"},
     "detectors": ["signature", ...],
     "models": {"flowstats.onnx": "sha256 in hexadecimal"},
     "inputs": {"packets": {"benign_conversations": 1000, "points": [
         {"threshold": 0.5, "false_alarms": 3, "per_100000": 300.0, "low": 61.9, "high": 874.2}]}}}

``low`` and ``high`` bound the false alarms per 100,000 benign conversations at 95 %. Points rise in
``threshold``. Scores mean something else with other detectors or models, so that the points are
refused with any other.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from minewatch.errors import ConfigError, ModelError
from minewatch.models.budget import Budget, rounded_up

FORMAT: Final = 1
FILE: Final = "operating_points.json"
MAX_OCTETS: Final = 1 << 20
MAX_POINTS: Final = 1_000
CAPTURE_INPUTS: Final = ("packets", "packets-without-payload")
"""What a capture may turn out to be: with payload kept, or cut to its headers."""
FLOW_LOG_INPUTS: Final = ("flow-log-60s", "flow-log-600s")
"""What flow logs may turn out to be."""
AGAIN: Final = "make it again with the benchmark"


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured at one threshold."""

    threshold: float
    false_alarms: int
    """Benign conversations at or above it."""
    per_100000: float
    """The same, per 100,000 benign conversations, those that the gate stops among them."""
    low: float
    """Lower bound of it, 95 %."""
    high: float
    """Upper bound of it, 95 %: what can be promised."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A threshold, and what it promises."""

    threshold: float
    sentence: str
    """For a person."""


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """The points of every kind of input.

    Parameters
    ----------
    path : the file.
    inputs : points by kind of input, rising in threshold.
    benign : benign conversations that were measured, by kind of input.
    per_host_day : benign conversations of a host in a day, assumed.
    per_host_day_source : where that figure comes from.
    sources : names of what was measured.
    detectors : names of the detectors that were fused, sorted.
    models : SHA-256 of each model file that ships, by name.
    """

    path: str
    inputs: Mapping[str, Sequence[Point]]
    benign: Mapping[str, int]
    per_host_day: float
    per_host_day_source: str
    sources: tuple[str, ...]
    detectors: tuple[str, ...]
    models: Mapping[str, str]

    def require_same(self, detectors: Sequence[str], models: Mapping[str, str]) -> None:
        """Refuse detectors or models that the points were not measured with.

        Parameters
        ----------
        detectors : names of those in use.
        models : SHA-256 of the model files in use.

        Raises
        ------
        ConfigError : they differ.
        """
        cure = f"use --threshold, or {AGAIN}"
        if odd := set(detectors) ^ set(self.detectors):
            names = ", ".join(sorted(odd))
            raise ConfigError(f"--budget: not measured with the same detectors ({names}): {cure}")
        same = dict(models) == dict(self.models)
        if not same:
            odd = {name for name, _ in set(models.items()) ^ set(self.models.items())}
            names = ", ".join(sorted(odd))
            raise ConfigError(f"--budget: not measured with the same models ({names}): {cure}")

    def choose(self, budget: Budget, kinds: Sequence[str] = CAPTURE_INPUTS) -> Choice:
        """Return the lowest threshold that keeps to a budget, whichever the kind of input.

        A point keeps to it if its upper bound does. Between points nothing was measured, so that
        the higher one is taken.

        Parameters
        ----------
        budget : false alarms.
        kinds : what the input may be; those that were measured count.

        Raises
        ------
        ConfigError : none of the kinds was measured, or the budget is below what can be promised.
        """
        measured = [kind for kind in kinds if kind in self.inputs]
        if not measured:
            raise ConfigError(f"--budget: not measured for {' or '.join(kinds)}: use --threshold")
        limit = budget.per_100000(self.per_host_day)
        chosen = [self._lowest(kind, budget, limit) for kind in measured]
        best = max(chosen, key=lambda point: point.threshold)
        most = max(point.high for point in chosen)
        return Choice(best.threshold, self._promise(best, most, budget))

    def quiet_threshold(self, kinds: Sequence[str]) -> float:
        """Return the lowest threshold at which no benign conversation was labelled, of any kind.

        Parameters
        ----------
        kinds : what the input may be; those that were measured count.

        Raises
        ------
        ConfigError : none of the kinds was measured, or none is without a false alarm.
        """
        quiet = [
            min((p.threshold for p in self.inputs[kind] if not p.false_alarms), default=None)
            for kind in kinds
            if kind in self.inputs
        ]
        known = [threshold for threshold in quiet if threshold is not None]
        if not known or len(known) < len(quiet):
            raise ConfigError(f"no quiet threshold was measured for {' or '.join(kinds)}")
        return max(known)

    def _lowest(self, kind: str, budget: Budget, limit: float) -> Point:
        for point in self.inputs[kind]:
            if point.high <= limit:
                return point
        best = min(self.inputs[kind], key=lambda point: point.high)
        promised = budget.in_its_unit(best.high, self.per_host_day)
        raise ConfigError(
            f"--budget: the lowest that can be promised for {kind} is {promised} "
            f"({best.false_alarms:,} false alarms in {self.benign[kind]:,} benign conversations "
            "were seen): ask for that or more"
        )

    def _promise(self, best: Point, most: float, budget: Budget) -> str:
        rate = rounded_up(most)
        days = ""
        if budget.in_its_unit(most, self.per_host_day) != f"{rate}/{budget.unit}":
            days = (
                f", {budget.in_its_unit(most, self.per_host_day)} at {self.per_host_day:,.0f} "
                f"conversations a host and day ({self.per_host_day_source})"
            )
        return (
            f"threshold {best.threshold:.6g}: at most {rate} false alarms per 100,000 benign "
            f"conversations with 95 % confidence{days}; measured on {', '.join(self.sources)}"
        )


def shipped_points() -> OperatingPoints:
    """Return the points that ship with minewatch.

    Raises
    ------
    ConfigError : none ship.
    ModelError : they are damaged.
    """
    path = _folder() / FILE
    if not path.is_file():
        raise ConfigError("--budget: no operating points ship with this version: use --threshold")
    return read_points(path)


def shipped_hashes() -> dict[str, str]:
    """Return the SHA-256 of each model file that ships, by name."""
    files = sorted(_folder().glob("*.onnx"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def quiet_log_threshold(detectors: Sequence[str]) -> float | None:
    """Return the default threshold of flow logs: few miners reach 0.5 there, and no benign did.

    None, which stands for the threshold of captures, if nothing was measured with these
    detectors and the models that ship.

    Parameters
    ----------
    detectors : names of those that count.

    Raises
    ------
    ModelError : the points that ship are damaged.
    """
    try:
        points = shipped_points()
        points.require_same(detectors, shipped_hashes())
        return points.quiet_threshold(FLOW_LOG_INPUTS)
    except ConfigError:
        return None


def _folder() -> Path:
    return Path(str(resources.files("minewatch.models")))


def read_points(path: str | Path) -> OperatingPoints:
    """Return the points of a file.

    Parameters
    ----------
    path : JSON, as the module describes it.

    Raises
    ------
    ModelError : it cannot be read, or is not such a file.
    """
    try:
        with open(path, "rb") as file:
            octets = file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}): {AGAIN}") from error
    try:
        if len(octets) > MAX_OCTETS:
            raise ValueError(f"larger than {MAX_OCTETS} octets")
        return _points(str(path), json.loads(octets))
    except KeyError as error:
        raise ModelError(f"{path}: {error.args[0]} is missing: {AGAIN}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: {error}: {AGAIN}") from error


def _points(path: str, data: object) -> OperatingPoints:
    top = _object(data, "the file")
    if top["format"] != FORMAT:
        raise ValueError(f"format {str(top['format'])[:20]} instead of {FORMAT}")
    inputs, benign = {}, {}
    for kind, given in _object(top["inputs"], "inputs").items():
        values = _object(given, kind)
        benign[kind] = int(_number(values["benign_conversations"], "benign_conversations", 1))
        inputs[kind] = _rising(kind, _list(values["points"], kind))
    if not inputs:
        raise ValueError("inputs are empty")
    host_day = _object(top["conversations_per_host_day"], "conversations_per_host_day")
    models = _object(top["models"], "models")
    for name, digest in models.items():
        if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise ValueError(f"models: {name[:40]} has no SHA-256")
    return OperatingPoints(
        path=path,
        inputs=inputs,
        benign=benign,
        per_host_day=_number(host_day["value"], "conversations_per_host_day", 1e-3),
        per_host_day_source=_text(host_day["source"], "source"),
        sources=tuple(
            _text(_object(one, "source")["name"], "name")
            for one in _list(top["sources"], "sources")
        ),
        detectors=tuple(sorted(_text(n, "detector") for n in _list(top["detectors"], "detectors"))),
        models=models,
    )


def _rising(kind: str, given: Sequence[object]) -> tuple[Point, ...]:
    """The points of one kind: thresholds rise, and no bound rises with them."""
    points = tuple(_point(_object(one, "point")) for one in given)
    if not 0 < len(points) <= MAX_POINTS:
        raise ValueError(f"{kind}: {len(points)} points instead of 1 to {MAX_POINTS}")
    for before, after in itertools.pairwise(points):
        if after.threshold <= before.threshold or after.high > before.high:
            raise ValueError(f"{kind}: threshold {after.threshold} is out of order")
    return points


def _point(data: Mapping[str, Any]) -> Point:
    names = ("threshold", "false_alarms", "per_100000", "low", "high")
    threshold, alarms, rate, low, high = (_number(data[name], name, 0) for name in names)
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold {threshold} is not above 0 and 1 at most")
    if not (low <= rate <= high and high > 0):
        raise ValueError(f"bounds {low} and {high} do not enclose {rate}, or promise 0")
    return Point(threshold, int(alarms), rate, low, high)


def _number(value: object, name: str, least: float) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"{name} is no number")
    number = float(value)  # type: ignore[arg-type]
    if not least <= number < math.inf:
        raise ValueError(f"{name} {number} is below {least}, or not finite")
    return number


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= 200:
        raise ValueError(f"{name} is no text of 200 printable characters at most")
    return value


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no object")
    return value


def _list(value: object, name: str) -> list[object]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{name} is no list, or empty")
    return value
