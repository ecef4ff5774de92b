# SPDX-License-Identifier: Apache-2.0
"""Whether the models load, and whether the operating points were measured with these."""

from __future__ import annotations

from typing import Final

from minewatch.cli.checkup.finding import Finding, Level
from minewatch.errors import ConfigError, MinewatchError

CURE: Final = "install minewatch again; files of its package were changed or are damaged"


def check_models() -> list[Finding]:
    """Return whether every detector that ships can work."""
    from minewatch import registry
    from minewatch.models.operating_points import shipped_hashes, shipped_points
    from minewatch.pipeline import PipelineOptions

    try:
        detectors = registry.detectors(settings=PipelineOptions().settings())
    except MinewatchError as error:
        return [Finding("models", Level.FAIL, str(error), CURE)]
    hashes = shipped_hashes()
    names = [detector.name for detector in detectors]
    findings = [Finding("models", Level.OK, f"{len(hashes)} load, for {', '.join(names)}")]
    try:
        shipped_points().require_same(names, hashes)
    except ConfigError as error:
        text = str(error).removeprefix("--budget: ")
        cure = "--budget is refused until then; --threshold works"
        return [*findings, Finding("operating points", Level.WARN, text, cure)]
    except MinewatchError as error:
        return [*findings, Finding("operating points", Level.FAIL, str(error), CURE)]
    return [*findings, Finding("operating points", Level.OK, "measured with these models")]
