# SPDX-License-Identifier: Apache-2.0
import hashlib

import pytest

from minewatch.experiments.paper import figures


def axes_of(figure):
    return figure.axes[0]


@pytest.mark.parametrize("statistic", ["bits/s", "bits/packet", "packets/s"])
@pytest.mark.parametrize("draw", [figures.scatter_of_labels, figures.scatter_of_coins])
def test_scatters_have_units_and_a_legend(samples, draw, statistic):
    axes = axes_of(draw(samples, statistic))
    unit = figures.UNITS[statistic]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (f"outbound [{unit}]", f"inbound [{unit}]")
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert statistic in axes.get_title()
    assert sum(len(line.get_xdata()) for line in axes.lines) in (157, len(samples))


def test_the_legend_tells_how_many(samples):
    axes = axes_of(figures.scatter_of_labels(samples, "bits/s"))
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == [f"normal ({len(samples) - 157:,})", "mining (157)"]


def test_coins_differ_without_colour(samples):
    axes = axes_of(figures.scatter_of_coins(samples, "bits/packet"))
    assert len({line.get_marker() for line in axes.lines}) == len(axes.lines) == 5


def test_bars_stand_for_models_and_parts(findings):
    figure = figures.bars(findings.coins)
    axes = axes_of(figure)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["SVM", "DT", "RFT", "KNN"]
    assert len(axes.patches) == 8
    heights = [patch.get_height() for patch in axes.patches[:4]]
    own = [r for r in findings.coins if r.statistic == "bits/packet"]
    assert heights == pytest.approx([100 * r.cross_validation.macro.value for r in own])
    assert len({(p.get_facecolor(), p.get_hatch()) for p in axes.patches}) == 2
    labels = {text.get_text() for text in figure.legends[0].get_texts()}
    assert "paper, mean in cross-validation (85.54 %)" in labels
    assert "%" in axes.get_ylabel()


def test_files_are_drawn_and_the_same_twice(samples, findings, tmp_path):
    hashes = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        figures.draw_all(samples, findings.coins, folder)
        assert sorted(path.name for path in folder.iterdir()) == sorted(figures.file_names())
        data = [(folder / name).read_bytes() for name in figures.file_names()]
        assert all(part.startswith(b"\x89PNG") and len(part) > 5000 for part in data)
        hashes.append([hashlib.sha256(part).hexdigest() for part in data])
    assert hashes[0] == hashes[1]


def test_without_coins_only_figure_2_is_drawn(samples, tmp_path):
    figures.draw_all(samples, [], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"figure-2{c}.png" for c in "abc"}


def test_an_unknown_statistic_is_refused(samples):
    with pytest.raises(KeyError, match="jitter"):
        figures.scatter_of_labels(samples, "jitter")
