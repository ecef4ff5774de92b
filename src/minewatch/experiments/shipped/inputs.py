# SPDX-License-Identifier: Apache-2.0
"""What labels files name: captures, flow logs, and folders or patterns of them."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from minewatch.contracts import FlowFormat
from minewatch.errors import ConfigError
from minewatch.readers.finding import find
from minewatch.readers.source import CAPTURE, Input
from minewatch.readers.urls import is_url
from minewatch.training.labels import LabelledCapture, read_labels
from minewatch.training.rules import Rule

PACKETS: Final = "packets"
"""The kind of captures; others are names of flow formats."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What the column ``capture`` of some rows names, and these rows' rules."""

    name: str
    kind: str
    """``PACKETS``, or the name of a flow format."""
    inputs: Sequence[Input]
    rules: tuple[Rule, ...]


@dataclass(slots=True)
class Plan:
    """All that will be read."""

    labelled: list[Labelled] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What is named and cannot be read."""
    notes: list[str] = field(default_factory=list)
    """What was passed over in a folder."""


def plan(labels: Sequence[str], formats: Sequence[FlowFormat]) -> Plan:
    """Return what labels files name, each with its rules.

    Parameters
    ----------
    labels : labels files, or folders of runs that hold a ``labels.tsv``.
    formats : kinds of flow logs that there are.

    Raises
    ------
    ConfigError : labels are wrong, name inputs of several kinds at once, or an input twice.
    """
    made = Plan()
    named: dict[str, str] = {}
    for path in labels:
        file = Path(path) / "labels.tsv" if Path(path).is_dir() else Path(path)
        for capture in read_labels(file):
            found = find([_argument(capture, file.parent)], formats, None)
            made.problems += [str(error) for error in found.errors]
            made.notes += found.notes
            where = f"{file}: {capture.name}"
            _require_once(found.inputs, where, named)
            if found.inputs:
                kind = _kind_of(found.inputs, where)
                one = Labelled(capture.name, kind, found.inputs, capture.rules)
                made.labelled.append(one)
    return made


def _argument(capture: LabelledCapture, folder: Path) -> str:
    """Return what to look for; a pattern is one in the labels file's folder, whatever its name."""
    if is_url(capture.name):
        return capture.name
    if glob.has_magic(capture.name) and not capture.path.exists():
        return str(Path(glob.escape(str(folder))) / capture.name)
    return str(capture.path)


def _require_once(inputs: Sequence[Input], where: str, named: dict[str, str]) -> None:
    for one in inputs:
        path = one.path if is_url(one.path) else os.path.realpath(one.path)
        if path in named:
            raise ConfigError(
                f"{where}: {one.name} is named by {named[path]} too, and would count twice; "
                "name it once, in the same words on all rows"
            )
        named[path] = where


def _kind_of(inputs: Sequence[Input], where: str) -> str:
    kinds = sorted({one.format for one in inputs})
    if len(kinds) > 1:
        raise ConfigError(
            f"{where}: inputs of several kinds ({', '.join(kinds)}); name each kind by itself, "
            "with a pattern such as logs/*.gz"
        )
    return PACKETS if kinds == [CAPTURE] else kinds[0]
