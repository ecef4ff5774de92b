# SPDX-License-Identifier: Apache-2.0
"""From a table of scores to the benchmark's files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from minewatch.experiments.benchmark.findings import find
from minewatch.experiments.benchmark.intervals import DRAWS
from minewatch.experiments.benchmark.pages import STYLE, pages
from minewatch.experiments.benchmark.plots import draw_all
from minewatch.experiments.benchmark.results import as_data, as_text
from minewatch.experiments.benchmark.scores import ScoreTable
from minewatch.experiments.benchmark.targets import targets
from minewatch.experiments.paper.document import as_html, as_markdown

REPORT: Final = "report.md"
PAGE: Final = "report.html"
RESULTS: Final = "results.json"


def write_report(
    scores: ScoreTable,
    variants: Mapping[str, ScoreTable],
    out: Path,
    title: str,
    notes: Mapping[str, str],
    *,
    measured: Mapping[str, float] | None = None,
    logs: Mapping[str, ScoreTable] | None = None,
    n_draws: int = DRAWS,
) -> dict[str, Any]:
    """Measure a table of scores and write the report: Markdown, HTML, JSON and figures.

    The same scores give the same files, to the byte.

    Parameters
    ----------
    scores : of sources left out.
    variants : tables of the same conversations by name, such as "without timing".
    out : folder of the report; it is made if it is not there.
    title : of the report.
    notes : why a target was missed, by its key; ``introduction``; anything else by its heading.
    measured : values of ``targets.MEASURED``, which scores do not tell.
    logs : tables of the same conversations as kinds of flow logs tell of them, by name.
    n_draws : for the intervals.

    Returns
    -------
    What ``results.json`` holds.
    """
    out.mkdir(parents=True, exist_ok=True)
    found = find(scores, variants, n_draws, logs)
    reached = targets(found, measured or {}, notes)
    captions = draw_all(scores, found, out)
    blocks = pages(found, reached, title, notes, captions)
    data = as_data(found, reached, title, notes)
    (out / REPORT).write_text(as_markdown(blocks), encoding="utf-8")
    (out / PAGE).write_text(as_html(blocks, out, STYLE), encoding="utf-8")
    (out / RESULTS).write_text(as_text(data), encoding="utf-8")
    return data
