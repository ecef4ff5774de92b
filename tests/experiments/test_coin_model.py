# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from coin_corpus import KINDS, corpus
from minewatch.experiments.coin_model import model_figures
from minewatch.identify.model import parse_coin_model
from minewatch.training.coin_examples import coin_examples
from minewatch.training.coins import fit_coins
from minewatch.training.corpus.stored import joined
from minewatch.training.corpus.views import InputKind

INPUTS = (InputKind.NO_PAYLOAD, InputKind.FLOWS_60)


@pytest.fixture(scope="module")
def trained():
    return parse_coin_model(fit_coins(corpus(pools=5, each=2, kinds=KINDS[:2])), "made")


@pytest.fixture(scope="module")
def examples():
    both = joined([corpus(pools=2, each=2), corpus(pools=3, each=2, source="other")])
    return coin_examples(both, INPUTS, (600,))


def test_only_sources_that_the_model_has_not_seen_are_asked_about(trained, examples):
    found = model_figures(examples, 600, trained)
    assert {row["source"] for row in found} == {"other"}
    assert len(found) == 3 * len(INPUTS)
    json.dumps(found, allow_nan=False)
    assert model_figures(examples, 120, trained) == []


def test_figures_are_those_of_its_answers(trained, examples):
    (row,) = (
        one
        for one in model_figures(examples, 600, trained)
        if (one["question"], one["input"]) == ("algorithm", InputKind.NO_PAYLOAD.value)
    )
    rows = examples.rows
    mine = ((rows["source"] == "other") & (rows["input"] == InputKind.NO_PAYLOAD.value)).to_numpy()
    truth = np.array([kind.algorithm for kind in examples.kinds])[mine]
    columns = [examples.names.index(name) for name in trained.card.features]
    shares = trained.shares(examples.values[mine][:, columns])
    given = trained.answers(shares, "algorithm", np.ones(len(truth), bool))
    answered = given != "unknown"
    assert answered.sum() > 0
    assert row == {
        "question": "algorithm",
        "source": "other",
        "input": "packets-without-payload",
        "conversations": len(truth),
        "answered": answered.mean(),
        "right_of_answered": (given == truth)[answered].mean(),
    }
    # It was never shown ethash, so not all answers can be right unless that is left unknown.
    assert "ethash" not in given


def test_the_shipped_model_is_asked_if_no_other_is_given(examples):
    found = model_figures(examples, 600)
    assert {row["source"] for row in found} == {"made", "other"}
