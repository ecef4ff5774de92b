# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.identify.card import THRESHOLDS, CoinCard, Kind, card_from_json

CARD = CoinCard(
    schema_version=1,
    features=("octets_ratio", "push_octets"),
    kinds=(Kind("zcash", "equihash"), Kind("cryptonote-proxy", "randomx")),
    thresholds=dict.fromkeys(THRESHOLDS, 0.5),
    training={"seed": 0},
)


def test_a_card_comes_back_as_it_was():
    assert card_from_json(CARD.to_json()) == CARD
    assert card_from_json(CARD.to_json()).to_json() == CARD.to_json()


def changed(**members):
    return json.dumps(json.loads(CARD.to_json()) | members)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "not a JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ("{", "Expecting"),
        (changed(coin_card_version=2), "card version 2 instead of 1"),
        (changed(kinds=[{"fine": "a"}]), "lacks algorithm"),
        (changed(kinds=[]), "0 kinds"),
        (changed(kinds=[{"fine": "a", "algorithm": "b"}] * 2), "named twice"),
        (changed(kinds=[{"fine": "a\x1b", "algorithm": "b"}]), "not a name"),
        (changed(kinds=3), "built otherwise"),
        (changed(features=["a", "a"]), "named twice"),
        (changed(features=["a" * 65]), "not a name"),
        (changed(thresholds={"algorithm": 0.5}), "lacks"),
        (changed(thresholds=dict.fromkeys(THRESHOLDS, 1.5)), "not between 0 and 1"),
        (changed(thresholds=dict.fromkeys(THRESHOLDS, "1")), "not a number"),
        (changed(thresholds=dict.fromkeys(THRESHOLDS, float("nan"))), "not between"),
    ],
)
def test_a_wrong_card_says_why(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        card_from_json(text)
