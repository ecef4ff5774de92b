# SPDX-License-Identifier: Apache-2.0
"""Flow logs that are read as one: those of one format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from minewatch.readers.source import CAPTURE, Input


@dataclass(frozen=True, slots=True)
class InputGroup:
    """Flow logs of one format, read as one: a conversation may span files."""

    name: str
    """That of the file, or the folder that all lie in and their number."""
    format: str
    inputs: Sequence[Input]


def groups_of(inputs: Sequence[Input]) -> list[InputGroup]:
    """Return the flow logs among some inputs, those of one format together.

    Parameters
    ----------
    inputs : captures and flow logs.

    Examples
    --------
    >>> logs = [Input(f"logs/{name}", f"logs/{name}", 1, format="aws") for name in "ab"]
    >>> [group.name for group in groups_of([Input("a.pcap", "a.pcap", 1), *logs])]
    ['logs (2 files)']
    """
    by_format: dict[str, list[Input]] = {}
    for source in inputs:
        if source.format != CAPTURE:
            by_format.setdefault(source.format, []).append(source)
    return [InputGroup(_name_of(group), name, group) for name, group in by_format.items()]


def _name_of(inputs: Sequence[Input]) -> str:
    """The name of an input, or the folder that several share, and their number."""
    if len(inputs) == 1:
        return inputs[0].name
    folders = [source.name.split("/")[:-1] for source in inputs]
    shared = takewhile(lambda parts: len(set(parts)) == 1, zip(*folders, strict=False))
    folder = "/".join(parts[0] for parts in shared) or inputs[0].format
    return f"{folder} ({len(inputs):,} files)"
