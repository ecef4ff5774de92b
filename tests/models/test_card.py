# SPDX-License-Identifier: Apache-2.0
import json
from typing import Any

import pytest

from minewatch.models.card import FeatureCard, ModelCard, card_from_json

CARD = ModelCard(
    name="flowstats",
    schema_version=1,
    feature_set="volume",
    features=(FeatureCard("octets_ratio", "1", 1.0, 0.1, 9.0),),
    metering={"interval_s": 60.0},
    algorithm="random forest",
    prevalence=0.1,
    base_rate=0.002,
    pass_share=0.1,
    min_known=1,
)


def test_a_card_survives_its_file():
    assert card_from_json(CARD.to_json()) == CARD


def test_the_same_card_gives_the_same_text():
    assert CARD.to_json() == card_from_json(CARD.to_json()).to_json()


def changed(**changes: Any) -> str:
    return json.dumps(json.loads(CARD.to_json()) | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"card_version": 3}, "card version 3"),
        ({"min_known": 0}, "min_known 0 of 1"),
        ({"min_known": 2}, "min_known 2 of 1"),
        ({"min_known": 1.0}, "not a whole number"),
        ({"needs": ["novel"]}, "needs 'novel', which is none"),
        ({"needs": "octets_ratio"}, "not a list"),
        ({"calibration": [1.0]}, "not a slope and an offset"),
        ({"calibration": [-1.0, 0.0]}, "not between"),
        ({"calibration": [1.0, float("inf")]}, "not a finite number"),
        ({"name": ""}, "not a text"),
        ({"name": 7}, "not a text"),
        ({"schema_version": 1.5}, "not a whole number"),
        ({"schema_version": True}, "not a whole number"),
        ({"features": {}}, "not a list"),
        ({"features": []}, "0 features"),
        ({"features": [7]}, "not an object"),
        ({"features": json.loads(CARD.to_json())["features"] * 2}, "named twice"),
        ({"metering": {"interval_s": 0}}, "not between"),
        ({"metering": {"interval_s": "60"}}, "not a finite number"),
        ({"prevalence": 1}, "not between"),
        ({"base_rate": 0.0}, "not between"),
        ({"base_rate": float("nan")}, "not a finite number"),
        ({"base_rate": True}, "not a finite number"),
        ({"base_rate": 10**400}, "not a finite number"),
        ({"pass_share": 0}, "not between"),
        ({"training": []}, "not an object"),
    ],
)
def test_a_wrong_value_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        card_from_json(changed(**changes))


@pytest.mark.parametrize("name", ["name", "features", "metering", "base_rate", "versions"])
def test_a_missing_field_is_named(name):
    data = json.loads(CARD.to_json())
    del data[name]
    with pytest.raises(ValueError, match=f"lacks {name}"):
        card_from_json(json.dumps(data))


@pytest.mark.parametrize("text", ["", "nonsense", "[1]", "1", "[" * 100_000])
def test_what_is_no_card_is_refused(text):
    with pytest.raises(ValueError, match=r"card|Expecting"):
        card_from_json(text)


@pytest.mark.parametrize("name", ["name", "features", "metering", "base_rate", "card_version"])
def test_an_error_does_not_repeat_a_value_of_megabytes(name):
    values = {"name": [0] * 10_000, "base_rate": 10**400}
    with pytest.raises(ValueError, match=r".") as raised:
        card_from_json(changed(**{name: values.get(name, "x" * 10_000)}))
    assert len(str(raised.value)) < 200


def test_a_card_of_version_1_is_read_as_what_it_meant():
    old = json.loads(CARD.to_json())
    del old["min_known"], old["needs"], old["calibration"]
    card = card_from_json(json.dumps(old | {"card_version": 1}))
    assert (card.min_known, card.calibration) == (1, (1.0, 0.0))
