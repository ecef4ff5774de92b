# SPDX-License-Identifier: Apache-2.0
import json
import re
from dataclasses import replace

import polars as pl
import pytest

from minewatch.experiments.benchmark.report import write_report


@pytest.fixture(scope="module")
def small(scores):
    kinds = ["packets", "flow-log-600s"]
    return replace(
        scores,
        rows=scores.rows.filter(pl.col("input").is_in(kinds)).drop("detector-2", "detector-3"),
        thresholds=scores.thresholds.filter(
            pl.col("input").is_in(kinds), pl.col("detector").is_in(["fused", "detector-1"])
        ),
        detectors=("detector-1",),
    )


def _write(small, folder):
    variants = {"without timing": small}
    return write_report(
        small, variants, folder, "The benchmark", {"introduction": "Made up."},
        measured={"model-megabytes": 3.0}, n_draws=40,
    )  # fmt: skip


@pytest.fixture(scope="module")
def written(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "new"
    return folder, _write(small, folder)


@pytest.mark.slow
def test_the_same_scores_give_the_same_bytes(small, written, tmp_path):
    folder, _ = written
    _write(small, tmp_path)
    names = {path.name for path in folder.iterdir()}
    assert names == {path.name for path in tmp_path.iterdir()}
    assert {"report.md", "report.html", "results.json", "roc-packets.png"} <= names
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_the_results_are_returned(written):
    folder, data = written
    assert json.loads((folder / "results.json").read_text()) == data
    assert data["title"] == "The benchmark"
    handed_in = {target["key"]: target["status"] for target in data["targets"]}
    assert handed_in["model-megabytes"] == "met"


def test_the_page_needs_nothing_from_elsewhere(written):
    text = (written[0] / "report.html").read_text()
    assert "<h1>The benchmark</h1>" in text
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r'(src|href)="(?!data:image/png)', text)
    assert not re.search(r"https?://|@import|url\(|<script", text)


def test_every_picture_is_in_both(written):
    folder, _ = written
    text, page = ((folder / name).read_text() for name in ("report.md", "report.html"))
    pictures = sorted(path.name for path in folder.glob("*.png"))
    assert sorted(re.findall(r"\]\(([^)]+\.png)\)", text)) == pictures
    assert page.count("data:image/png") == len(pictures)
