# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import polars as pl
import pytest

from minewatch.detectors.flowstats import FlowStatsDetector
from minewatch.errors import ConfigError, ModelError
from minewatch.models.model_file import load_model
from minewatch.pipeline import PipelineOptions
from minewatch.testing import conversations
from minewatch.training import require_extra, train
from minewatch.training.dataset import Dataset, SourceSummary
from minewatch.training.train import TrainingOptions, fit, fit_dataset
from minewatch.types import Conversations

# skl2onnx reads attributes of SVC that scikit-learn is about to remove.
pytestmark = pytest.mark.filterwarnings("ignore:Attribute `prob:FutureWarning")

PLAIN = TrainingOptions(with_metrics=False)


@pytest.fixture(scope="module")
def dataset():
    """Three sources; mining sends more than it receives."""
    rng = np.random.default_rng(5)
    n = 300
    is_mining = np.arange(n) % 3 == 0
    counts = {
        name: rng.integers(20, 2000, n)
        for name in ("packet_delta_count", "reverse_packet_delta_count")
    }
    octets = {
        "octet_delta_count": counts["packet_delta_count"] * 100 * (1 + is_mining),
        "reverse_octet_delta_count": counts["reverse_packet_delta_count"]
        * rng.integers(60, 900, n),
    }
    columns = {name: values.tolist() for name, values in (counts | octets).items()}
    sources = [*"abc"] * 100
    frame = conversations(n, **columns).frame.with_columns(
        pl.Series("is_mining", is_mining),
        pl.Series("source", sorted(sources)),
        pl.Series("capture", [f"{s}{i % 4}" for i, s in enumerate(sorted(sources))]),
        horizon=pl.lit(0, pl.Int64),
    )
    summaries = {name: SourceSummary(captures=4, mining=34, normal=66) for name in "abc"}
    return Dataset(frame, {}, summaries, PipelineOptions())


def test_a_model_is_made_and_used(dataset, tmp_path):
    data, card = fit_dataset(dataset, PLAIN)
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    detector = FlowStatsDetector([load_model(path, metering=PipelineOptions().settings())])
    found = detector.score(Conversations(dataset.frame)).probability
    is_mining = dataset.frame["is_mining"].to_numpy()
    assert np.median(found[is_mining]) > 10 * np.median(found[~is_mining])
    assert card.training["rows"] == {"mining": 100, "normal": 200}
    assert card.training["sources"]["a"]["captures"] == 4
    assert card.prevalence == pytest.approx(1 / 3)
    assert card.metrics == {}


def test_the_same_data_gives_the_same_octets(dataset):
    assert fit_dataset(dataset, PLAIN)[0] == fit_dataset(dataset, PLAIN)[0]


def test_a_stated_date_is_in_the_card(dataset):
    _, card = fit_dataset(dataset, dataclasses.replace(PLAIN, created="2026-11-24"))
    assert card.created == "2026-11-24"


def test_figures_of_sources_left_out_are_in_the_card(dataset):
    options = TrainingOptions(algorithm="decision tree", features=("octets_ratio",))
    _, card = fit_dataset(dataset, options)
    assert card.feature_names == ("octets_ratio",)
    assert set(card.metrics["by_source"]) == {*"abc"}


def test_the_papers_features_can_be_trained_on(dataset):
    options = dataclasses.replace(PLAIN, feature_set="paper", algorithm="decision tree")
    assert fit_dataset(dataset, options)[1].feature_set == "paper"


def test_a_file_is_replaced_whole(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "read_dataset", lambda labels: dataset)
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    card = fit("labels.tsv", path, PLAIN)
    assert load_model(path).card == card
    assert [found.name for found in tmp_path.iterdir()] == ["model.onnx"]


def test_an_export_that_differs_is_refused(dataset, monkeypatch):
    monkeypatch.setattr(train, "largest_difference", lambda *given: 0.1)
    with pytest.raises(ModelError, match=r"differs from the fitted one by 0\.1"):
        fit_dataset(dataset, PLAIN)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"algorithm": "magic"}, "algorithm 'magic'"), ({"base_rate": 0.0}, r"base rate 0\.0")],
)
def test_wrong_options_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        TrainingOptions(**change)


def test_without_the_extra_the_cure_is_named():
    with pytest.raises(ConfigError, match=r"pip install 'minewatch\[train\]'"):
        require_extra(("sklearn", "no_such_library"))
