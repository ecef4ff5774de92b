# SPDX-License-Identifier: Apache-2.0
import hashlib
from importlib import resources
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from minewatch.errors import ConfigError, SourceError
from minewatch.features.volume import VolumeFeatures
from minewatch.training.dataset import read_dataset
from minewatch.training.examples import WHOLE
from minewatch.training.labels import COLUMNS

DEMO = Path(str(resources.files("minewatch.lab"))) / "demo.pcap"


@pytest.fixture
def write(tmp_path):
    def write(*lines):
        path = tmp_path / "labels.tsv"
        path.write_text("\n".join(("\t".join(COLUMNS), *lines)) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "labels.tsv"
    rows = (
        "\t".join(COLUMNS),
        f"{DEMO}\tpool\tmining\t203.0.113.20",
        f"{DEMO}\tweb\tnormal\t\t\t\town lab",
    )
    path.write_text("\n".join(rows), encoding="utf-8")
    return read_dataset(path, horizons=(1,))


def test_conversations_are_labelled_and_gated(demo):
    whole = demo.frame.filter(pl.col("horizon") == WHOLE)
    assert set(whole["source"]) == {"pool", "web"}
    assert set(whole["gate_reason"]) == {"passed"}
    assert whole.filter(pl.col("source") == "pool")["is_mining"].all()
    assert whole.height == sum(s.mining + s.normal for s in demo.summaries.values())
    stopped = sum(summary.stopped.total() for summary in demo.summaries.values())
    assert stopped == sum(demo.stopped.values()) > 0


def test_long_conversations_are_also_taken_as_they_stood(demo):
    early = demo.frame.filter(pl.col("horizon") == 1)
    assert early.height
    assert (early["interval_count"] == 1).all()
    whole = demo.frame.filter(pl.col("horizon") == WHOLE)
    joined = early.join(whole, on="flow_id", suffix="_whole")
    assert joined.height == early.height
    assert (joined["packet_delta_count"] < joined["packet_delta_count_whole"]).all()
    assert (joined["is_source_home"] == joined["is_source_home_whole"]).all()


def test_a_source_is_summed_up_for_the_card(demo):
    summary = demo.summaries["web"].as_mapping()
    digest = hashlib.sha256(DEMO.read_bytes()).hexdigest()
    assert summary["captures"] == 1
    assert summary["licences"] == ["own lab"]
    assert summary["sha256_of_list"] == hashlib.sha256(f"{digest}\n".encode()).hexdigest()


def test_examples_follow_the_feature_set(demo):
    features = VolumeFeatures()
    examples = demo.examples(features, ("octets_ratio", "packets_ratio"))
    assert examples.names == ("octets_ratio", "packets_ratio")
    assert examples.units == ("1", "1")
    assert examples.values.dtype == np.float32
    assert len(examples) == demo.frame.height
    some = examples.take(examples.is_mining)
    assert some.is_mining.all()
    assert {source for _, source, _ in some.stopped} <= {"pool"}


def test_an_unknown_feature_is_refused(demo):
    with pytest.raises(ConfigError, match="has no novel"):
        demo.examples(VolumeFeatures(), ("novel",))


def test_a_missing_capture_is_an_error(write):
    with pytest.raises(SourceError, match=r"gone\.pcap"):
        read_dataset(write("gone.pcap\tx\tnormal"))


def test_a_capture_that_is_none_is_noted(write, tmp_path):
    (tmp_path / "notes.pcap").write_text("no capture")
    path = write("notes.pcap\tx\tnormal", f"{DEMO}\ty\tnormal")
    dataset = read_dataset(path)
    assert dataset.summaries["x"].unreadable == ["notes.pcap"]
    assert dataset.summaries["x"].captures == 0


def test_nothing_labelled_is_an_error(write):
    with pytest.raises(ConfigError, match="no labelled conversation passed the gate"):
        read_dataset(write(f"{DEMO}\tx\tskip"))
