# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from coin_corpus import corpus
from minewatch.identify.identity import IDENTITY, identify, identity_sentence, with_identity
from minewatch.identify.model import parse_coin_model
from minewatch.testing import conversations
from minewatch.training.coins import fit_coins
from minewatch.training.corpus.views import InputKind, view
from minewatch.types import Conversations

NAMES = [column.name for column in IDENTITY]


@pytest.fixture(scope="module")
def model():
    return parse_coin_model(fit_coins(corpus()), "made")


@pytest.fixture(scope="module")
def seen():
    return view(corpus(pools=2, source="other"), InputKind.PACKETS)


def everyone(given):
    return np.ones(len(given), np.bool_)


def test_payload_is_told_of_all_and_shape_only_of_mining():
    given = conversations(3, stratum_dialect=["zcash", None, None])
    told = identify(given, np.array([False, False, True]))
    assert told.columns == NAMES
    assert told.row(0, named=True) == {
        "algorithm": "equihash",
        "algorithm_source": "payload",
        "dialect": "zcash",
        "dialect_source": "payload",
        "pool_family": None,
        "payout_coin": None,
    }
    assert told.row(1) == (None,) * 6
    assert told["algorithm_source"][2] == told["dialect_source"][2] == "shape"


def test_a_prefix_of_the_login_is_a_coin_beside_the_algorithm():
    given = conversations(
        stratum_dialect="cryptonote",
        stratum_algorithm="rx/0",
        stratum_coin_hint="DOGE",
        stratum_login="DOGE:D9x…kcpu",
    )
    told = identify(given, everyone(given)).row(0, named=True)
    assert (told["algorithm"], told["payout_coin"], told["pool_family"]) == (
        "rx/0",
        "DOGE",
        "multi-coin",
    )


def test_what_was_told_by_sizes_alone_is_told_by_shape():
    given = conversations(stratum_dialect="stratum-v2")
    told = identify(given, everyone(given)).row(0, named=True)
    assert (told["algorithm"], told["algorithm_source"]) == ("sha256d", "shape")
    assert told["dialect_source"] == "shape"


def test_shape_tells_pools_never_seen(model, seen):
    """The payload is taken away; what is left must say the same."""
    bare = Conversations(
        seen.conversations.frame.select(pl.exclude("^stratum_.*$")),
        seen.conversations.intervals,
        seen.conversations.packets,
    )
    told = identify(bare, everyone(bare), model)
    truth = seen.labelled["algorithm"].replace({"rx/0": "randomx"}).to_list()
    is_mining = seen.labelled["label"] == "mining"
    assert told.filter(is_mining)["algorithm"].to_list() == [a for a in truth if a]
    assert told["algorithm_source"].unique().to_list() == ["shape"]


def test_shape_fills_only_what_the_payload_left_open(model, seen):
    given = seen.conversations
    told = identify(given, everyone(given), model)
    read = given.frame["stratum_dialect"].is_not_null()
    assert 0 < read.sum() < len(given)
    assert (told["algorithm_source"] == "payload").to_list() == read.to_list()
    assert told.filter(read)["algorithm"].to_list() == (
        given.frame.filter(read)["stratum_algorithm"].to_list()
    )


def test_a_dialect_that_the_model_does_not_know_leaves_it_nothing_to_say(model):
    given = conversations(stratum_dialect="eth-getwork")
    told = identify(given, everyone(given), model).row(0, named=True)
    assert (told["dialect"], told["dialect_source"]) == ("eth-getwork", "payload")
    assert told["algorithm"] == told["pool_family"] == "unknown"


def test_rows_do_not_touch_each_other(model, seen):
    given = seen.conversations
    told = identify(given, everyone(given), model)
    keep = np.arange(len(given)) % 3 == 0
    alone = given.filter(keep)
    assert identify(alone, everyone(alone), model).equals(told.filter(pl.Series(keep)))


def test_no_conversations_and_no_mining():
    empty = conversations(1).filter(np.array([False]))
    assert identify(empty, everyone(empty)).columns == NAMES
    two = conversations(2)
    assert identify(two, np.zeros(2, np.bool_)).null_count().row(0) == (2,) * 6


def test_the_columns_join_the_conversations():
    given = conversations(2)
    given.memory["kept"] = 1
    told = with_identity(given, np.array([True, False]))
    assert set(NAMES) <= set(told.frame.columns)
    assert told.memory is given.memory
    assert with_identity(told, np.array([True, False])).frame.equals(told.frame)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, None),
        ({"algorithm": None}, None),
        (
            {
                "algorithm": "rx/0",
                "algorithm_source": "payload",
                "dialect": "cryptonote",
                "pool_family": "multi-coin",
                "payout_coin": "DOGE",
            },
            "Algorithm rx/0 (as the messages say), dialect cryptonote, pool of family multi-coin; "
            "paid in DOGE.",
        ),
        (
            {
                "algorithm": "unknown",
                "algorithm_source": "shape",
                "dialect": None,
                "pool_family": "unknown",
                "payout_coin": None,
            },
            "Algorithm unknown, dialect unknown; payout coin not told.",
        ),
        (
            {"algorithm": "rx\x1b[2J", "algorithm_source": "payload"},
            "Algorithm rx?[2J (as the messages say), dialect unknown; payout coin not told.",
        ),
    ],
)
def test_one_sentence(values, text):
    assert identity_sentence(values) == text
