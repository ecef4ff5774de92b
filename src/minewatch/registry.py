# SPDX-License-Identifier: Apache-2.0
"""What is built in, in explicit tuples, and what strangers add by entry point.

A package adds a decoder, feature set or detector by an entry point in the group
``minewatch.decoders``, ``minewatch.features`` or ``minewatch.detectors`` that names a class.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path

from minewatch.contracts import Decoder, Detector, FeatureSet
from minewatch.decoders import StratumDecoder, TlsDecoder
from minewatch.detectors.flowstats import FlowStatsDetector
from minewatch.detectors.indicators import load_lists
from minewatch.detectors.intel import IntelDetector
from minewatch.detectors.signature import SignatureDetector
from minewatch.errors import ConfigError
from minewatch.features.volume import PaperFeatures, VolumeFeatures
from minewatch.models.model_file import load_model, shipped_model

DECODERS: tuple[type[Decoder], ...] = (StratumDecoder, TlsDecoder)
FEATURE_SETS: tuple[type[FeatureSet], ...] = (PaperFeatures, VolumeFeatures)
DETECTORS: tuple[type[Detector], ...] = (SignatureDetector, IntelDetector, FlowStatsDetector)


def _strangers(group: str, contract: type) -> list[object]:
    """Return an instance of each class that other packages registered in ``group``."""
    found: list[object] = []
    for entry in entry_points(group=f"minewatch.{group}"):
        try:
            plugin = entry.load()()
        except Exception as error:
            raise ConfigError(
                f"plug-in {entry.name} ({entry.value}) cannot be loaded: "
                f"{type(error).__name__}: {error}; mend or uninstall it"
            ) from error
        if not isinstance(plugin, contract):
            raise ConfigError(
                f"plug-in {entry.name} ({entry.value}) is no {contract.__name__}; "
                "see minewatch.contracts, or uninstall it"
            )
        found.append(plugin)
    return found


def decoders() -> list[Decoder]:
    """Return every decoder, ready for use."""
    return [cls() for cls in DECODERS] + _strangers("decoders", Decoder)  # type: ignore[operator]


def feature_sets() -> list[FeatureSet]:
    """Return every feature set, ready for use."""
    own = [cls() for cls in FEATURE_SETS]
    return own + _strangers("features", FeatureSet)  # type: ignore[operator]


def detectors(
    model: str | Path | None = None,
    indicators: str | Path | None = None,
    settings: Mapping[str, float] | None = None,
    *,
    with_default_list: bool = True,
) -> list[Detector]:
    """Return every detector, ready for use.

    Parameters
    ----------
    model : file of the ``flowstats`` model; None for the one that ships.
    indicators : CSV of addresses and names for ``intel``, beside the list that ships; None for
        that list alone.
    settings : metering and gate in use (``PipelineOptions.settings``), which the model must have
        been trained with; None does not check.
    with_default_list : use the list of public pools' names that ships.

    Raises
    ------
    ModelError : the model is damaged or was made for something else.
    SourceError : the list cannot be read.
    """
    own: list[Detector] = [
        SignatureDetector(),
        IntelDetector(load_lists(indicators, with_default=with_default_list)),
        FlowStatsDetector([load_model(model or shipped_model("flowstats"), metering=settings)]),
    ]
    return own + _strangers("detectors", Detector)  # type: ignore[operator]
