# SPDX-License-Identifier: Apache-2.0
"""What is built in, in explicit tuples, and what strangers add by entry point.

A package adds a kind of flow log, a decoder, a feature set or a detector by an entry point in the
group ``minewatch.inputs``, ``minewatch.decoders``, ``minewatch.features`` or
``minewatch.detectors`` that names a class.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path

from minewatch.contracts import Decoder, Detector, FeatureSet, FlowFormat
from minewatch.decoders import StratumDecoder, TlsDecoder
from minewatch.detectors.block_clock import BlockClockDetector
from minewatch.detectors.block_times import BlockTimes
from minewatch.detectors.flowstats import FlowStatsDetector
from minewatch.detectors.indicators import load_lists
from minewatch.detectors.intel import IntelDetector
from minewatch.detectors.learnt import LearntDetector
from minewatch.detectors.naive_bayes import NaiveBayesDetector
from minewatch.detectors.netflow import NetflowDetector
from minewatch.detectors.one_class import OneClassDetector
from minewatch.detectors.rhythm import RhythmDetector
from minewatch.detectors.sequence import SequenceDetector
from minewatch.detectors.signature import SignatureDetector
from minewatch.detectors.spectrum import SpectrumDetector
from minewatch.detectors.synchrony import SynchronyDetector
from minewatch.detectors.weak_indicators import WeakIndicatorsDetector
from minewatch.errors import ConfigError
from minewatch.features.opening import OpeningFeatures
from minewatch.features.persistence import PersistenceFeatures
from minewatch.features.rhythm import RhythmFeatures
from minewatch.features.sequence import SequenceFeatures
from minewatch.features.spectrum import SpectrumFeatures
from minewatch.features.stratum_shape import StratumShapeFeatures
from minewatch.features.timing import TimingFeatures
from minewatch.features.volume import PaperFeatures, VolumeFeatures
from minewatch.models.model_file import Model, load_model, shipped_model
from minewatch.readers.flowlogs.argus import ArgusFormat
from minewatch.readers.flowlogs.aws import AwsFormat
from minewatch.readers.flowlogs.azure_nsg import AzureNsgFormat
from minewatch.readers.flowlogs.azure_vnet import AzureVnetFormat
from minewatch.readers.flowlogs.gcp import GcpFormat
from minewatch.readers.flowlogs.joy import JoyFormat
from minewatch.readers.flowlogs.nfstream import NfstreamFormat
from minewatch.readers.flowlogs.suricata import SuricataFormat
from minewatch.readers.flowlogs.table import TableFormat
from minewatch.readers.flowlogs.zeek import ZeekFormat
from minewatch.readers.netflow.exports import NetflowFormat
from minewatch.readers.nfcapd.source import NfcapdFormat

FLOW_FORMATS: tuple[type[FlowFormat], ...] = (
    NetflowFormat,
    NfcapdFormat,
    TableFormat,
    AwsFormat,
    GcpFormat,
    AzureNsgFormat,
    AzureVnetFormat,
    ZeekFormat,
    SuricataFormat,
    ArgusFormat,
    JoyFormat,
    NfstreamFormat,
)
"""Kinds of flow logs; of two that recognise an input, the first reads it."""
DECODERS: tuple[type[Decoder], ...] = (StratumDecoder, TlsDecoder)
FEATURE_SETS: tuple[type[FeatureSet], ...] = (
    PaperFeatures,
    VolumeFeatures,
    TimingFeatures,
    SequenceFeatures,
    PersistenceFeatures,
    RhythmFeatures,
    OpeningFeatures,
    StratumShapeFeatures,
    SpectrumFeatures,
)
DETECTORS: tuple[type[Detector], ...] = (
    SignatureDetector,
    IntelDetector,
    RhythmDetector,
    SequenceDetector,
    OneClassDetector,
    BlockClockDetector,
    SynchronyDetector,
)
"""What makes a verdict."""
BASELINES: tuple[type[LearntDetector], ...] = (
    FlowStatsDetector,
    NetflowDetector,
    NaiveBayesDetector,
    WeakIndicatorsDetector,
    SpectrumDetector,
)
"""Systems of others, to compare with: asked on request, shown, and counted for nothing."""


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


def flow_formats(aws_fields: str | None = None) -> list[FlowFormat]:
    """Return every kind of flow log, in the order in which they are asked.

    Parameters
    ----------
    aws_fields : fields of AWS logs that have no header line, in order; None if nobody said.

    Raises
    ------
    ConfigError : these are no fields of AWS, or a plug-in cannot be loaded.
    """
    own = [AwsFormat(aws_fields) if cls is AwsFormat else cls() for cls in FLOW_FORMATS]
    return own + _strangers("inputs", FlowFormat)  # type: ignore[operator]


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
    blocks: BlockTimes | None = None,
    with_baselines: bool = False,
) -> list[Detector]:
    """Return every detector, ready for use.

    Parameters
    ----------
    model : file of a ``flowstats`` model of the user's own, which then counts; None for none.
    indicators : CSV of addresses and names for ``intel``, beside the list that ships; None for
        that list alone.
    settings : metering and gate in use (``PipelineOptions.settings``), which the models must have
        been trained with; None does not check.
    with_default_list : use the list of public pools' names that ships.
    blocks : when blocks of a chain were found, for ``block-clock``; None for its blind form.
    with_baselines : the systems of others too.

    Raises
    ------
    ModelError : a model is damaged or was made for something else.
    SourceError : the list cannot be read.
    """
    own: list[Detector] = [
        SignatureDetector(),
        IntelDetector(load_lists(indicators, with_default=with_default_list)),
        RhythmDetector(_models(RhythmDetector, settings)),
        SequenceDetector(_models(SequenceDetector, settings)),
        OneClassDetector(_models(OneClassDetector, settings)),
        BlockClockDetector(blocks),
        SynchronyDetector(),
    ]
    if model is not None:
        own.append(FlowStatsDetector([load_model(model, metering=settings)]))
    if with_baselines:
        taken = {one.name for one in own}
        own += [cls(_models(cls, settings)) for cls in BASELINES if cls.name not in taken]
    return own + _strangers("detectors", Detector)  # type: ignore[operator]


def _models(detector: type[LearntDetector], settings: Mapping[str, float] | None) -> list[Model]:
    """Load the models of a detector that ship."""
    return [load_model(shipped_model(part), metering=settings) for part in detector.parts]
