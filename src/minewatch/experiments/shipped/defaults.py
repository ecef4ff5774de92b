# SPDX-License-Identifier: Apache-2.0
"""What `minewatch scan` uses when it is told nothing."""

from __future__ import annotations

from minewatch import registry
from minewatch.detectors.fusion import DEFAULT_PARTS, LABEL_THRESHOLD, Fusion
from minewatch.models.operating_points import quiet_log_threshold
from minewatch.pipeline import PipelineOptions
from minewatch.scanning import ScanOptions


def default_options(pipeline: PipelineOptions | None = None) -> ScanOptions:
    """Return the options of a scan without options, of captures and of flow logs.

    Parameters
    ----------
    pipeline : how inputs become conversations; None for the defaults.

    Raises
    ------
    ConfigError : a plug-in cannot be loaded.
    ModelError : a model that ships is damaged.
    """
    pipeline = pipeline or PipelineOptions()
    detectors = registry.detectors(settings=pipeline.settings())
    return ScanOptions(
        pipeline,
        registry.decoders(),
        detectors,
        Fusion(parts=dict(DEFAULT_PARTS)),
        LABEL_THRESHOLD,
        log_threshold=quiet_log_threshold([one.name for one in detectors]),
    )
