# SPDX-License-Identifier: Apache-2.0
"""From labels files to the report on what ships."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from minewatch import registry
from minewatch.errors import ConfigError
from minewatch.experiments.paper.document import as_markdown
from minewatch.experiments.shipped.defaults import default_options
from minewatch.experiments.shipped.inputs import plan
from minewatch.experiments.shipped.measure import Measured, measure
from minewatch.experiments.shipped.pages import pages
from minewatch.experiments.shipped.results import as_data, as_text

REPORT: Final = "report.md"
RESULTS: Final = "shipped.json"


def evaluate_shipped(
    labels: Sequence[str], out: Path, on_step: Callable[[str], None] = lambda step: None
) -> Measured:
    """Scan labelled captures and flow logs with what ships, and write what was found of them.

    Parameters
    ----------
    labels : labels files, or folders of runs that hold a ``labels.tsv``.
    out : folder of the report; it is made if it is not there.
    on_step : called with what is read next.

    Returns
    -------
    What was measured; ``problems`` tells of inputs that could not be read.

    Raises
    ------
    ConfigError : labels are wrong, or label nothing that could be read.
    """
    formats = registry.flow_formats()
    made = plan(labels, formats)
    measured = measure(made, default_options(), formats, on_step)
    if not measured.cells:
        why = "; ".join(measured.problems[:1]) or "no rule matches a conversation"
        raise ConfigError(f"{', '.join(labels)}: nothing is labelled: {why}")
    out.mkdir(parents=True, exist_ok=True)
    (out / REPORT).write_text(as_markdown(pages(measured)), encoding="utf-8")
    (out / RESULTS).write_text(as_text(as_data(measured)), encoding="utf-8")
    return measured
