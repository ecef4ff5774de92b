# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest

from coin_corpus import KINDS, corpus
from minewatch.errors import ConfigError
from minewatch.identify.card import QUESTIONS, THRESHOLDS, Kind
from minewatch.identify.model import parse_coin_model
from minewatch.training.coin_examples import coin_examples, pool_folds
from minewatch.training.coins import (
    answers_of,
    fit_coins,
    fit_trees,
    is_known,
    out_of_fold,
    threshold_for,
)
from minewatch.training.corpus.views import InputKind


@pytest.fixture(scope="module")
def made():
    known = corpus()
    return known, fit_coins(known, seed=0)


def test_the_file_loads_answers_and_is_always_the_same(made):
    known, data = made
    model = parse_coin_model(data, "made")
    assert fit_coins(known, seed=0) == data
    assert model.card.kinds == (
        Kind("cryptonote", "randomx"),
        Kind("eth-proxy", "ethash"),
        Kind("zcash", "equihash"),
    )
    assert set(model.card.thresholds) == set(THRESHOLDS)
    assert model.card.training["pools"] == 12
    assert model.card.training["conversations"] == {"made": 36}


def test_it_tells_pools_that_it_never_saw(made):
    _, data = made
    model = parse_coin_model(data, "made")
    other = coin_examples(corpus(pools=2, source="other"), (InputKind.NO_PAYLOAD,), (600,))
    answers = model.answers(model.shares(other.values), "algorithm", other.has_packets)
    truth = [kind.algorithm for kind in other.kinds]
    assert answers.tolist() == truth


def test_a_kind_of_traffic_that_it_never_saw_is_mostly_unknown(made):
    _, data = made
    model = parse_coin_model(data, "made")
    strange = dataclasses.replace(KINDS[0], share=700, result=900, job=1800, share_gap_s=50)
    other = coin_examples(corpus(kinds=(strange,)), (InputKind.NO_PAYLOAD,), (600,))
    known = coin_examples(corpus(kinds=KINDS[:1]), (InputKind.NO_PAYLOAD,), (600,))
    surest = [model.shares(some.values).max(axis=1).mean() for some in (other, known)]
    assert surest[0] < surest[1] - 0.1


def test_the_threshold_keeps_the_promise():
    rng = np.random.default_rng(0)
    surest = rng.random(5000)
    right = rng.random(5000) < surest
    least = threshold_for(right, surest, np.ones(5000), precision=0.9)
    assert right[surest >= least].mean() >= 0.9
    assert right[surest >= least - 0.05].mean() < 0.91
    assert threshold_for(~right, np.ones(5000), np.ones(5000)) == 1.0


def test_rows_of_one_probability_stand_and_fall_together():
    surest = np.array([0.9, 0.5, 0.5])
    assert threshold_for(np.array([True, True, False]), surest, np.ones(3), precision=0.9) == 0.9


def test_out_of_fold_rows_are_scored_by_models_that_did_not_see_their_pool():
    examples = coin_examples(corpus(), (InputKind.NO_PAYLOAD,), (300, 600))
    kinds = fit_trees(examples, 0).kinds
    shares = out_of_fold(examples, kinds, pool_folds(examples, 0), 0)
    assert np.allclose(shares.sum(axis=1), 1)
    truth = [kinds.index(kind) for kind in examples.kinds]
    assert (shares.argmax(axis=1) == truth).mean() > 0.9
    # A kind that was not fitted gets nothing.
    wide = fit_trees(examples, 0).shares(examples.values, (*kinds, Kind("sv2", "sha256d")))
    assert (wide[:, -1] == 0).all()


def test_families_are_known_where_a_label_told_them():
    examples = coin_examples(corpus(), (InputKind.NO_PAYLOAD,), (0,))
    assert is_known(examples, "pool_family").all()
    read = dataclasses.replace(
        examples, rows=examples.rows.with_columns(is_family_known=~examples.rows["is_family_known"])
    )
    assert not is_known(read, "pool_family").any()
    assert is_known(read, "dialect").all()


def test_answers_by_thresholds():
    kinds = (Kind("cryptonote", "randomx"), Kind("cryptonote-p2pool", "randomx"))
    thresholds = dict.fromkeys(THRESHOLDS, 0.8) | {"pool_family without packets": 0.5}
    shares = np.array([[0.6, 0.4], [0.6, 0.4]])
    has = np.array([True, False])
    found = {q: answers_of(shares, kinds, thresholds, q, has).tolist() for q in QUESTIONS}
    assert found == {
        "algorithm": ["randomx", "randomx"],
        "dialect": ["cryptonote", "cryptonote"],
        "pool_family": ["unknown", "single-coin"],
    }


def test_too_little_is_an_error():
    with pytest.raises(ConfigError, match="no class has 20 rows"):
        fit_coins(corpus(pools=1, each=1))
