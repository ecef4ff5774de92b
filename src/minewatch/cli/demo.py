# SPDX-License-Identifier: Apache-2.0
"""``minewatch demo``: the capture that ships, scanned, and compared with what is true of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from minewatch.errors import SourceError

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from minewatch.output.summary import Totals
    from minewatch.types import Verdict

CAPTURE: Final = "demo.pcap"
LABELS: Final = "demo_labels.json"
KEY: Final = (
    "protocol_identifier",
    "source_address",
    "source_transport_port",
    "destination_address",
    "destination_transport_port",
)

Key: TypeAlias = tuple[Any, ...]


def demo() -> None:
    """Scan the capture that ships with minewatch, and say what was found and why."""
    from minewatch.output.terminal import console

    show(console())


def show(console: Console) -> Totals:
    """Print what ``minewatch demo`` prints.

    Parameters
    ----------
    console : where to.

    Raises
    ------
    SourceError : the capture is not there.
    """
    from minewatch.cli import options as o
    from minewatch.cli.scan import ScanJob
    from minewatch.cli.session import Session
    from minewatch.detectors.fusion import BASE_RATE
    from minewatch.output.summary import print_totals
    from minewatch.readers.source import Input

    folder = files("minewatch") / "lab"
    if not (folder / CAPTURE).is_file():
        raise SourceError(CAPTURE, "the demo capture was not installed; install minewatch again")
    metering = o.metering_options(60.0, 120.0, decapsulate=True, keep_packets=True)
    writer = _RememberingWriter(console, BASE_RATE)
    with as_file(folder / CAPTURE) as path:
        session = Session([Input(CAPTURE, str(path), path.stat().st_size)])
        pipeline = o.pipeline_options(metering, None, session.progress)
        totals = ScanJob(session, o.scan_options(pipeline), everything=True).run(writer)
    print_totals(totals, console)
    with as_file(folder / LABELS) as path:
        print_truth(read_truth(path), writer.verdicts, console)
    return totals


class _RememberingWriter:
    """Shows what is mining, and remembers the verdict on everything."""

    def __init__(self, console: Console, prior: float) -> None:
        from minewatch.output.table import TableWriter

        self._table = TableWriter(console, prior)
        self.verdicts: dict[Key, Verdict] = {}

    def write(self, frame: pl.DataFrame, verdicts: Sequence[Verdict], capture: str) -> None:
        from minewatch.address import with_text

        keys = with_text(frame).select(KEY).iter_rows()
        self.verdicts.update(zip(keys, verdicts, strict=True))
        rows = [i for i, verdict in enumerate(verdicts) if verdict.label == "mining"]
        self._table.write(frame[rows], [verdicts[i] for i in rows], capture)

    def write_gated(self, gated: pl.DataFrame, capture: str) -> None:
        """Show nothing of these."""

    def finish(self) -> None:
        """Write what is left: nothing."""


def read_truth(path: Path) -> dict[Key, Mapping[str, Any]]:
    """Return what the lab wrote down of each conversation of its capture.

    Parameters
    ----------
    path : the file beside the capture.
    """
    rows = json.loads(path.read_text(encoding="utf-8"))["conversations"]
    return {tuple(row[name] for name in KEY): row for row in rows}


def print_truth(
    truth: Mapping[Key, Mapping[str, Any]], verdicts: Mapping[Key, Verdict], console: Console
) -> None:
    """Print how the verdicts compare with the truth.

    Parameters
    ----------
    truth : what the lab wrote down.
    verdicts : on the conversations that were scored.
    console : where to.
    """
    from minewatch.output.terminal import chance, safe

    flagged = {key for key, verdict in verdicts.items() if verdict.label == "mining"}
    miners = {key for key, row in truth.items() if row["is_mining"]}
    console.print()
    console.print(
        safe(
            f"The lab that made this capture wrote down what is true: {len(miners & flagged)} of "
            f"{len(miners)} mining conversations were found, {len(flagged - miners)} of "
            f"{len(truth) - len(miners)} others were flagged."
        ),
    )
    for key in sorted(miners ^ flagged):
        what = "missed" if key in miners else "false alarm"
        note = truth.get(key, {}).get("note", "unknown to the lab")
        said = chance(verdicts[key].mining_probability) if key in verdicts else "not scored"
        line = f"  {what}: {_named(key)}, {note} ({said})"
        console.print(safe(line, style="yellow"), soft_wrap=True)


def _named(key: Key) -> str:
    protocol, source, source_port, destination, destination_port = key
    from minewatch.output.terminal import endpoint

    first = endpoint(source, source_port, protocol)
    return f"{first} -> {endpoint(destination, destination_port, protocol)}"
