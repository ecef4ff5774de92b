# SPDX-License-Identifier: Apache-2.0
"""The whole benchmark: corpora, folds, scores, variants, report, and the models that ship."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import polars as pl

from minewatch import registry
from minewatch.contracts import Detector
from minewatch.detectors.block_clock import BlockClockDetector
from minewatch.detectors.fusion import DEFAULT_PARTS, Fusion
from minewatch.detectors.learnt import LearntDetector
from minewatch.detectors.one_class import OneClassDetector
from minewatch.detectors.rhythm import RhythmDetector
from minewatch.detectors.sequence import SequenceDetector
from minewatch.detectors.signature import SignatureDetector
from minewatch.detectors.synchrony import SynchronyDetector
from minewatch.errors import ConfigError
from minewatch.experiments.benchmark.by_format import measured as found_by_format
from minewatch.experiments.benchmark.fold_models import COUNTED, Bench
from minewatch.experiments.benchmark.folds import MADE, Fold, folds_of, random_folds
from minewatch.experiments.benchmark.format_scores import format_scores, run_formats
from minewatch.experiments.benchmark.format_tables import format_blocks
from minewatch.experiments.benchmark.report import write_report
from minewatch.experiments.benchmark.run import (
    BenchmarkOptions,
    MadeFold,
    run_benchmark,
    training_table,
)
from minewatch.experiments.benchmark.scores import ScoreTable
from minewatch.experiments.benchmark.shipping import ship_models
from minewatch.experiments.benchmark.units import SCOPES
from minewatch.experiments.benchmark.variants import ALL, RANDOM, ablations, real_only
from minewatch.experiments.paper.document import Block, Heading, Paragraph, as_markdown
from minewatch.training.corpus.log_views import LOG_SETTINGS
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.recipe import Recipe
from minewatch.training.recipes import BASELINES, DEFAULT

SCORES: Final = "scores"
VARIANTS: Final = "variants"
FORMATS: Final = "formats"
FORMATS_REPORT: Final = "formats.md"
SMALL_HORIZONS_S: Final = (120, 600, WHOLE)
FITTING: Final = ("sklearn", "skl2onnx", "onnx", "torch")
"""Libraries that make models; the report needs matplotlib besides."""

LEARNT: Final[tuple[type[LearntDetector], ...]] = (
    RhythmDetector,
    SequenceDetector,
    OneClassDetector,
    *registry.BASELINES,
)


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """What to evaluate.

    Parameters
    ----------
    seed : of everything random.
    with_baselines : measure the systems of others too.
    with_variants : measure without each family of features, and a random split.
    with_formats : measure what each kind of flow log shows.
    small : fewer moments, one round: a check that it works.
    workers : processes that make the models of folds.
    title : of the report.
    notes : texts for the report; see ``report.write_report``.
    """

    seed: int = 0
    with_baselines: bool = True
    with_variants: bool = True
    with_formats: bool = True
    small: bool = False
    workers: int = 1
    title: str = "Benchmark"
    notes: Mapping[str, str] = field(default_factory=dict)


def benchmark_options(options: EvaluateOptions) -> BenchmarkOptions:
    """Return which recipes and detectors are measured, and how.

    Parameters
    ----------
    options : what to evaluate.
    """
    recipes: list[Recipe] = [*DEFAULT, *(BASELINES if options.with_baselines else ())]
    made = BenchmarkOptions(
        recipes,
        [cls for cls in LEARNT if any(one.detector == cls.name for one in recipes)],
        fixed_detectors(),
        # A mapping that processes can hand on.
        Fusion(parts=dict(DEFAULT_PARTS)),
        seed=options.seed,
        workers=options.workers,
    )
    if options.small:
        recipes = [replace(one, variants=0, horizons_s=SMALL_HORIZONS_S) for one in recipes]
        made = replace(made, recipes=recipes, horizons_s=SMALL_HORIZONS_S)
    return made


def fixed_detectors() -> list[Detector]:
    """Return the detectors that learn nothing; ``intel`` is left out, which only knows its list."""
    return [SignatureDetector(), BlockClockDetector(), SynchronyDetector()]


def check_libraries(modules: Sequence[str] = (*FITTING, "matplotlib")) -> None:
    """Raise ConfigError if a library that the benchmark needs is missing.

    Parameters
    ----------
    modules : their import names.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"evaluate needs {' and '.join(missing)}: pip install 'minewatch[paper,deep]'"
        )


