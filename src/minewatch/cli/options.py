# SPDX-License-Identifier: Apache-2.0
"""Options that commands share, and the objects that they become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from minewatch.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from minewatch.cli.progress import ProgressBar
    from minewatch.contracts import Detector
    from minewatch.metering.state import MeteringOptions
    from minewatch.models.operating_points import Choice
    from minewatch.pipeline import PipelineOptions
    from minewatch.scanning import ScanOptions

_METERING: Final = "Metering"
_DETECTION: Final = "Detection"

Inputs = Annotated[
    list[str],
    typer.Argument(
        help="Captures, flow logs and exports (minewatch capabilities lists the kinds), plain or "
        "compressed; folders, patterns, s3:// and other URLs, or - for standard input.",
        metavar="INPUT",
        show_default=False,
    ),
]
InputFormat = Annotated[
    str | None,
    typer.Option(
        "--input-format",
        metavar="NAME",
        help="Take every input for this kind (capture, aws, zeek, ...; minewatch capabilities "
        "lists them). \\[default: told by what it holds]",
        show_default=False,
    ),
]
AwsFields = Annotated[
    str | None,
    typer.Option(
        "--aws-fields",
        metavar="NAMES",
        help="Fields of AWS flow logs that come without a header line, in order, as the flow log "
        "was created with: 'version srcaddr dstaddr ...'.",
        show_default=False,
    ),
]
Output = Annotated[
    str | None,
    typer.Option("-o", "--output", metavar="FILE", help="File to write; it appears when whole."),
]
Quiet = Annotated[
    bool, typer.Option("-q", "--quiet", help="No progress bar and no summary; errors only.")
]
Interval = Annotated[
    float,
    typer.Option(metavar="SECONDS", help="Cut flow records so often.", rich_help_panel=_METERING),
]
IdleTimeout = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        help="End a flow record after so long a silence.",
        rich_help_panel=_METERING,
    ),
]
NoDecapsulation = Annotated[
    bool,
    typer.Option(
        "--no-decapsulation",
        help="Do not unwrap VXLAN, Geneve, GRE and IP-in-IP.",
        rich_help_panel=_METERING,
    ),
]
Home = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CIDR",
        help="Network of the watched side; may be given again. \\[default: private ranges]",
        rich_help_panel=_METERING,
        show_default=False,
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="P",
        help="Probability from which a conversation is labelled mining. \\[default: 0.5; for flow "
        "logs the lowest at which no benign conversation was labelled when that was measured]",
        rich_help_panel=_DETECTION,
        show_default=False,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Model of your own for the detector flowstats, from minewatch train; it then counts.",
        rich_help_panel=_DETECTION,
    ),
]
Intel = Annotated[
    str | None,
    typer.Option(
        metavar="CSV",
        help="List of pool addresses and names with columns indicator and type, used beside the "
        "small one that ships: evidence, never a verdict.",
        rich_help_panel=_DETECTION,
    ),
]
NoIntel = Annotated[
    bool,
    typer.Option(
        "--no-intel",
        help="Do without the list of public pools' names that ships.",
        rich_help_panel=_DETECTION,
    ),
]
Allow = Annotated[
    str | None,
    typer.Option(
        metavar="TOML",
        help="What may mine until when, tags, and transit hosts (VPN, proxy, NAT). What is allowed "
        "stays in the output and is no find.",
        rich_help_panel=_DETECTION,
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        metavar="N/UNIT",
        help="Instead of --threshold, the false alarms that you bear: N/host-day, N/host-week, "
        "N/host-month or N/100000-conversations.",
        rich_help_panel=_DETECTION,
    ),
]
Blocks = Annotated[
    str | None,
    typer.Option(
        metavar="CSV",
        help="When blocks of a chain were found, seconds since 1970 in the first column, for the "
        "detector block-clock.",
        rich_help_panel=_DETECTION,
    ),
]
Baselines = Annotated[
    bool,
    typer.Option(
        "--baselines",
        help="Ask the systems of others too: shown beside the verdict, and not counted.",
        rich_help_panel=_DETECTION,
    ),
]


def metering_options(
    interval: float, idle_timeout: float, decapsulate: bool, keep_packets: bool
) -> MeteringOptions:
    """Return the options of the metering process.

    Parameters
    ----------
    interval : value of ``--interval`` [s].
    idle_timeout : value of ``--idle-timeout`` [s].
    decapsulate : unwrap tunnels.
    keep_packets : keep sizes, times and payload, as detectors need.

    Raises
    ------
    ConfigError : a value outside its domain.
    """
    from minewatch.metering.state import MeteringOptions

    try:
        return MeteringOptions(
            interval_s=interval,
            idle_timeout_s=idle_timeout,
            decapsulate=decapsulate,
            keep_packets=keep_packets,
        )
    except ValueError as error:
        raise ConfigError(_in_options(error)) from error


def _in_options(error: Exception) -> str:
    """The text of an error with settings named as the options that set them."""
    text = str(error).replace("idle_timeout_s", "--idle-timeout")
    return text.replace("interval_s", "--interval")


def pipeline_options(
    metering: MeteringOptions, home: Sequence[str] | None, progress: ProgressBar
) -> PipelineOptions:
    """Return how inputs become conversations.

    Parameters
    ----------
    metering : time-outs and limits.
    home : values of ``--home``.
    progress : what is told how far the reading is.

    Raises
    ------
    ConfigError : a text is no network.
    """
    from minewatch.address import parse_networks
    from minewatch.pipeline import PipelineOptions, private_networks

    networks = parse_networks(home) if home else private_networks()
    return PipelineOptions(metering, networks, progress.advance)


def scan_options(
    pipeline: PipelineOptions,
    threshold: float | None = None,
    model: str | None = None,
    intel: str | None = None,
    *,
    no_intel: bool = False,
    allow: str | None = None,
    budget: str | None = None,
    blocks: str | None = None,
    baselines: bool = False,
    of_captures: bool = True,
    of_logs: bool = False,
) -> ScanOptions:
    """Return what a scan uses, all built-in decoders and detectors among it.

    Parameters
    ----------
    pipeline : how inputs become conversations.
    threshold : value of ``--threshold``.
    model : value of ``--model``.
    intel : value of ``--intel``.
    no_intel : value of ``--no-intel``.
    allow : value of ``--allow``.
    budget : value of ``--budget``.
    blocks : value of ``--blocks``.
    baselines : value of ``--baselines``.
    of_captures : captures will be scanned.
    of_logs : flow logs will be scanned.

    Raises
    ------
    ConfigError : a value outside its domain, or two that exclude each other.
    ModelError : the model does not fit.
    SourceError : a list cannot be read.
    """
    from minewatch import registry
    from minewatch.allow.file import read_known
    from minewatch.detectors.block_times import load_block_times
    from minewatch.detectors.fusion import DEFAULT_PARTS, LABEL_THRESHOLD, OWN_MODEL, Fusion
    from minewatch.models.operating_points import (
        CAPTURE_INPUTS,
        FLOW_LOG_INPUTS,
        quiet_log_threshold,
    )
    from minewatch.scanning import ScanOptions

    if threshold is not None and not 0 < threshold <= 1:
        raise ConfigError(f"--threshold {threshold}: above 0, and 1 at most")
    if budget is not None and threshold is not None:
        raise ConfigError("--budget and --threshold: give one of them")
    known = None if allow is None else read_known(allow)
    try:
        detectors = registry.detectors(
            model,
            intel,
            pipeline.settings(),
            with_default_list=not no_intel,
            blocks=None if blocks is None else load_block_times(blocks),
            with_baselines=baselines,
        )
    except ModelError as error:
        raise ModelError(_in_options(error)) from error
    _tell_left_out(detectors)
    own_model = {} if model is None else {"flowstats": OWN_MODEL}
    fusion = Fusion(parts=dict(DEFAULT_PARTS) | own_model)
    promise = log_promise = None
    log_threshold = threshold
    baselines_of = {one.name for one in registry.BASELINES}
    counted = [one.name for one in detectors if one.name not in baselines_of]
    if budget is not None:
        own = [name for name, given in (("--intel", intel), ("--blocks", blocks)) if given]
        more = f"; what {' and '.join(own)} may add was not measured and comes on top"
        if of_captures:
            choice = _chosen(budget, model, counted, CAPTURE_INPUTS)
            threshold, promise = choice.threshold, choice.sentence + (more if own else "")
        if of_logs:
            choice = _chosen(budget, model, counted, FLOW_LOG_INPUTS)
            log_threshold, log_promise = choice.threshold, choice.sentence + (more if own else "")
    elif threshold is None and of_logs:
        # With a model of the user's own nothing was measured.
        log_threshold = quiet_log_threshold(counted) if model is None else None
    return ScanOptions(
        pipeline,
        registry.decoders(),
        detectors,
        fusion,
        LABEL_THRESHOLD if threshold is None else threshold,
        known=known,
        promise=promise,
        log_threshold=log_threshold,
        log_promise=log_promise,
    )


def _tell_left_out(detectors: Sequence[Detector]) -> None:
    """Say which lines of a list were not used: else a pool that somebody listed is missed."""
    from minewatch.cli.errors import complain
    from minewatch.detectors.intel import IntelDetector

    for detector in detectors:
        if isinstance(detector, IntelDetector) and detector.indicators.n_left_out:
            n = detector.indicators.n_left_out
            lines = "1 line of the list was" if n == 1 else f"{n:,} lines of the list were"
            complain(f"{lines} left out; the first is {detector.indicators.problems[0]}")


def _chosen(
    budget: str, model: str | None, detectors: Sequence[str], kinds: Sequence[str]
) -> Choice:
    """The operating point for a budget, if the points are those of what is in use."""
    from minewatch.models.budget import parse_budget
    from minewatch.models.operating_points import shipped_hashes, shipped_points

    parsed = parse_budget(budget)
    if model is not None:
        raise ConfigError("--budget and --model: measured with the shipped one; use --threshold")
    points = shipped_points()
    points.require_same(detectors, shipped_hashes())
    return points.choose(parsed, kinds)
