# SPDX-License-Identifier: Apache-2.0
"""The paper's Figures 2, 3 and 4, drawn so that they survive a printer without colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from minewatch.experiments.paper import paper_numbers as paper
from minewatch.experiments.paper.flows import STATISTICS
from minewatch.experiments.paper.protocol import Result
from minewatch.experiments.paper.samples import Samples

PANELS: Final = {"a": "bits/s", "b": "bits/packet", "c": "packets/s"}
"""Letters of the paper's panels."""
UNITS: Final = {"bits/s": "bit/s", "bits/packet": "bit per packet", "packets/s": "packets/s"}
# Light to dark when printed in grey, and each with a marker of its own (Okabe and Ito's palette).
_MARKERS: Final = ("o", "s", "^", "D", "P", "X", "v")
_COLOURS: Final = ("#000000", "#E69F00", "#0072B2", "#56B4E9", "#D55E00", "#009E73", "#CC79A7")
_NORMAL: Final = "#9a9a9a"
_DPI: Final = 144
_SIZE: Final = (5.6, 4.6)


def file_names() -> tuple[str, ...]:
    """Return the names of all figures' files."""
    return (*(f"figure-{n}{letter}.png" for n in (2, 3) for letter in PANELS), "figure-4.png")


def draw_all(samples: Samples, coins: Sequence[Result], folder: Path) -> None:
    """Draw every figure into a folder.

    Parameters
    ----------
    samples : all rows.
    coins : results of the coin experiment; without any, Figures 3 and 4 are not drawn.
    folder : exists.
    """
    for letter, statistic in PANELS.items():
        _save(scatter_of_labels(samples, statistic), folder / f"figure-2{letter}.png")
        if coins:
            _save(scatter_of_coins(samples, statistic), folder / f"figure-3{letter}.png")
    if coins:
        _save(bars(coins), folder / "figure-4.png")


def scatter_of_labels(samples: Samples, statistic: str) -> Any:
    """Return a panel of Figure 2: mining among normal traffic.

    Parameters
    ----------
    samples : all rows.
    statistic : one of ``flows.STATISTICS``.
    """
    values, is_mining = samples.values(statistic), samples.is_mining
    figure, axes = _axes(statistic)
    normal, mining = values[~is_mining], values[is_mining]
    axes.plot(
        *normal.T, ".", ms=2.5, mew=0, color=_NORMAL, alpha=0.6, rasterized=True,
        label=f"normal ({len(normal):,})",
    )  # fmt: skip
    axes.plot(
        *mining.T, "D", ms=4.5, mew=0.7, mfc="#FFE08A", mec="black",
        label=f"mining ({len(mining):,})",
    )  # fmt: skip
    axes.set_title(f"Mining and normal traffic: {statistic}")
    legend = axes.legend(loc="best", framealpha=0.9)
    legend.legend_handles[0].set_markersize(8)  # a dot of the cloud would not be seen alone
    return figure


def scatter_of_coins(samples: Samples, statistic: str) -> Any:
    """Return a panel of Figure 3: mining traffic by coin.

    Parameters
    ----------
    samples : all rows; the mining ones are drawn.
    statistic : one of ``flows.STATISTICS``.
    """
    mining = samples.mining()
    values, coins = mining.values(statistic), np.array(mining.table["coin"].to_list())
    figure, axes = _axes(statistic)
    for coin, marker, colour in zip(np.unique(coins), _MARKERS, _COLOURS, strict=False):
        own = values[coins == coin]
        axes.plot(
            *own.T, marker, ms=6, mew=1.1, mfc="none", mec=colour, label=f"{coin} ({len(own)})"
        )
    axes.set_title(f"Mining traffic by coin: {statistic}")
    axes.legend(loc="best", framealpha=0.9)
    return figure


def bars(coins: Sequence[Result]) -> Any:
    """Return Figure 4: macro-F1 over coins on bits/packet, cross-validation and test.

    Parameters
    ----------
    coins : results of the coin experiment.
    """
    figure, axes = _figure()
    rows = [result for result in coins if result.statistic == "bits/packet"]
    places = np.arange(len(rows))
    parts: Mapping[str, tuple[float, str, str, Any]] = {
        "cross-validation": (-0.2, "#d9d9d9", "", [row.cross_validation.macro for row in rows]),
        "test": (0.2, "#636363", "///", [row.test.macro for row in rows]),
    }
    for name, (shift, colour, hatch, intervals) in parts.items():
        heights = np.array([100 * interval.value for interval in intervals])
        low = np.array([100 * interval.low for interval in intervals])
        high = np.array([100 * interval.high for interval in intervals])
        spread = np.nan_to_num(np.clip([heights - low, high - heights], 0, None))
        axes.bar(
            places + shift, heights, 0.38, color=colour, hatch=hatch, edgecolor="black",
            label=f"ours, {name}", yerr=spread, capsize=3, error_kw={"lw": 1},
        )  # fmt: skip
    for value, style, name in (
        (paper.COIN_VALIDATION["bits/packet"], "--", "cross-validation"),
        (paper.COIN_TEST["bits/packet"], ":", "test"),
    ):
        label = f"paper, mean in {name} ({value} %)"
        axes.axhline(float(value), ls=style, color="black", lw=1.2, label=label)
    axes.set_xticks(places, [row.model for row in rows])
    axes.set_ylim(0, 100)
    axes.set_ylabel("macro-F1 over coins [%]")
    axes.set_xlabel("model")
    axes.set_title("Coin from bits/packet, with 95 % intervals over hosts")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    return figure


def _figure() -> tuple[Any, Any]:
    # Not pyplot: it keeps every figure, and looks for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def _axes(statistic: str) -> tuple[Any, Any]:
    if statistic not in STATISTICS:
        raise ValueError(f"statistic {statistic!r}: one of {', '.join(STATISTICS)}")
    figure, axes = _figure()
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(f"outbound [{UNITS[statistic]}]")
    axes.set_ylabel(f"inbound [{UNITS[statistic]}]")
    axes.grid(visible=True, which="major", lw=0.4, color="#dddddd")
    axes.set_axisbelow(True)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    # The version of matplotlib must not make two runs differ.
    figure.savefig(path, metadata={"Software": None})
