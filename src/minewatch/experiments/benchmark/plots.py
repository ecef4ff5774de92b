# SPDX-License-Identifier: Apache-2.0
"""The benchmark's figures, drawn so that they survive a printer without colour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from minewatch.detectors.fusion import BASE_RATE
from minewatch.experiments.benchmark.delays import first_seconds, found_by
from minewatch.experiments.benchmark.evasions import INPUTS, ROWS, WANTED, Hidden
from minewatch.experiments.benchmark.findings import BUDGET, Findings, OfInput
from minewatch.experiments.benchmark.measures import Measures
from minewatch.experiments.benchmark.ranking import Curve, curve_of, own_threshold, precision_at
from minewatch.experiments.benchmark.scores import FUSED, ScoreTable
from minewatch.experiments.benchmark.units import Units, units_of
from minewatch.experiments.paper.metrics import Interval
from minewatch.training.corpus.views import InputKind
from minewatch.types import FloatArray

_DPI: Final = 110
# Okabe and Ito's palette; each with a dash and a marker of its own, for print in grey.
_COLOURS: Final = ("#000000", "#0072B2", "#E69F00", "#009E73", "#CC79A7")
_DASHES: Final = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
_MARKERS: Final = ("o", "s", "^", "D", "X")
_GREY: Final = "#8c8c8c"
_RIVALS: Final = 4
_COLUMNS: Final = 4
_TICKS_S: Final = (30, 60, 120, 300, 600, 1800, 3600, 7200)


def draw_all(scores: ScoreTable, found: Findings, folder: Path) -> dict[str, str]:
    """Draw every figure into a folder; return their captions by file.

    Parameters
    ----------
    scores : what the curves are of.
    found : its measures.
    folder : exists.
    """
    main = found.scopes.get(found.main_scope, {})
    units = {
        kind: units_of(scores, kind).of_scope(found.main_scope)
        for kind in InputKind
        if kind.value in main
    }
    captions = {}
    for name, (figure, caption) in _figures(found, main, units):
        figure.savefig(folder / name, metadata={"Software": None})  # its version changes nothing
        captions[name] = caption
    return captions


def _figures(
    found: Findings, main: Mapping[str, OfInput], units: Mapping[InputKind, Units]
) -> Iterator[tuple[str, tuple[Any, str]]]:
    curves = {kind: _curves(own) for kind, own in units.items()}
    curves = {kind: by_name for kind, by_name in curves.items() if by_name}
    for kind, by_name in curves.items():
        yield (
            f"roc-{kind.value}.png",
            (
                roc(by_name, kind.value),
                f"ROC at low false alarm rates, {kind.value}: each detector (black) with fused "
                "(grey) behind it. Left of the dashed line there is no false alarm at all.",
            ),
        )
    if curves:
        yield (
            "pr.png",
            (
                precision_recall(curves, main),
                "Precision at the base rate over recall: fused, and the four detectors with the "
                "largest area (in brackets).",
            ),
        )
    measures = {kind: of.measures[FUSED] for kind, of in main.items()}
    if any(of.calibration.bins for of in measures.values()):
        yield (
            "calibration.png",
            (
                calibration(measures),
                "Calibration of fused: share that is mining over mean probability, moved to the "
                "prevalence of the conversations; the numbers are how many they are.",
            ),
        )
    lines = {kind.value: line for kind, own in units.items() if (line := _line(own))}
    if lines:
        yield (
            "time-to-detect.png",
            (
                time_to_detect(lines),
                "Share of mining conversations that fused has found after so many seconds, at "
                f"{BUDGET} false alarms in 100,000.",
            ),
        )
    yield from _of_tables(found, measures)


def _of_tables(
    found: Findings, measures: Mapping[str, Measures]
) -> Iterator[tuple[str, tuple[Any, str]]]:
    if any(found.evasions.values()):
        yield (
            "evasions.png",
            (
                evasion_map(found.evasions),
                "Recall of fused on mining that hides, and how many of how many; framed: below "
                f"{WANTED:.2f}.",
            ),
        )
    if found.variants:
        yield (
            "ablation.png",
            (
                ablation(measures, found.variants),
                f"Recall of fused at {BUDGET} false alarms in 100,000 as it is, and of the "
                "variants, with 95 % intervals.",
            ),
        )


def _curves(units: Units) -> dict[str, Curve]:
    found = {name: curve_of(units, name) for name in units.scores}
    return {name: curve for name, curve in found.items() if curve is not None}


def _line(units: Units) -> tuple[FloatArray, FloatArray] | None:
    own, trained = own_threshold(units, FUSED, BUDGET), units.thresholds[FUSED, BUDGET]
    threshold = trained if np.isnan(own) else own
    if np.isnan(threshold).all() or not units.is_mining.any():
        return None
    times = first_seconds(units, FUSED, threshold)[units.is_mining]
    return found_by(times, units.weight[units.is_mining])


def roc(curves: Mapping[str, Curve], title: str) -> Any:
    """Return a panel for each detector, with fused behind it.

    Parameters
    ----------
    curves : by detector, fused among them.
    title : of the figure.
    """
    n_rows = max(-(-len(curves) // _COLUMNS), 2)
    figure, panels = _figure((10, 2.3 * n_rows + 0.6), n_rows, _COLUMNS, sharex=True, sharey=True)
    normal = float(curves[FUSED].false[0, -1])
    floor = 0.5 / normal
    for axes, (name, curve) in zip(panels.flat, curves.items(), strict=False):
        if name != FUSED:
            _roc_line(axes, curves[FUSED], floor, color=_GREY, lw=2.4, alpha=0.7)
        _roc_line(axes, curve, floor, color="black", lw=1.4)
        axes.axvline(1 / normal, ls="--", lw=0.8, color=_GREY)
        axes.set_title(name, fontsize=10)
        _grid(axes)
    panels.flat[0].set(xscale="log", xlim=(floor, 1), ylim=(-0.02, 1.02))  # all share its axes
    for number in range(len(curves), n_rows * _COLUMNS):
        panels.flat[number].set_visible(False)
        panels.flat[number - _COLUMNS].tick_params(labelbottom=True)  # the lowest of its column
    figure.supxlabel("false alarms / normal conversations", fontsize=10)
    figure.supylabel("recall", fontsize=10)
    figure.suptitle(title)
    return figure


def _roc_line(axes: Any, curve: Curve, floor: float, **style: Any) -> None:
    rate = curve.false[0, :-1] / curve.false[0, -1]
    recall = curve.found[0, :-1] / curve.found[0, -1]
    x = np.concatenate([[floor], np.maximum(rate, floor), [1.0]])
    y = np.concatenate([[0.0], recall, recall[-1:] if len(recall) else [0.0]])
    axes.step(x, y, where="post", **style)


def precision_recall(
    curves: Mapping[InputKind, Mapping[str, Curve]], main: Mapping[str, OfInput]
) -> Any:
    """Return a panel for each kind of input.

    Parameters
    ----------
    curves : by kind of input and detector.
    main : measures by kind of input.
    """
    shown = {kind: by_name for kind, by_name in curves.items() if by_name}
    figure, panels = _panels(len(shown), (3.5, 3.5))
    for axes, (kind, by_name) in zip(panels, shown.items(), strict=False):
        areas = {
            name: float(np.nan_to_num(main[kind.value].measures[name].pr_auc_at_base.value))
            for name in by_name
        }
        rivals = sorted((name for name in areas if name != FUSED), key=lambda n: (-areas[n], n))
        chosen = [FUSED, *rivals[:_RIVALS]]
        for name, colour, dash in zip(chosen, _COLOURS, _DASHES, strict=False):
            curve = by_name[name]
            recall = curve.found[0, :-1] / curve.found[0, -1]
            alarms = curve.false[0, :-1] / curve.false[0, -1]
            precision = precision_at(BASE_RATE, recall, alarms)
            axes.step(
                recall, precision, where="pre", color=colour, ls=dash,
                lw=2.2 if name == FUSED else 1.4, label=f"{name} ({areas[name]:.2f})",
            )  # fmt: skip
        axes.set_title(kind.value, fontsize=10)
        axes.set_xlabel("recall")
        axes.set_ylabel("precision at 2 in 1,000")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.05)
        axes.legend(fontsize=7, loc="best", framealpha=0.9)
        _grid(axes)
    return figure


def calibration(measures: Mapping[str, Measures]) -> Any:
    """Return a panel for each kind of input.

    Parameters
    ----------
    measures : of fused, by kind of input.
    """
    shown = {kind: of.calibration for kind, of in measures.items() if of.calibration.bins}
    figure, panels = _panels(len(shown), (3.0, 3.2))
    for axes, (kind, of) in zip(panels, shown.items(), strict=False):
        x = [part.predicted for part in of.bins]
        y = [part.observed for part in of.bins]
        axes.plot([0, 1], [0, 1], ls="--", lw=1, color=_GREY)
        axes.plot(x, y, marker="o", ms=5, lw=1.4, color="black")
        for part in of.bins:
            axes.annotate(
                f"{part.conversations:,}", (part.predicted, part.observed), fontsize=7,
                xytext=(4, -9 if part.observed > 0.5 else 5), textcoords="offset points",
            )  # fmt: skip
        axes.set_title(f"{kind}\nBrier {of.brier.value:.4f}", fontsize=10)
        axes.set_xlabel("mean probability")
        axes.set_ylabel("share that is mining")
        axes.set_xlim(-0.05, 1.12)
        axes.set_ylim(-0.08, 1.08)
        _grid(axes)
    return figure


def time_to_detect(lines: Mapping[str, tuple[FloatArray, FloatArray]]) -> Any:
    """Return one line for each kind of input: how many are found by when.

    Parameters
    ----------
    lines : of ``delays.found_by``, by kind of input.
    """
    figure, axes = _figure((7.0, 4.4))
    last = max((float(times.max(initial=0)) for times, _ in lines.values()), default=0)
    end = max(last, float(_TICKS_S[-1]))
    for (kind, (times, shares)), colour, dash, marker in zip(
        lines.items(), _COLOURS, _DASHES, _MARKERS, strict=False
    ):
        x = np.concatenate([[_TICKS_S[0] / 2], times, [end]])
        y = np.concatenate([[0.0], shares, shares[-1:] if len(shares) else [0.0]])
        axes.step(
            x, y, where="post", color=colour, ls=dash, marker=marker, ms=4, lw=1.6,
            markevery=max(len(x) // 8, 1), label=kind,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(_TICKS_S, [str(seconds) for seconds in _TICKS_S])
    axes.set_xticks([], minor=True)
    axes.set_xlim(_TICKS_S[0] / 2, end)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("seconds of the conversation seen")
    axes.set_ylabel("found, of all mining conversations")
    axes.axhline(0.5, ls=":", lw=0.8, color=_GREY)
    axes.legend(fontsize=8, loc="best", framealpha=0.9)
    _grid(axes)
    return figure


def evasion_map(cells: Mapping[str, Mapping[str, Hidden]]) -> Any:
    """Return recall by way of hiding and kind of input.

    Parameters
    ----------
    cells : by way of hiding and kind of input.
    """
    kinds = [kind.value for kind in INPUTS if any(kind.value in row for row in cells.values())]
    values = np.array(
        [
            [row[kind].recall.value if kind in row else np.nan for kind in kinds]
            for row in cells.values()
        ]
    )
    figure, axes = _figure((2.4 + 1.6 * len(kinds), 0.45 * len(cells) + 1.4))
    image = axes.imshow(values, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for i, row in enumerate(cells.values()):
        for j, kind in enumerate(kinds):
            if kind in row:
                _cell(axes, (j, i), row[kind])
    axes.set_xticks(range(len(kinds)), kinds, fontsize=8)
    axes.set_yticks(range(len(cells)), [ROWS[name] for name in cells])
    axes.tick_params(length=0)
    figure.colorbar(image, ax=axes, label="recall", shrink=0.9)
    return figure


def _cell(axes: Any, at: tuple[int, int], of: Hidden) -> None:
    from matplotlib.patches import Rectangle

    value = of.recall.value
    if np.isnan(value):
        axes.text(*at, "none", ha="center", va="center", fontsize=8, color=_GREY)
        return
    colour = "white" if value < 0.55 else "black"
    text = f"{value:.2f}  ({of.found:,}/{of.mining:,})"
    axes.text(*at, text, ha="center", va="center", fontsize=8, color=colour)
    if not of.reaches:
        corner = (at[0] - 0.47, at[1] - 0.44)
        for colour, width in (("white", 4), ("#D55E00", 2)):  # seen on any grey
            axes.add_patch(Rectangle(corner, 0.94, 0.88, fill=False, ec=colour, lw=width))


def ablation(main: Mapping[str, Measures], variants: Mapping[str, Mapping[str, Measures]]) -> Any:
    """Return bars of recall by variant, a panel for each kind of input.

    Parameters
    ----------
    main : of fused, by kind of input.
    variants : by name and kind of input.
    """
    tables: dict[str, Mapping[str, Measures]] = {"all, as it is": main, **variants}
    names = list(tables)
    figure, panels = _figure(
        (2.2 + 2.2 * len(main), 0.34 * len(names) + 1.2), 1, len(main), sharey=True
    )
    for axes, kind in zip(np.atleast_1d(panels), main, strict=True):
        for place, name in enumerate(names):
            recall = _own_recall(tables[name].get(kind))
            if np.isnan(recall.value):
                continue
            spread = np.nan_to_num([[recall.value - recall.low], [recall.high - recall.value]])
            axes.barh(
                place, recall.value, 0.7, color="#404040" if place == 0 else "#c9c9c9",
                edgecolor="black", lw=0.6, xerr=np.clip(spread, 0, None), capsize=2,
                error_kw={"lw": 1, "ecolor": "#D55E00"},
            )  # fmt: skip
        axes.set_title(kind, fontsize=8)
        axes.set_xlim(0, 1.02)
        axes.set_yticks(range(len(names)), names)
        axes.grid(visible=True, axis="x", lw=0.4, color="#dddddd")
        axes.set_axisbelow(True)
    np.atleast_1d(panels)[0].invert_yaxis()
    figure.supxlabel(f"recall at {BUDGET} false alarms in 100,000", fontsize=10)
    return figure


def _own_recall(of: Measures | None) -> Interval:
    own = of.budgets[BUDGET].own if of else None
    return own.recall if own else Interval(float("nan"))


def _figure(size: tuple[float, float], *shape: int, **options: Any) -> tuple[Any, Any]:
    # Not pyplot: it keeps every figure, and looks for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(*shape, **options)


def _panels(n: int, size: tuple[float, float]) -> tuple[Any, Sequence[Any]]:
    columns = min(n, 3)
    rows = -(-n // columns)
    figure, panels = _figure((size[0] * columns, size[1] * rows), rows, columns)
    flat = list(np.atleast_1d(panels).flat)
    for axes in flat[n:]:
        axes.set_visible(False)
    return figure, flat


def _grid(axes: Any) -> None:
    axes.grid(visible=True, which="major", lw=0.4, color="#dddddd")
    axes.set_axisbelow(True)
