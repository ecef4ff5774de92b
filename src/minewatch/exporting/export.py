# SPDX-License-Identifier: Apache-2.0
"""The formats that captures can be exported to, and the export of captures into one log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Protocol

import polars as pl

from minewatch.address import Network
from minewatch.errors import ConfigError
from minewatch.exporting import settings as s
from minewatch.exporting.aggregating import Aggregator, ExportCounters
from minewatch.exporting.aws import AwsText
from minewatch.exporting.azure import AzureVnetJson
from minewatch.exporting.gcp import GcpJson
from minewatch.exporting.ipfix import IpfixFile
from minewatch.exporting.settings import ExportSettings
from minewatch.exporting.zeek import ZeekText
from minewatch.output.destination import Destination
from minewatch.pipeline import PipelineOptions, read_ahead
from minewatch.readers.capture import CaptureSource


class LogWriter(Protocol):
    """Writes records in the form of one kind of log."""

    def head(self) -> bytes:
        """Return the beginning of the file."""
        ...

    def rows(self, told: pl.DataFrame) -> bytes:
        """Return records, of ``logged``; those of a window that is over come together."""
        ...

    def end(self) -> bytes:
        """Return the end of the file."""
        ...


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A kind of log: what is done to packets, and how records are written."""

    title: str
    settings: Callable[[float | None, int | None, int], ExportSettings]
    """Settings by interval [s], sampling and seed; None for what is usual."""
    writer: Callable[[ExportSettings], LogWriter]


def _gcp(interval_s: float | None, sampling: int | None, seed: int) -> ExportSettings:
    interval_s = 5.0 if interval_s is None else interval_s
    if interval_s not in s.GCP_INTERVALS_S:
        known = ", ".join(f"{one:g}" for one in s.GCP_INTERVALS_S)
        raise ConfigError(f"--interval {interval_s:g}: gcp aggregates over one of {known} seconds")
    return s.gcp(interval_s, sampling or s.GCP_SAMPLING, seed)


def _zeek(interval_s: float | None, sampling: int | None, seed: int) -> ExportSettings:
    if interval_s is not None:
        raise ConfigError("--interval: zeek writes one record a connection; leave it out")
    return s.zeek(sampling or 1, seed)


def _aws_v2(interval_s: float, sampling: int, seed: int) -> ExportSettings:
    return replace(s.aws(interval_s, sampling, seed), tcp_flags=s.TcpFlags.NONE)


def _usual(
    made: Callable[[float, int, int], ExportSettings],
) -> Callable[[float | None, int | None, int], ExportSettings]:
    return lambda interval_s, sampling, seed: made(interval_s or 60.0, sampling or 1, seed)


FORMATS: Final[Mapping[str, ExportFormat]] = MappingProxyType(
    {
        "aws-v2": ExportFormat(
            "AWS VPC Flow Logs, default format", _usual(_aws_v2), lambda _: AwsText(2)
        ),
        "aws-v5": ExportFormat(
            "AWS VPC Flow Logs, all fields of version 5", _usual(s.aws), lambda _: AwsText(5)
        ),
        "gcp": ExportFormat("Google Cloud VPC Flow Logs", _gcp, lambda _: GcpJson()),
        "azure-vnet": ExportFormat(
            "Azure virtual network flow logs", _usual(s.azure_vnet), lambda _: AzureVnetJson()
        ),
        "zeek": ExportFormat("Zeek conn.log", _zeek, lambda _: ZeekText()),
        "ipfix": ExportFormat(
            "IPFIX file", _usual(s.ipfix), lambda settings: IpfixFile(settings.sampling)
        ),
    }
)
"""Values of ``--format``."""


def settings_for(
    format: str, interval_s: float | None = None, sampling: int | None = None, seed: int = 0
) -> ExportSettings:
    """Return the settings of a format, with what the user chose.

    Parameters
    ----------
    format : a key of ``FORMATS``.
    interval_s : length of a window [s], None for the usual one.
    sampling : packets for each one that is counted, None for the usual number.
    seed : of everything that is drawn.

    Raises
    ------
    ConfigError : no such format, or a value that it does not have.

    Examples
    --------
    >>> settings_for("aws-v5", 600).interval_s
    600
    """
    if format not in FORMATS:
        raise ConfigError(f"--format {format}: one of {', '.join(FORMATS)}")
    for option, value in (("--interval", interval_s), ("--sampling", sampling)):
        if value is not None and not value > 0:
            raise ConfigError(f"{option} {value:g}: must be above 0")
    try:
        return FORMATS[format].settings(interval_s, sampling, seed)
    except ValueError as error:
        text = str(error).replace("interval_s", "--interval")
        raise ConfigError(text.replace("sampling", "--sampling", 1)) from error


class Exporter:
    """Writes captures as one flow log, each with its own conversations.

    Parameters
    ----------
    destination : what the log is written to.
    format : a key of ``FORMATS``.
    settings : of ``settings_for``.
    home : networks of the watched side.
    """

    def __init__(
        self,
        destination: Destination,
        format: str,
        settings: ExportSettings,
        home: Sequence[Network],
    ) -> None:
        self._destination = destination
        self._settings = settings
        self._home = home
        self._next_conversation = 1
        self._writer = FORMATS[format].writer(settings)
        destination.write(self._writer.head())

    def export(self, capture: CaptureSource, options: PipelineOptions) -> ExportCounters:
        """Write the records of a capture; return what became of its packets.

        Parameters
        ----------
        capture : what is read, and closed.
        options : whom to tell of progress.

        Raises
        ------
        SourceError : the capture cannot be read.
        ConfigError : the log cannot be written.
        """
        sums = Aggregator(self._settings, self._home, first_conversation=self._next_conversation)
        with closing(read_ahead(capture)) as batches:
            for batch in batches:
                if options.on_progress is not None:
                    options.on_progress(batch.octets_read)
                for told in sums.add(batch):
                    self._destination.write(self._writer.rows(told))
        for told in sums.finish():
            self._destination.write(self._writer.rows(told))
        self._next_conversation = sums.next_conversation
        return sums.counters

    def finish(self) -> None:
        """Write the end of the log."""
        self._destination.write(self._writer.end())
