# SPDX-License-Identifier: Apache-2.0
"""Compiles and loads, before the first packet counts, what a watch needs to judge one.

Numba compiles a kernel when it is called first, which takes up to half a minute after an install or
an upgrade. On an interface packets would be lost meanwhile, though the watch said that it watches.
"""

from __future__ import annotations

from importlib.resources import as_file, files

from minewatch.cli.demo import CAPTURE
from minewatch.pipeline import read_ahead
from minewatch.readers.capture import CaptureSource
from minewatch.readers.source import Input
from minewatch.scanning import ScanOptions
from minewatch.watching.engine import Watch


def warm_up(scan: ScanOptions) -> list[str]:
    """Watch the capture that ships with minewatch; return the ids of its alerts, told to nobody.

    Parameters
    ----------
    scan : how conversations are made and judged.
    """
    with as_file(files("minewatch") / "lab" / CAPTURE) as path:
        watch = Watch(CAPTURE, scan)
        told = []
        for batch in read_ahead(CaptureSource(Input(CAPTURE, str(path), None))):
            for alerts in watch.feed(batch):
                told.extend(alerts)
        told.extend(watch.finish())
    return sorted({alert.id for alert in told})
