# SPDX-License-Identifier: Apache-2.0
"""Inspecting what a labels file names, and comparing the two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import polars as pl

from minewatch.datasets.agreement import outcomes
from minewatch.datasets.labelling import InspectionOptions, inspect_capture
from minewatch.errors import ConfigError
from minewatch.pipeline import CaptureReport
from minewatch.readers.finding import find_inputs
from minewatch.readers.source import Input
from minewatch.scanning import ScanReport
from minewatch.training.labels import LabelledCapture, read_labels
from minewatch.types import Conversations

LABELS_FILE: Final = "labels.tsv"


def labels_file(path: str | Path) -> Path:
    """Return the labels file of a run's folder, or the path itself if it is none.

    Parameters
    ----------
    path : a labels file, or the folder of a run of the lab or the simulator.

    Raises
    ------
    ConfigError : the folder has no labels file.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    if not (path / LABELS_FILE).is_file():
        raise ConfigError(f"{path}: no {LABELS_FILE} in this folder; name a run's folder or a file")
    return path / LABELS_FILE


def labelled_captures(path: str | Path) -> dict[Path, LabelledCapture]:
    """Return the captures that a labels file names, by their resolved path.

    Parameters
    ----------
    path : a labels file, or a run's folder; each capture in a folder must have labels.

    Raises
    ------
    ConfigError : the labels are wrong, name a capture twice, or leave one out.
    """
    found: dict[Path, LabelledCapture] = {}
    for capture in read_labels(labels_file(path)):
        resolved = capture.path.resolve()
        if resolved in found:
            raise ConfigError(
                f"{path}: {capture.name} and {found[resolved].name} are one capture; give it one "
                "name, because its rules are tried in order"
            )
        found[resolved] = capture
    if Path(path).is_dir():
        inputs, _ = find_inputs([str(path)])
        strays = [one.name for one in inputs if Path(one.path).resolve() not in found]
        if strays:
            raise ConfigError(f"{strays[0]}: {labels_file(path)} has no rule for this capture")
    return found


def check_capture(
    source: Input,
    captures: Mapping[Path, LabelledCapture],
    options: InspectionOptions,
    names: Mapping[str, str],
) -> tuple[ScanReport[CaptureReport], Iterator[tuple[Conversations, pl.DataFrame]]]:
    """Open a capture; return its report, and what was read and what was built in pieces.

    Parameters
    ----------
    source : the capture.
    captures : of ``labelled_captures``.
    options : how to inspect.
    names : of ``agreement.decoded_names``.

    Returns
    -------
    The report, complete when all are used up; and pairs of inspected conversations and their
    labels, the latter with ``outcome``.

    Raises
    ------
    ConfigError : the capture has no labels.
    SourceError : it cannot be opened, or is no capture.
    """
    capture = captures.get(Path(source.path).resolve())
    if capture is None:
        raise ConfigError(f"{source.name}: the labels do not name this capture")
    report, inspected = inspect_capture(source, options)
    return report, _compared(inspected, capture, names)


def _compared(
    inspected: Iterator[Conversations], capture: LabelledCapture, names: Mapping[str, str]
) -> Iterator[tuple[Conversations, pl.DataFrame]]:
    for conversations in inspected:
        frame = conversations.frame
        built = capture.attributes(frame)
        yield conversations, built.with_columns(outcomes(frame, built, names))
