# SPDX-License-Identifier: Apache-2.0
"""Flow logs with miners in them, and what a watch of them tells."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from made_up_records import START, record, talk
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


def of_pair(records: RecordArray, alert: Alert) -> RecordArray:
    """The records between the host and the pool of an alert."""
    ends = [ipv4(alert.host), ipv4(alert.pool)]
    lows = [records[f"{side}_address_low"] for side in ("source", "destination")]
    return records[np.isin(lows[0], ends) & np.isin(lows[1], ends)]


def ipv4(text: str) -> int:
    """An address as records have it."""
    return 0xFFFF_0000_0000 | int(ipaddress.IPv4Address(text))


def ticking(records: RecordArray, minutes: int) -> RecordArray:
    """Records of a minute that are not TCP: of the same exporter nothing but the time goes on."""
    start_ns = int(records["flow_start_nanoseconds"].min())
    point = int(records["observation_point"][0])
    records = np.repeat(record(protocol_identifier=17, observation_point=point), minutes)
    records["flow_end_nanoseconds"] = start_ns + 60 * NS * np.arange(1, minutes + 1)
    records["flow_start_nanoseconds"] = records["flow_end_nanoseconds"] - 59 * NS
    return records


def visits(n: int, start_ns: int, seconds: float, minutes: int = 2, **fields: int) -> RecordArray:
    """So many different conversations of some minutes, which the gate lets pass."""
    one = talk(minutes, 60.0, **fields)
    records = np.tile(one, n)
    which = np.repeat(np.arange(n), len(one))
    shift = start_ns - START + (which * (seconds * NS / n)).astype(np.int64)
    for name in ("flow_start_nanoseconds", "flow_end_nanoseconds"):
        records[name] += shift
    for side in ("source", "destination"):
        is_host = records[f"{side}_transport_port"] == 40_000
        records[f"{side}_transport_port"][is_host] = 1_024 + which[is_host] % 60_000
        records[f"{side}_address_low"][is_host] = 0xFFFF_0A01_0000 + which[is_host] // 60_000
        records[f"{side}_transport_port"][~is_host] = 443
    return records
