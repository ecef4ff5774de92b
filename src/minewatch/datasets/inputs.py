# SPDX-License-Identifier: Apache-2.0
"""What a dataset is made of: labels files or folders of runs, and the captures that they name."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from minewatch.datasets.checking import labelled_captures, labels_file
from minewatch.datasets.folders import sha256_of
from minewatch.errors import ConfigError
from minewatch.readers.finding import find_inputs
from minewatch.readers.source import Input
from minewatch.training.labels import LabelledCapture

PLANS: Final = ("plan.json", "simulation.json")
"""What a run of the lab, and of the simulator, was drawn from."""
MAX_PLAN_OCTETS: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class NamedCapture:
    """A labelled capture, under the name by which the dataset calls it."""

    name: str
    source: Input
    labels: LabelledCapture


def find_captures(labels: Sequence[Path]) -> list[NamedCapture]:
    """Return all captures that are named, each once, in order.

    Parameters
    ----------
    labels : labels files, or folders of runs of the lab or the simulator.

    Raises
    ------
    ConfigError : labels are wrong, or name a capture twice.
    SourceError : a capture is missing.
    """
    found: dict[Path, LabelledCapture] = {}
    for path in labels:
        for resolved, capture in labelled_captures(path).items():
            if resolved in found:
                raise ConfigError(f"{path}: {capture.name} is named by other labels too")
            found[resolved] = capture
    root = os.path.commonpath([path.parent for path in found]) if found else ""
    captures = []
    for resolved, capture in found.items():
        inputs, errors = find_inputs([str(capture.path)])
        if errors:
            raise errors[0]
        # Names tell nothing of where the files lie on this machine.
        captures.append(NamedCapture(os.path.relpath(resolved, root), inputs[0], capture))
    return captures


def described_labels(path: Path) -> list[dict[str, Any]]:
    """Return what the card says of a labels file, and of the plans beside it.

    Parameters
    ----------
    path : a labels file, or a run's folder.

    Raises
    ------
    ConfigError : a plan is no JSON object.
    """
    labels = labels_file(path)
    described = [_described("labels", labels)]
    for plan in filter(Path.is_file, map(labels.with_name, PLANS)):
        seed = _seed(plan)
        described.append(_described("plan", plan) | ({} if seed is None else {"seed": seed}))
    return described


def described_capture(capture: NamedCapture, notes: Sequence[str]) -> dict[str, Any]:
    """Return what the card says of a capture.

    Parameters
    ----------
    capture : the capture.
    notes : what could not be read of it.
    """
    described = _described("capture", Path(capture.source.path)) | {"name": capture.name}
    described["licence"] = capture.labels.licence
    return described | ({"notes": list(notes)[:20]} if notes else {})


def _described(kind: str, path: Path) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": path.name,
        "octets": path.stat().st_size,
        "sha256": sha256_of(path),
    }


def _seed(plan: Path) -> int | None:
    """Return the seed that a plan was drawn from, None if it does not tell."""
    try:
        with plan.open("rb") as file:
            members = json.loads(file.read(MAX_PLAN_OCTETS))
        seed = members.get("seed")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise ConfigError(
            f"{plan}: not a plan: {error}; remove it, or make the run again"
        ) from error
    return seed if isinstance(seed, int) and 0 <= seed < 1 << 63 else None
