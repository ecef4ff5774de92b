# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest

from minewatch.experiments.benchmark.plots import draw_all, evasion_map, roc, time_to_detect
from minewatch.experiments.benchmark.ranking import curve_of
from minewatch.experiments.benchmark.units import REAL, units_of
from minewatch.training.corpus.views import InputKind

_PNG = b"\x89PNG\r\n"


@pytest.mark.slow
def test_every_figure_is_drawn_and_told(scores, found, tmp_path):
    captions = draw_all(scores, found, tmp_path)
    assert set(captions) == {path.name for path in tmp_path.iterdir()}
    assert set(captions) == {
        *(f"roc-{kind.value}.png" for kind in InputKind),
        *("pr.png", "calibration.png", "time-to-detect.png", "evasions.png", "ablation.png"),
    }
    assert all(path.read_bytes().startswith(_PNG) for path in tmp_path.iterdir())


def test_what_was_not_measured_is_not_drawn(scores, found, tmp_path):
    nothing = replace(found, scopes={}, variants={}, evasions={})
    assert draw_all(scores, nothing, tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_a_roc_has_a_panel_for_each_detector(scores):
    units = units_of(scores, InputKind.PACKETS).of_scope(REAL)
    curves = {name: curve_of(units, name) for name in scores.names}
    figure = roc(curves, "packets")
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == list(scores.names)
    assert {axes.get_xscale() for axes in shown} == {"log"}
    line = shown[0].lines[0]
    curve = curves["fused"]
    assert line.get_ydata()[-1] == pytest.approx(curve.found[0, -2] / curve.found[0, -1])
    # No false alarm at all is drawn left of the first one.
    assert line.get_xdata()[0] < 1 / curve.false[0, -1]


def test_a_line_ends_at_what_is_found():
    figure = time_to_detect({"packets": (np.array([30.0, 9000.0]), np.array([0.25, 0.5]))})
    line = figure.axes[0].lines[0]
    assert line.get_ydata().tolist() == [0, 0.25, 0.5, 0.5]
    assert line.get_xdata()[-1] == 9000


def test_cells_below_what_is_wanted_are_framed(found):
    figure = evasion_map(found.evasions)
    inputs = [cell for row in found.evasions.values() for cell in row.values()]
    below = sum(cell.reaches is False for cell in inputs)
    assert 0 < below < len(inputs)
    assert len(figure.axes[0].patches) == 2 * below
    assert len(figure.axes[0].texts) == len(inputs)
