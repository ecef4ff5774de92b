# SPDX-License-Identifier: Apache-2.0
import dataclasses
import hashlib
import json

import polars as pl
import pytest

from bench_corpus import RECIPES, Sizes, recorded
from minewatch.detectors.fusion import Fusion
from minewatch.experiments.benchmark.fold_models import COUNTED, KEYS, Bench
from minewatch.experiments.benchmark.run import training_table
from minewatch.experiments.benchmark.scores import FUSED
from minewatch.experiments.benchmark.shipping import ship_models, ship_points, training_of
from minewatch.models.model_file import load_model
from minewatch.models.operating_points import FILE
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind

NO_PAYLOAD = InputKind.NO_PAYLOAD.value


@pytest.fixture(scope="module")
def corpus():
    return recorded({"alpha": (4, 3), "bravo": (3, 4), "lab-7": (2, 2)})


@pytest.fixture(scope="module")
def table(corpus):
    return training_table(corpus, RECIPES, 1)


def test_a_file_is_written_for_each_recipe_and_tells_what_it_learnt_from(corpus, table, tmp_path):
    fixed = table.rows.select(KEYS).clear().with_columns(read=pl.lit(None, pl.Float64))
    labelled = corpus.conversations.select(COUNTED)
    bench = Bench(RECIPES, fixed, Fusion(), labelled, seed=4)
    steps = []
    ship_models(table, bench, tmp_path, steps.append)
    assert steps == ["model sizes", "model sizes-flows"]
    detector = Sizes([load_model(tmp_path / f"{part}.onnx") for part in Sizes.parts])
    packets, flows = (model.card for model in detector.models)
    assert packets.training["seed"] == 4
    assert packets.training["inputs"] == [NO_PAYLOAD]
    assert packets.training["horizons"] == [WHOLE, 300]
    assert packets.training["varied_copies"] == 1
    assert packets.training["sources"] == {
        "alpha": {"mining": 4, "normal": 3},
        "bravo": {"mining": 3, "normal": 4},
        "lab-7": {"mining": 2, "normal": 2},
    }
    assert flows.training["inputs"] == [InputKind.FLOWS_60.value]
    assert flows.training["rows"] == {"mining": 9, "normal": 9}
    assert "Remembering" in packets.parameters["classifier"]


def test_a_conversation_of_many_rows_is_one(table):
    one = table.take((table.rows["source"] == "lab-7").to_numpy())
    found = training_of(one, 0)
    assert found["sources"] == {"lab-7": {"mining": 2, "normal": 2}}
    assert found["rows"]["mining"] + found["rows"]["normal"] == len(one) > 8


@pytest.fixture
def points(make_tiny, tmp_path):
    """Write the points of scores of an office, of the lab and of a simulation; return them."""

    def write(rows, population):
        (tmp_path / "one.onnx").write_bytes(b"a model")
        scores = make_tiny(rows, population, detectors=("a",))
        ship_points(scores, ["a", "b"], tmp_path, "minewatch test")
        return json.loads((tmp_path / FILE).read_text())

    return write


POPULATION = [
    ("office", "normal", 5000, 10.0),
    ("office", "mining", 40, 10.0),
    ("lab-41", "normal", 700, 1.0),
    ("lab-7", "normal", 700, 1.0),
    ("simulator-wild-1", "normal", 9000, 1.0),
    ("lab-xmrig", "normal", 10, 1.0),
]


def normal(n, source="office", recorder=None, **columns):
    told = {"input": NO_PAYLOAD, "source": source, "recorder": recorder or source, **columns}
    return [{"a": (i + 1) / 100, **told} for i in range(n)]


def test_points_are_of_normal_conversations_of_real_networks(points):
    """Neither scores nor conversations of our lab and simulations count; nor does mining."""
    rows = [
        *normal(20),
        *normal(5, "lab-41", "lab", a=0.99),
        *normal(5, "simulator-wild-1", "simulator", a=0.99),
        *normal(5, label="mining", a=0.98),
    ]
    found = points(rows, POPULATION)
    assert found["sources"] == [
        {"name": "lab-xmrig", "benign_conversations": 10},
        {"name": "office", "benign_conversations": 5000},
    ]
    (one,) = found["inputs"].values()
    assert list(found["inputs"]) == [NO_PAYLOAD]
    assert one["benign_conversations"] == 5010
    alone = points(normal(20), POPULATION)
    assert found["inputs"] == alone["inputs"]


def test_a_conversation_counts_with_its_highest_score_of_all_moments(points):
    """Somebody who watches asks again and again."""
    alone = points(normal(20), POPULATION)
    (before,), (after,) = (
        given["inputs"].values()
        for given in (alone, points([*normal(20), *normal(5, horizon_s=300, a=0.97)], POPULATION))
    )
    assert after["benign_conversations"] == before["benign_conversations"]
    assert after["points"][-1]["threshold"] > 0.9 > before["points"][-1]["threshold"]


def test_points_name_who_was_fused_and_the_files(points):
    found = points(normal(3), POPULATION)
    assert found["detectors"] == ["a", "b"]
    assert found["made_by"] == "minewatch test"
    assert found["models"] == {"one.onnx": hashlib.sha256(b"a model").hexdigest()}
    assert found["conversations_per_host_day"]["value"] == 843.4


def test_each_input_has_points_of_its_own(points):
    first = InputKind.FIRST_30.value
    found = points([*normal(20), *normal(20, input=first, a=0.5)], POPULATION)
    assert set(found["inputs"]) == {NO_PAYLOAD, first}
    thresholds = {k: [p["threshold"] for p in v["points"]] for k, v in found["inputs"].items()}
    assert max(thresholds[first]) != max(thresholds[NO_PAYLOAD])


def test_what_is_known_by_its_first_packets_is_not_counted(make_scores, tmp_path):
    made = make_scores(horizons=(WHOLE,), inputs=(InputKind.FIRST_30,))
    known = made.rows.with_columns(pl.col(FUSED).fill_null(0.002))
    scores = dataclasses.replace(made, rows=known)
    assert "cesnet" in set(scores.rows["source"])
    ship_points(scores, ["a"], tmp_path, "test")
    found = json.loads((tmp_path / FILE).read_text())
    wanted = scores.population.filter(
        (pl.col("label") == "normal")
        & ~pl.col("is_first_only")
        & ~pl.col("source").str.contains("^simulator-|^lab-")
    )
    assert wanted.height
    (one,) = found["inputs"].values()
    assert one["benign_conversations"] == wanted["conversations"].sum()
    assert "cesnet" not in {source["name"] for source in found["sources"]}
