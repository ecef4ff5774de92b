# SPDX-License-Identifier: Apache-2.0
"""From a run's folder to the report's files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from minewatch.errors import ConfigError
from minewatch.experiments.paper import figures
from minewatch.experiments.paper.document import as_html, as_markdown
from minewatch.experiments.paper.experiment import Clock, Findings, as_json, run_all
from minewatch.experiments.paper.report import report
from minewatch.experiments.paper.samples import read_samples

REPORT: Final = "report.md"
PAGE: Final = "report.html"
RESULTS: Final = "results.json"
TIMES: Final = "times.json"
"""Seconds of each part; apart from the results, which are the same on every run."""
FILES: Final = (REPORT, PAGE, RESULTS, TIMES, *figures.file_names())
_LIBRARIES: Final = ("matplotlib", "sklearn")


@dataclass(frozen=True, slots=True)
class ReproduceOptions:
    """How to reproduce.

    Parameters
    ----------
    seed : of splits, models and resampling.
    size : what a packet's size is: ``frame``, as Wireshark has it, or ``ip``.
    servers : networks of the servers; none for those of the run's plan.
    n_normal : normal pairs to keep, drawn at random; None for all.
    command : that the report names as its own.
    """

    seed: int = 7
    size: str = "frame"
    servers: Sequence[str] = field(default_factory=tuple)
    n_normal: int | None = None
    command: str = "minewatch reproduce"


def check_libraries() -> None:
    """Raise ConfigError if a library of the extra ``paper`` is missing."""
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"reproduce needs {' and '.join(missing)}: pip install 'minewatch[paper]'"
        )


def reproduce(run: Path, out: Path, options: ReproduceOptions, clock: Clock) -> Findings:
    """Read a run, compute everything, write the report's files into ``out``; return the findings.

    Parameters
    ----------
    run : folder of a lab or simulator run.
    out : folder for the report; it is made.
    options : how to do it.
    clock : measures the parts.

    Raises
    ------
    ConfigError : a library is missing, the run cannot be used, or ``out`` cannot be written.
    SourceError : a capture cannot be read.
    """
    check_libraries()
    with _whole_or_none(out) as folder:
        found = _written(run, folder, options, clock)
    return found


def _written(run: Path, out: Path, options: ReproduceOptions, clock: Clock) -> Findings:
    with clock.part("reading captures"):
        samples = read_samples(run, options.servers, options.size)
        if options.n_normal is not None:
            samples = samples.thinned(options.n_normal, options.seed)
    found = run_all(samples, options.seed, options.size, clock)
    with clock.part("figures"):
        figures.draw_all(samples, found.coins, out)
    with clock.part("report"):
        blocks = report(found, options.command)
        (out / REPORT).write_text(as_markdown(blocks), encoding="utf-8")
        (out / PAGE).write_text(as_html(blocks, out), encoding="utf-8")
        text = json.dumps(as_json(found), indent=1, allow_nan=False)
        (out / RESULTS).write_text(text + "\n", encoding="utf-8")
    times = {name: round(seconds, 2) for name, seconds in clock.seconds.items()}
    (out / TIMES).write_text(json.dumps(times, indent=1) + "\n", encoding="utf-8")
    return found


@contextmanager
def _whole_or_none(out: Path) -> Iterator[Path]:
    """Give a folder to write into; move its files to ``out`` once all are written.

    A report that was there is replaced as a whole: no figure of it stays behind.
    """
    is_new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".report-", dir=out) as temporary:
            yield Path(temporary)
            for name in FILES:
                (out / name).unlink(missing_ok=True)
            for path in sorted(Path(temporary).iterdir()):
                path.replace(out / path.name)
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"{out}: {reason}; no report was written") from error
    finally:
        if is_new:
            with suppress(OSError):  # there is something in it
                out.rmdir()
