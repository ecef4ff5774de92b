# SPDX-License-Identifier: Apache-2.0
"""What was measured of each kind of input, as the file that ships with the package holds it.

``capabilities.recall`` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from minewatch.experiments.benchmark.by_moment import ByMoment
from minewatch.experiments.benchmark.results import plain

FORMAT: Final = 1


def as_text(
    found: Mapping[str, ByMoment],
    titles: Mapping[str, str],
    made_by: str,
    captures_made_by: str,
    date: str,
) -> str:
    """Return the file's text.

    Parameters
    ----------
    found : of ``measured``.
    titles : of inputs, by name.
    made_by : the command that measured logs.
    captures_made_by : the command that measured captures and our own records; empty without any.
    date : when it was run, as ``2026-11-28``.
    """
    inputs = {name: {"title": titles.get(name, name), **plain(one)} for name, one in found.items()}
    lines = [
        "{",
        f' "format": {FORMAT},',
        f' "made_by": {json.dumps(made_by)},',
        f' "captures_made_by": {json.dumps(captures_made_by)},',
        f' "date": {json.dumps(date)},',
        ' "inputs": {',
        ",\n".join(_input(name, data) for name, data in inputs.items()),
        " }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _input(name: str, data: dict[str, Any]) -> str:
    """One line a recall, so that a change can be read."""
    recalls = data.pop("recalls")
    head = [f"   {json.dumps(key)}: {json.dumps(value)}," for key, value in data.items()]
    rows = ",\n".join(f"    {json.dumps(row)}" for row in recalls)
    return "\n".join([f"  {json.dumps(name)}: {{", *head, '   "recalls": [', rows, "   ]", "  }"])
