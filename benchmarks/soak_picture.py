# SPDX-License-Identifier: Apache-2.0
"""Draws the memory of a soak's watches over time, with the faults, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from soak_faults import Happened
from soak_plan import KILL, STEP
from soak_watch import Watch

COLOURS = ("#1f77b4", "#d95f02")
BAND = "#bbbbbb"


def draw(watches: Sequence[Watch], happened: Sequence[Happened], path: Path) -> None:
    """Draw a line for each process, a band or a line for each fault."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "soak"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 3.6), layout="constrained")
    for one in happened:
        kind, start, end = one.fault.kind, one.start_s / 60, one.end_s / 60
        if kind in (KILL, STEP):
            axes.axvline(start, color=BAND, linewidth=1)
        else:
            axes.axvspan(start, end, color=BAND, alpha=0.35, linewidth=0)
        axes.text(start, 0.02, kind, transform=axes.get_xaxis_transform(), rotation=90, fontsize=7)
    for watch, colour in zip(watches, COLOURS, strict=True):
        label: str | None = watch.name
        for life in watch.lives:
            times = [sample.at_s / 60 for sample in life.samples]
            sizes = [sample.rss_mib for sample in life.samples]
            axes.plot(times, sizes, color=colour, linewidth=1.4, label=label)
            label = None
    axes.set(xlabel="minutes", ylabel="resident memory [MiB]", ylim=(0, None))
    axes.legend(loc="lower right", frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
