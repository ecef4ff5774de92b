# SPDX-License-Identifier: Apache-2.0
"""``minewatch evaluate``: the benchmark over sources left out, or what ships on your traffic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from minewatch.cli import options as o
from minewatch.cli.errors import ERROR, complain
from minewatch.errors import ConfigError

if TYPE_CHECKING:
    from minewatch.experiments.benchmark.evaluate import EvaluateOptions
    from minewatch.experiments.benchmark.folds import Fold
    from minewatch.experiments.shipped.measure import Measured
    from minewatch.training.corpus.stored import Corpus

EPILOG: Final = """
Examples:

minewatch evaluate labels.tsv lab-run simulated --out benchmark --cache corpora

minewatch evaluate --small --out benchmark

minewatch evaluate --shipped labels.tsv --out measured

OUT gets report.md, report.html, results.json, the figures, and the scores. Needs: pip install
'minewatch\\[paper,deep]'. --shipped trains nothing, needs nothing and takes flow logs too: OUT gets
report.md and shipped.json.
"""
SMALL_TITLE: Final = "A small benchmark: three simulated towns"
SMALL_INTRODUCTION: Final = (
    "This shows that everything works. What it calls real sources are three simulations, which "
    "share one simulator: none of its figures says anything of a real network."
)


def evaluate(
    labels: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LABELS]...",
            help="Labels files, or folders of lab and simulate runs.",
            show_default=False,
        ),
    ] = None,
    *,
    out: Annotated[
        str, typer.Option("--out", metavar="OUT", help="Folder for the report.", show_default=False)
    ],
    cesnet: Annotated[
        str | None,
        typer.Option(metavar="CSV", help="Flows of CESNET-MINER22, pools left out by port."),
    ] = None,
    cache: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Keep what is read of the captures here, for next time."),
    ] = None,
    shipped: Annotated[
        bool,
        typer.Option(
            "--shipped",
            help="Train nothing: measure what scan uses, on labelled captures and flow logs.",
        ),
    ] = False,
    small: Annotated[
        bool, typer.Option("--small", help="Simulate three towns and leave each out: a check.")
    ] = False,
    no_baselines: Annotated[
        bool, typer.Option("--no-baselines", help="Leave out the systems of others.")
    ] = False,
    no_variants: Annotated[
        bool,
        typer.Option("--no-variants", help="Leave out the ablation and the random split."),
    ] = False,
    no_formats: Annotated[
        bool, typer.Option("--no-formats", help="Leave out the kinds of flow logs.")
    ] = False,
    formats_only: Annotated[
        bool,
        typer.Option("--formats-only", help="Only the kinds of flow logs: some minutes."),
    ] = False,
    workers: Annotated[
        int, typer.Option(metavar="N", help="Processes that make models, each with its memory.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    quiet: o.Quiet = False,
) -> None:
    """Measure every detector on sources that it was not trained on, and write a report."""
    if shipped:
        training = {
            "--small": small,
            "--cesnet": cesnet,
            "--cache": cache,
            "--no-baselines": no_baselines,
            "--no-variants": no_variants,
            "--no-formats": no_formats,
            "--formats-only": formats_only,
            "--workers": workers != 1,
            "--seed": seed,
        }
        refused = [name for name, is_given in training.items() if is_given]
        _evaluate_shipped(labels or [], out, refused, quiet)
        return
    from minewatch.experiments.benchmark.evaluate import EvaluateOptions, check_libraries

    if small == bool(labels):
        raise ConfigError("evaluate: either labels files and folders of runs, or --small")
    if small and (cesnet or cache):
        raise ConfigError("--small: simulates all that it measures; leave out --cesnet and --cache")
    if workers < 1:
        raise ConfigError(f"--workers {workers}: 1 or more; each needs a processor and memory")
    if not 0 <= seed < 1 << 31:
        raise ConfigError(f"--seed {seed}: from 0 to {(1 << 31) - 1}")
    if formats_only and no_formats:
        raise ConfigError("--formats-only: measures nothing without them; drop --no-formats")
    check_libraries()
    folder = _made("--out", out)
    kept = None if cache is None else _made("--cache", cache)
    tell = (lambda _: None) if quiet else _tell
    options = EvaluateOptions(
        seed,
        with_baselines=not no_baselines,
        with_variants=not no_variants,
        with_formats=not no_formats,
        small=small,
        workers=workers,
        title=SMALL_TITLE if small else "Benchmark",
        notes={"introduction": SMALL_INTRODUCTION} if small else {},
    )
    corpus, folds = (
        _towns(options.seed, tell) if small else (_read(labels or [], cesnet, kept, tell), None)
    )
    if formats_only:
        report = _formats(corpus, folder, options, tell, folds)
        if not quiet:
            _print_path(report)
        return
    found = _run(corpus, folder, options, tell, folds)
    if not quiet:
        print_targets(found, folder)


def _evaluate_shipped(labels: list[str], out: str, refused: list[str], quiet: bool) -> None:
    from minewatch.experiments.shipped.evaluate import REPORT, evaluate_shipped

    if refused:
        names = ", ".join(refused)
        raise ConfigError(f"--shipped: nothing is trained or drawn; leave out {names}")
    if not labels:
        raise ConfigError("--shipped: name labels files, or folders of runs")
    folder = _made("--out", out)
    measured = evaluate_shipped(labels, folder, (lambda _: None) if quiet else _tell)
    for problem in measured.problems:
        complain(problem)
    if not quiet:
        print_shipped(measured, folder / REPORT)
    if measured.problems:
        raise typer.Exit(ERROR)


def print_shipped(measured: Measured, report: Path) -> None:
    """Print what was found and the false alarms, by kind of input, and where the report is.

    Parameters
    ----------
    measured : everything.
    report : its file.
    """
    from minewatch.experiments.shipped.pages import summary_rows
    from minewatch.output.terminal import console, safe

    heads = ("input", "threshold", "mining found", "false alarms among normal")
    rows = [heads, *summary_rows(measured)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(heads))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        console().print(safe("  ".join(cells).rstrip()), soft_wrap=True)
    _print_path(report)


def _made(option: str, name: str) -> Path:
    """Make a folder before hours are spent on what goes into it."""
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{option} {name}: {error.strerror}; name another") from error
    return folder


def _read(
    labels: list[str], cesnet: str | None, cache: Path | None, tell: Callable[[str], None]
) -> Corpus:
    from minewatch.experiments.benchmark.corpora import read_sources

    return read_sources(labels, cesnet, cache, tell)


def _run(
    corpus: Corpus,
    folder: Path,
    options: EvaluateOptions,
    tell: Callable[[str], None],
    folds: list[Fold] | None,
) -> dict[str, Any]:
    from minewatch.experiments.benchmark.evaluate import evaluate as measure

    return measure(corpus, folder, options, tell, folds)


def _formats(
    corpus: Corpus,
    folder: Path,
    options: EvaluateOptions,
    tell: Callable[[str], None],
    folds: list[Fold] | None,
) -> Path:
    from minewatch.experiments.benchmark.evaluate import evaluate_formats

    return evaluate_formats(corpus, folder, options, tell, folds)


def _print_path(report: Path) -> None:
    from minewatch.output.terminal import console, safe

    console().print(safe(f"{report}"), soft_wrap=True)


def _towns(seed: int, tell: Callable[[str], None]) -> tuple[Corpus, list[Fold]]:
    from minewatch.experiments.benchmark.folds import Fold
    from minewatch.experiments.benchmark.small import TOWNS, simulated_towns

    with TemporaryDirectory(prefix="minewatch-") as run:
        corpus = simulated_towns(Path(run), seed + 1, tell)
    return corpus, [Fold(name, (name,)) for name, _ in TOWNS]


def _tell(step: str) -> None:
    from minewatch.output.terminal import error_console, safe

    error_console().print(safe(f"{step} ..."))


def print_targets(found: dict[str, Any], folder: Path) -> None:
    """Print what was to be shown and what was, and where the report is.

    Parameters
    ----------
    found : what ``results.json`` holds.
    folder : of the report.
    """
    from minewatch.output.terminal import console, safe

    out = console()
    for target in found["targets"]:
        value = target["measured"][0]  # the bounds stand in the report
        shown = "-" if value is None else f"{value:.3f}"
        line = f"{target['status']:<12}  {shown:>9}  {target['wanted']:<16}  {target['what']}"
        out.print(safe(line), soft_wrap=True)
    _print_path(folder / "report.html")
