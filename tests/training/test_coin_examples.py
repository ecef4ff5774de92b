# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from coin_corpus import KINDS, corpus
from minewatch.errors import ConfigError
from minewatch.identify.card import Kind
from minewatch.training.coin_examples import (
    coin_examples,
    coin_truth,
    grouped_folds,
    learnable,
    pool_folds,
)
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.views import InputKind

INPUTS = (InputKind.NO_PAYLOAD, InputKind.FLOWS_600)


@pytest.fixture(scope="module")
def examples():
    return coin_examples(corpus(), INPUTS, (300, 0))


def test_only_mining_is_taken_and_each_view_is_a_row(examples):
    assert len(examples.values) == 36 * len(INPUTS) * 2
    assert set(examples.kinds) == {
        Kind("cryptonote", "randomx"),
        Kind("zcash", "equihash"),
        Kind("eth-proxy", "ethash"),
    }
    assert examples.values.shape[1] == len(examples.names)
    assert not {"duration", "sent_packets", "push_ratio", "interval_records"} & set(examples.names)


def test_without_packets_their_features_are_unknown(examples):
    column = examples.values[:, examples.names.index("asked_octets")]
    assert (np.isfinite(column) == examples.has_packets).all()
    assert examples.has_packets.sum() == len(column) / 2


def test_truth_is_the_label_or_else_the_message():
    known = corpus()
    bare = known.conversations.with_columns(
        dialect=pl.lit(None, pl.String), algorithm=pl.lit(None, pl.String)
    )
    labelled = coin_truth(known)
    read = coin_truth(Corpus(bare, known.packets, known.decoded))
    assert labelled["is_family_known"].all()
    assert not read["is_family_known"].any()
    assert read.height == known.decoded.height < labelled.height
    both = read.join(labelled, on="conversation")
    assert (both["algorithm"] == both["algorithm_right"]).all()
    assert (both["pool"] == both["pool_right"]).all()


def test_pools_that_no_label_names_count_as_one_a_source():
    known = corpus()
    bare = known.conversations.with_columns(pool=pl.lit(None, pl.String))
    named = coin_truth(known)["pool"]
    unnamed = coin_truth(Corpus(bare, known.packets, known.decoded))["pool"]
    assert named.n_unique() > 1
    assert unnamed.unique().to_list() == ["made "]


def test_a_message_without_algorithm_leaves_it_to_the_dialect_or_out():
    known = corpus()
    bare = known.conversations.with_columns(algorithm=pl.lit(None, pl.String))
    silent = known.decoded.with_columns(stratum_algorithm=pl.lit(None, pl.String))
    truth = coin_truth(Corpus(bare, known.packets, silent))
    assert truth["fine"].unique().to_list() == ["zcash"]
    assert truth["algorithm"].unique().to_list() == ["equihash"]


def test_no_pool_is_on_both_sides_and_every_class_is_on_each(examples):
    pools, kinds = examples.rows["pool"].to_numpy(), np.array(examples.kinds, object)
    tested = np.zeros(len(pools), int)
    folds = list(pool_folds(examples, 0))
    for train, test in folds:
        assert not set(pools[train]) & set(pools[test])
        assert (train ^ test).all()
        tested += test
    assert (tested == 1).all()
    assert len(folds) == 5
    for _, test in pool_folds(examples, 0, n_folds=3):
        assert len(set(kinds[test].tolist())) == len(KINDS)


def test_folds_follow_the_seed_and_need_two_groups(examples):
    def first(seed):
        return next(iter(pool_folds(examples, seed)))[1].tolist()

    assert first(0) == first(0)
    assert first(0) != first(1)
    with pytest.raises(ConfigError, match="two pools"):
        list(grouped_folds(np.array(["a"] * len(examples.values), object), examples, 0))


def test_rare_classes_and_those_of_one_pool_are_not_learnt():
    few = coin_examples(corpus(pools=1), INPUTS, (0,))
    assert len(learnable(few).values) == 0
    enough = coin_examples(corpus(), INPUTS, (300, 0))
    assert len(learnable(enough).values) == len(enough.values)
    assert len(learnable(enough.take(np.arange(len(enough.values)) % 4 == 0)).values) == 0
