# SPDX-License-Identifier: Apache-2.0
"""Flow logs with miners in them, and what a watch of them tells."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from minewatch import registry
from minewatch.alert import Alert
from minewatch.alerts.grouping import as_found
from minewatch.cli import app
from minewatch.cli.options import scan_options
from minewatch.contracts import FlowSource
from minewatch.exporting.export import Exporter, settings_for
from minewatch.output.destination import Destination
from minewatch.pipeline import PipelineOptions
from minewatch.readers.capture import CaptureSource
from minewatch.readers.formats import open_flows
from minewatch.readers.source import Input
from minewatch.records import RECORD, RecordArray
from minewatch.scanning import ScanOptions, scan_logs
from minewatch.watching.findings import alerts_of_scan
from minewatch.watching.record_options import RecordWatchOptions
from minewatch.watching.record_watch import RecordWatch

NS = 1_000_000_000
FEW = RecordWatchOptions(most_records=1 << 16, most_biflows=1 << 14, most_of_one=1 << 12)
"""Small memory, so that tests are quick."""


@functools.cache
def log_scanning() -> ScanOptions:
    """What ``minewatch watch`` uses for flow logs when it is told nothing."""
    return scan_options(PipelineOptions(), of_captures=False, of_logs=True)


def new_record_watch(
    options: RecordWatchOptions = FEW, scan: ScanOptions | None = None
) -> RecordWatch:
    return RecordWatch("test", scan or log_scanning(), options)


def simulated(folder: Path) -> str:
    """A capture of two hours: 400 conversations, 12 of them mining, most of them for long."""
    words = ("--conversations", "400", "--mining", "12", "--days", "0.08", "--seed", "7", "-q")
    result = CliRunner().invoke(app, ["simulate", "--out", str(folder / "simulated"), *words])
    assert result.exit_code == 0, result.output
    return str(folder / "simulated" / "simulated.pcap")


def exported(capture: str, folder: Path, format: str, interval_s: float | None = None) -> str:
    """Export a capture as a flow log; return its path."""
    path = folder / f"{format}-{interval_s}.log"
    settings = settings_for(format, interval_s)
    options = PipelineOptions()
    with Destination(str(path)) as destination:
        exporter = Exporter(destination, format, settings, options.home)
        exporter.export(CaptureSource(Input("a", capture, None)), options)
        exporter.finish()
    return str(path)


def opened(path: str) -> FlowSource:
    return open_flows(Input("test", path, None), registry.flow_formats(), None, False)


def of_log_scan(path: str, scan: ScanOptions | None = None) -> list[Alert]:
    """The alerts of a scan of a log."""
    _, chunks = scan_logs("test", [opened(path)], scan or log_scanning())
    return [as_found(one) for one in alerts_of_scan(chunks, "test")]


class Records:
    """A flow log of records that are at hand."""

    def __init__(self, records: RecordArray) -> None:
        from minewatch.records import Names, RecordCounters

        self.name, self.records = "test", records
        self.counters, self.names = RecordCounters(), Names()

    def read(self) -> Iterator[RecordArray]:
        yield self.records

    def close(self) -> None:
        """Nothing is open."""


def of_scan_of(records: RecordArray) -> list[Alert]:
    """The alerts of a scan of records."""
    _, chunks = scan_logs("test", [Records(records)], log_scanning())
    return [as_found(one) for one in alerts_of_scan(chunks, "test")]


def records_in(path: str) -> RecordArray:
    """All records of a log, in the order of the file."""
    with contextlib.closing(opened(path)) as source:
        return np.concatenate([block.copy() for block in source.read()])


def blocks(records: RecordArray, sizes: Sequence[int]) -> Iterator[RecordArray]:
    at = i = 0
    while at < len(records):
        yield records[at : at + sizes[i % len(sizes)]]
        at += sizes[i % len(sizes)]
        i += 1


def told_of(
    records: RecordArray, sizes: Sequence[int] = (1 << 20,), watch: RecordWatch | None = None
) -> list[Alert]:
    """Everything that a watch of records tells."""
    watch = watch or new_record_watch()
    alerts = [one for block in blocks(records, sizes) for part in watch.feed(block) for one in part]
    return [*alerts, *watch.finish()]


def by_end(*parts: Iterable[RecordArray] | RecordArray) -> RecordArray:
    """Records in the order in which an exporter would send them."""
    records = np.concatenate([np.asarray(part, RECORD) for part in parts])
    return records[np.argsort(records["flow_end_nanoseconds"], kind="stable")]


def between(host: int, port: int, records: RecordArray, pool_port: int = 3333) -> RecordArray:
    """The same records with another host and port at home."""
    records = records.copy()
    for side in ("source", "destination"):
        is_host = records[f"{side}_transport_port"] != pool_port
        records[f"{side}_address_low"][is_host] = 0xFFFF_0A00_0000 + host
        records[f"{side}_transport_port"][is_host] = port
    return records
