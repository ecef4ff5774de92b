# SPDX-License-Identifier: Apache-2.0
import json

import polars as pl
import pytest

from coin_corpus import KINDS, corpus
from minewatch.experiments.coins import (
    CONFUSION_S,
    INPUTS,
    POOLS,
    RANDOM,
    RECORDED,
    SOURCES,
    coin_report,
)
from minewatch.training.corpus.stored import Corpus


@pytest.fixture(scope="module")
def report():
    simulated = corpus(pools=5, each=2, source="simulator-wild-1")
    return coin_report([corpus(pools=5, each=2), simulated], seed=0)


def figure(report, split, question="algorithm", kind="packets-without-payload"):
    (one,) = (
        row
        for row in report["splits"][split]
        if (row["question"], row["input"], row["horizon_s"]) == (question, kind, CONFUSION_S)
    )
    return one


def test_kinds_as_different_as_these_are_told_at_pools_never_seen(report):
    for split in (RANDOM, POOLS, SOURCES):
        one = figure(report, split)
        assert one["conversations"] == 60
        assert one["accuracy"] > 0.95
        assert one["macro_recall"] > 0.95
        low, high = one["accuracy_interval"]
        assert low <= one["accuracy"] <= high


def test_recordings_are_told_by_what_was_learnt_from_simulation_alone(report):
    one = figure(report, RECORDED)
    assert one["conversations"] == 30
    assert one["accuracy"] > 0.95


def test_counts_and_sources(report):
    assert report["conversations"] == 60
    assert report["pools"] == 30
    assert report["sources"] == {"made": 30, "simulator-wild-1": 30}
    left_out = {row["source"] for row in report["left_out_sources"]}
    assert left_out == {"made", "simulator-wild-1"}
    json.dumps(report, allow_nan=False)


def test_the_confusion_counts_every_conversation_once(report):
    assert set(report["confusion"]["dialect"]) == {kind.value for kind in INPUTS}
    found = report["confusion"]["algorithm"]["packets-without-payload"]
    assert found["truth"] == ["equihash", "ethash", "randomx"]
    assert found["answers"][-1] == "unknown"
    assert [sum(row) for row in found["counts"]] == [20, 20, 20]
    right = sum(found["counts"][i][i] for i in range(3))
    assert right > 45


def test_an_algorithm_left_out_is_never_called_right(report):
    rows = {row["algorithm"]: row for row in report["novel"]}
    assert set(rows) == {"equihash", "ethash", "randomx"}
    for name, row in rows.items():
        assert row["most_often_called"] != name
        assert 0 <= row["unknown"] <= 1


def test_the_shipped_model_is_asked_about_what_it_was_not_trained_on(report):
    assert {row["source"] for row in report["shipped"]} == {"made", "simulator-wild-1"}


def test_what_the_messages_say_is_checked_against_the_labels(report):
    found = report["payload"]
    assert found["conversations"] == 60
    assert found["dialect_read"] == found["algorithm_read"] == found["algorithm_right"] == 30
    assert found["coin_read"] == found["coin_right"] == 20


def test_labels_that_say_nothing_of_the_kind_are_left_out():
    known = corpus(pools=3, each=1, kinds=KINDS[:2])
    bare = known.conversations.with_columns(
        algorithm=pl.when(pl.col("conversation") > 2).then("algorithm"),
        dialect=pl.when(pl.col("conversation") > 2).then("dialect"),
    )
    silent = known.decoded.clear()
    found = coin_report([Corpus(bare, known.packets, silent)], seed=1)
    assert found["conversations"] == 4
    assert found["payload"]["dialect_read"] == 0
