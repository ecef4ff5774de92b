# SPDX-License-Identifier: Apache-2.0
"""``minewatch simulate``: a population of conversations, without sockets, as pcap or flows."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from minewatch.cli import options as o
from minewatch.errors import ConfigError

if TYPE_CHECKING:
    from rich.progress import Progress

    from minewatch.lab.simulator.pcap import EngineOptions, Totals
    from minewatch.lab.simulator.settings import Settings
    from minewatch.output.simulation import Format, Written

EPILOG: Final = """
Examples:

minewatch simulate --out small --conversations 2000 --mining 40 --days 0.1

minewatch simulate --out paper --composition paper --format flows

The folder gets simulated.pcap or flows.parquet, labels.tsv (rules), truth.parquet (one row a
conversation) and simulation.json (settings and sums). The same settings and seed make the same
octets.
"""

LABELS_NAME: Final = "labels.tsv"
TRUTH_NAME: Final = "truth.parquet"
SUMMARY_NAME: Final = "simulation.json"
_UPDATE_EVERY_S: Final = 0.1


def simulate(
    *,
    out: Annotated[str, typer.Option("-o", "--out", metavar="DIR", help="New or empty folder.")],
    conversations: Annotated[int, typer.Option(help="All of them, mining among them.")] = 84_344,
    mining: Annotated[int, typer.Option(help="How many of them are mining.")] = 157,
    days: Annotated[float, typer.Option(help="Length of the capture.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 7,
    servers: Annotated[int, typer.Option(help="Servers that are watched.")] = 10,
    evasion: Annotated[float, typer.Option(help="Share of miners that hide, 0 to 1.")] = 0.3,
    composition: Annotated[
        str,
        typer.Option(
            help="wild: everything, on the same servers; look-alikes: the same with long-lived "
            "services the most; paper: servers that only mine, five "
            "coins in the clear; f2pool, xmrig-lab, ethminer: as in captures of real miners."
        ),
    ] = "wild",
    format: Annotated[
        str, typer.Option(metavar="FORMAT", help="pcap, flows (Parquet) or both.")
    ] = "pcap",
    snaplen: Annotated[int, typer.Option(help="Longer frames are cut to this.")] = 600,
    quiet: o.Quiet = False,
) -> None:
    """Make traffic as miners and normal services make it, packet by packet, and its labels."""
    from minewatch.lab.simulator.pcap import EngineOptions
    from minewatch.lab.simulator.settings import Settings
    from minewatch.output.simulation import FORMATS

    if not 0 <= seed < 1 << 63:
        raise ConfigError(f"--seed {seed}: from 0 to {(1 << 63) - 1}")
    if format not in FORMATS:
        raise ConfigError(f"--format {format}: one of {', '.join(FORMATS)}")
    try:
        settings = Settings(
            conversations=conversations,
            mining=mining,
            days=days,
            servers=servers,
            evasion=evasion,
            composition=cast(Any, composition),
        )
        engine = EngineOptions(seed, snaplen, days * 86_400.0)
    except (ConfigError, ValueError) as error:
        raise ConfigError(f"--{error}") from error
    with _own_folder(out) as folder:
        written = run_simulate(settings, engine, cast("Format", format), folder, quiet)
    if not quiet:
        print_written(written)


def run_simulate(
    settings: Settings, engine: EngineOptions, format: Format, folder: Path, quiet: bool
) -> Written:
    """Draw a population and write it with its labels.

    Parameters
    ----------
    settings : what the population is like.
    engine : how it becomes a capture.
    format : what is written.
    folder : where to.
    quiet : show no progress.
    """
    from minewatch.lab.simulator.population import draw
    from minewatch.output.simulation import FLOWS_NAME, PCAP_NAME, write_simulation

    population = draw(settings, engine.seed)
    with _ProgressOf(settings.conversations, quiet) as progress:
        written = write_simulation(
            population.batches(),
            folder,
            engine,
            format,
            on_made=progress.made,
            on_written=progress.written,
        )
    capture = FLOWS_NAME if format == "flows" else PCAP_NAME
    population.write_labels(folder / LABELS_NAME, capture=capture)
    population.write_truth(folder / TRUTH_NAME)
    summary = {
        "seed": engine.seed,
        "snaplen": engine.snaplen,
        "settings": asdict(settings),
        "totals": asdict(written.totals),
        "flow_records": written.flow_records,
    }
    (folder / SUMMARY_NAME).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    written.paths.append(folder / LABELS_NAME)
    return written


@contextmanager
def _own_folder(out: str) -> Iterator[Path]:
    """Make the output folder; empty it again, or remove it, if it cannot be filled."""
    folder = Path(out)
    try:
        is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"--out {out}: not empty; name a new folder")
    except OSError as error:
        raise ConfigError(f"--out {out}: {error.strerror or error}; name another") from error
    try:
        yield folder
    except OSError as error:
        _empty(folder, is_new)
        raise ConfigError(f"--out {out}: {error.strerror or error}; nothing was kept") from error
    except BaseException:
        _empty(folder, is_new)
        raise


def _empty(folder: Path, is_new: bool) -> None:
    if is_new:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


class _ProgressOf:
    """Conversations made, then octets written; silent without a terminal."""

    def __init__(self, conversations: int, quiet: bool) -> None:
        from minewatch.cli.progress import is_shown

        self._bar: Progress | None = None
        self._next = 0.0
        self._octets = self._done = 0
        if is_shown(quiet):
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.fields[packets]}", markup=False),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._making = self._bar.add_task("making", total=conversations, packets="")
            self._writing = self._bar.add_task("writing", total=None, packets="", visible=False)

    def __enter__(self) -> _ProgressOf:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def made(self, totals: Totals) -> None:
        self._octets = totals.captured_octets
        if self._bar is not None and self._is_due():
            packets = f"{totals.packets / 1e6:.2f} M packets"
            self._bar.update(self._making, completed=totals.conversations, packets=packets)

    def written(self, octets: int) -> None:
        self._done += octets
        if self._bar is not None and self._is_due():
            share = f"{self._done / 1e6:.0f} of {self._octets / 1e6:.0f} MB"
            self._bar.update(
                self._writing,
                total=self._octets,
                completed=self._done,
                packets=share,
                visible=True,
            )

    def _is_due(self) -> bool:
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + _UPDATE_EVERY_S
        return True


def print_written(written: Written) -> None:
    """Print what was made, on standard error.

    Parameters
    ----------
    written : what was written.
    """
    from minewatch.output.terminal import counted, error_console, safe

    console = error_console()
    totals = written.totals
    conversations = counted(totals.conversations, "conversation")
    console.print(safe(f"{conversations}, {counted(totals.packets, 'packet')}"))
    if written.flow_records:
        console.print(safe(f"  {counted(written.flow_records, 'flow record')}"))
    for path in written.paths:
        console.print(safe(f"  {path} ({path.stat().st_size / 1e6:.1f} MB)"), soft_wrap=True)