def evaluate(
    corpus: Corpus,
    out: Path,
    options: EvaluateOptions,
    on_step: Callable[[str], None] = lambda step: None,
    folds: Sequence[Fold] | None = None,
) -> dict[str, Any]:
    """Measure every detector on recorders left out, and write the report and the scores.

    Parameters
    ----------
    corpus : labelled conversations of all sources.
    out : folder of the report.
    options : what to evaluate.
    on_step : called with what is done next.
    folds : what is left out in turn; None for ``folds_of``.

    Raises
    ------
    ConfigError : a library is not installed.
    ModelError : too few recorders.
    """
    check_libraries()
    measured = benchmark_options(options)
    made: list[MadeFold] = []
    scores = run_benchmark(corpus, measured, on_step, folds, made.extend)
    scores.write(out / SCORES)
    logs: dict[str, ScoreTable] = {}
    if options.with_formats:
        logs = format_scores(corpus, made, measured.fusion, LOG_SETTINGS, on_step)
        _write_all(logs, out / FORMATS)
    variants: dict[str, ScoreTable] = {}
    if options.with_variants:
        variants = _variants(corpus, measured, on_step, folds)
        _write_all(variants, out / VARIANTS)
    on_step("report")
    return write_report(scores, variants, out, options.title, options.notes, logs=logs)


def _write_all(found: Mapping[str, ScoreTable], folder: Path) -> None:
    for name, table in found.items():
        table.write(folder / name.replace(" ", "-"))


def evaluate_formats(
    corpus: Corpus,
    out: Path,
    options: EvaluateOptions,
    on_step: Callable[[str], None] = lambda step: None,
    folds: Sequence[Fold] | None = None,
) -> Path:
    """Measure what each kind of flow log shows, and nothing else; return the report's path.

    Parameters
    ----------
    corpus : labelled conversations of all sources.
    out : folder of the report and the scores.
    options : what to evaluate; the systems of others are left out.
    on_step : called with what is done next.
    folds : what is left out in turn; None for ``folds_of``.

    Raises
    ------
    ConfigError : a library is not installed.
    ModelError : too few recorders.
    """
    check_libraries(FITTING)
    measured = benchmark_options(replace(options, with_baselines=False))
    logs = run_formats(corpus, measured, LOG_SETTINGS, on_step, folds)
    _write_all(logs, out / FORMATS)
    blocks: list[Block] = [Heading(1, options.title)]
    blocks += [Paragraph(text) for text in options.notes.values()]
    for scope in SCOPES:
        blocks += format_blocks(found_by_format(logs, scope=scope), f"Flow logs: {scope}")
    report = out / FORMATS_REPORT
    report.write_text(as_markdown(blocks), encoding="utf-8")
    return report


def _variants(
    corpus: Corpus,
    measured: BenchmarkOptions,
    on_step: Callable[[str], None],
    folds: Sequence[Fold] | None,
) -> dict[str, ScoreTable]:
    labelled = corpus.conversations
    chosen = folds or real_only(folds_of(labelled), MADE)
    found: dict[str, ScoreTable] = {}
    for name, options in ablations(measured):
        on_step(f"variant: {name}")
        found[name] = run_benchmark(corpus, options, folds=chosen)
        if name == ALL and folds is None:
            on_step(f"variant: {RANDOM}")
            by_chance = random_folds(labelled, len(chosen), options.seed)
            found[RANDOM] = run_benchmark(corpus, options, folds=by_chance)
    return found


def ship(
    corpus: Corpus,
    folder: Path,
    seed: int = 0,
    on_step: Callable[[str], None] = lambda step: None,
) -> None:
    """Make the models that ship, of all recorders.

    Parameters
    ----------
    corpus : labelled conversations of all sources.
    folder : of the model files.
    seed : of everything random.
    on_step : called with what is made next.
    """
    check_libraries(FITTING)
    # The model of flowstats that ships is the one of `minewatch train`, with a page of its own.
    recipes = [one for one in (*DEFAULT, *BASELINES) if one.detector != "flowstats"]
    options = replace(benchmark_options(EvaluateOptions(seed)), recipes=recipes)
    on_step("features of training rows")
    table = training_table(corpus, recipes, seed)
    bench = Bench(
        recipes,
        pl.DataFrame(),
        options.fusion,
        corpus.conversations.select(COUNTED),
        seed,
    )
    ship_models(table, bench, folder, on_step)
