# SPDX-License-Identifier: Apache-2.0
"""The same captures by ``scan`` and by ``watch``: are the alerts the same, and when were they told?

    python benchmarks/replay.py CAPTURE...
    find captures -name '*.pcap' | python benchmarks/replay.py

What is no capture is passed over, and counted. Exit status 1 if any alert is different.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from minewatch.alert import Alert, Change
from minewatch.alerts.grouping import as_found
from minewatch.cli import options
from minewatch.cli.progress import ProgressBar
from minewatch.errors import SourceError
from minewatch.pipeline import read_ahead
from minewatch.readers.capture import CaptureSource
from minewatch.readers.source import Input
from minewatch.scanning import ScanOptions, scan_capture
from minewatch.watching.engine import Watch
from minewatch.watching.findings import alerts_of_scan

SECOND = 1_000_000_000


@dataclass
class Tally:
    """What was seen so far."""

    captures: int = 0
    refused: int = 0
    alerts: int = 0
    tellings: int = 0
    different: list[str] = field(default_factory=list)
    """Captures, with the number of alerts of either side."""
    delays_s: list[float] = field(default_factory=list)
    """From the first packet of an alert's first conversation to its first telling."""

    def add(self, path: str, scan: ScanOptions) -> None:
        try:
            _, chunks = scan_capture(Input(path, path, None), scan)
            of_scan = [as_found(alert) for alert in alerts_of_scan(chunks, path)]
            told = list(watched(path, scan))
        except SourceError:
            self.refused += 1
            return
        last = {alert.id: as_found(alert) for alert in told}
        standing = (alert for alert in last.values() if alert.conversations)
        of_watch = sorted(standing, key=lambda alert: (alert.first_seen_ns, alert.id))
        self.captures += 1
        self.alerts += len(of_scan)
        self.tellings += len(told)
        self.delays_s += [
            (alert.updated_ns - alert.first_seen_ns) / SECOND
            for alert in told
            if alert.change is Change.NEW
        ]
        if of_watch != of_scan:
            self.different.append(f"{path}: {len(of_scan)} by scan, {len(of_watch)} by watch")


def watched(path: str, scan: ScanOptions) -> Iterator[Alert]:
    """Yield every telling of a watch of a capture."""
    watch = Watch(path, scan)
    for batch in read_ahead(CaptureSource(Input(path, path, None))):
        for alerts in watch.feed(batch):
            yield from alerts
    yield from watch.finish()


def main() -> None:
    paths = sys.argv[1:] or [line.rstrip("\n") for line in sys.stdin]
    metering = options.metering_options(60.0, 120.0, True, keep_packets=True)
    pipeline = options.pipeline_options(metering, None, ProgressBar([], True))
    scan = options.scan_options(pipeline)
    tally = Tally()
    for path in paths:
        tally.add(path, scan)
    print(
        f"{tally.captures:,} captures ({tally.refused:,} refused), {tally.alerts:,} alerts of scan"
    )
    print(f"{tally.tellings:,} tellings of watch; {len(tally.different):,} captures different")
    if tally.delays_s:
        median, most = statistics.median(tally.delays_s), max(tally.delays_s)
        print(f"first told after {median:.1f} s (median), {most:.1f} s at most, of data time")
    for line in tally.different:
        print(line)
    sys.exit(1 if tally.different else 0)


if __name__ == "__main__":
    main()
