# SPDX-License-Identifier: Apache-2.0
"""``minewatch reproduce``: the paper's tables and figures, with an honest split beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from minewatch.cli import options as o
from minewatch.cli.errors import INTERRUPTED, complain
from minewatch.errors import ConfigError

if TYPE_CHECKING:
    from minewatch.experiments.paper.experiment import Findings

EPILOG: Final = """
Examples:

minewatch reproduce --out paper

minewatch reproduce --out paper --run lab-run

minewatch reproduce --out paper --small

OUT gets report.md, report.html, results.json, times.json and the figures; without --run also the
simulated captures, in OUT/run. Needs: pip install 'minewatch\\[paper]'.
"""

RUN_FOLDER: Final = "run"
SMALL_CONVERSATIONS: Final = 4000
"""Conversations of ``--small``: enough for ten folds and every table, in about a minute."""
MIN_MINING: Final = 60
PILOT_CONVERSATIONS: Final = 6000
SURPLUS: Final = 1.05
"""What is too much is left out again, at random."""
SNAP_LENGTH: Final = 128
"""Octets kept of a frame: all headers. Sizes are those on the wire."""


def reproduce(
    *,
    out: Annotated[
        str, typer.Option("--out", metavar="OUT", help="Folder for the report.", show_default=False)
    ],
    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="RUN",
            help="Folder of a lab or simulate run to use. \\[default: simulate one]",
            show_default=False,
        ),
    ] = None,
    conversations: Annotated[
        int,
        typer.Option(
            metavar="N", help="Rows to simulate, counted as the paper does: after its Figure 1."
        ),
    ] = 84_344,
    mining: Annotated[int, typer.Option(metavar="N", help="Mining ones among them.")] = 157,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 7,
    small: Annotated[
        bool,
        typer.Option("--small", help=f"Simulate {SMALL_CONVERSATIONS:,} rows only: a check."),
    ] = False,
    size: Annotated[
        str,
        typer.Option(
            metavar="SIZE",
            help="What a packet's size is: frame (on the wire, as Wireshark has it) or ip.",
        ),
    ] = "frame",
    home: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CIDR",
            help="Network of the servers; may be given again. \\[default: the run's plan, else "
            "private ranges]",
            show_default=False,
        ),
    ] = None,
    quiet: o.Quiet = False,
) -> None:
    """Make the paper's tables and figures again, from simulated or lab traffic."""
    from minewatch.experiments.paper.experiment import Clock
    from minewatch.experiments.paper.flows import SIZES
    from minewatch.experiments.paper.reproduce import ReproduceOptions, check_libraries
    from minewatch.experiments.paper.reproduce import reproduce as make_report

    if small and run is not None:
        raise ConfigError("--small: only for what is simulated, not with --run")
    if size not in SIZES:
        raise ConfigError(f"--size {size}: one of {', '.join(SIZES)}")
    check_libraries()
    total = SMALL_CONVERSATIONS if small else conversations
    folder = Path(out)
    source = folder / RUN_FOLDER if run is None else Path(run)
    clock = Clock((lambda _: None) if quiet else _tell)
    if run is None:
        _check_composition(total, mining)
        with _own_folder(folder), clock.part("simulating"):
            simulate_paper(source, total, mining, seed)
    n_normal = total - mining if run is None else None
    command = _command(run, total, mining, seed, size, home or ())
    options = ReproduceOptions(seed, size, tuple(home or ()), n_normal, command)
    try:
        found = make_report(source, folder, options, clock)
    except KeyboardInterrupt as error:
        kept = f"; the captures are kept, give them with --run {source}" if run is None else ""
        complain(f"interrupted; no report was written{kept}")
        raise typer.Exit(INTERRUPTED) from error
    if not quiet:
        print_findings(found, folder)


def _check_composition(conversations: int, mining: int) -> None:
    if not MIN_MINING <= mining <= conversations // 2:
        raise ConfigError(
            f"--mining {mining}: at least {MIN_MINING}, for ten folds and a test, and at most half "
            f"of --conversations {conversations}"
        )


@contextmanager
def _own_folder(folder: Path) -> Iterator[None]:
    """Make OUT, unless there is something in it; leave no empty one behind."""
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise ConfigError(f"--out {folder}: {error.strerror or error}; name another") from error
    if not is_empty:
        run = folder / RUN_FOLDER
        cure = f", or use its captures: --run {run}" if (run / "labels.tsv").is_file() else ""
        raise ConfigError(f"--out {folder}: not empty; name a new folder{cure}")
    try:
        yield
    finally:
        if is_new:
            with suppress(OSError):  # there is something in it
                folder.rmdir()


def _command(
    run: str | None,
    conversations: int,
    mining: int,
    seed: int,
    size: str,
    home: Sequence[str],
) -> str:
    """How to make the same report again; folders' names are the caller's own."""
    simulated = f"--conversations {conversations} --mining {mining}"
    parts = ["minewatch reproduce --out OUT", simulated if run is None else "--run RUN"]
    parts += [f"--seed {seed}", *(f"--home {network}" for network in home)]
    parts += [f"--size {size}"] if size != "frame" else []
    return " ".join(parts)


def simulate_paper(folder: Path, rows: int, mining: int, seed: int) -> None:
    """Simulate the paper's composition: ten servers, five coins, one miner program.

    Figure 1 drops most of what reaches a server (lone packets of scans). A pilot tells which share
    of normal conversations it leaves, and so how many there must be.

    Parameters
    ----------
    folder : for captures and labels; it is made, in a folder that exists.
    rows : pairs of flows wanted after Figure 1; there are somewhat more.
    mining : mining conversations.
    seed : of everything drawn.
    """
    from minewatch.cli.simulate import simulate
    from minewatch.experiments.paper.samples import read_samples

    def draw(out: Path, conversations: int) -> None:
        simulate(
            out=str(out),
            conversations=conversations,
            mining=mining,
            seed=seed,
            composition="paper",
            snaplen=SNAP_LENGTH,
            quiet=True,
        )

    with TemporaryDirectory(prefix="pilot-", dir=folder.parent) as pilot:
        draw(Path(pilot), PILOT_CONVERSATIONS)
        samples = read_samples(Path(pilot))
    share = (len(samples) - samples.is_mining.sum()) / samples.conversations["normal"]
    draw(folder, mining + round(SURPLUS * (rows - mining) / share))


def _tell(part: str) -> None:
    from minewatch.output.terminal import error_console, safe

    error_console().print(safe(f"{part} ..."))


def print_findings(found: Findings, folder: Path) -> None:
    """Print the table that the paper prints, and where the report is.

    Parameters
    ----------
    found : all findings.
    folder : of the report.
    """
    from minewatch.experiments.paper import paper_numbers as paper
    from minewatch.output.terminal import console, safe

    out = console()
    rows: list[tuple[Any, ...]] = [("model", "plot", "paper", "ours", "test", "honest split")]
    for result in found.results:
        honest = f"{100 * result.honest.macro.value:.2f}" if result.honest else "-"
        rows.append(
            (
                result.model,
                result.statistic,
                paper.TABLE_1[(result.model, result.statistic)],
                f"{100 * result.cross_validation.macro.value:.2f}",
                f"{100 * result.test.macro.value:.2f}",
                honest,
            )
        )
    out.print(safe("macro-F1 in percent; paper and ours: ten-fold cross-validation"))
    for row in rows:
        out.print(safe("  {:<6} {:<12} {:>7} {:>7} {:>7} {:>13}".format(*row)), soft_wrap=True)
    out.print(safe(f"{folder / 'report.html'}"), soft_wrap=True)
