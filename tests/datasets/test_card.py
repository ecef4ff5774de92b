# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.datasets.card import (
    CARD,
    MAX_CARD_OCTETS,
    DataCard,
    StoredFile,
    read_card,
    write_card,
)
from minewatch.errors import ConfigError

WHOLE = DataCard(
    name="monday",
    schema_version=1,
    files=(StoredFile("a.parquet", 5, "0" * 64, 3), StoredFile("README.md", 9, "f" * 64)),
    composition={"label": {"mining": 1, "normal": 2}},
    has_addresses=True,
    inputs=({"kind": "capture", "name": "a.pcap"},),
    left_out={"skip": 4},
    agreement={"mining": {"right": 1}},
    seeds=(7,),
    settings={"interval_s": 60.0},
    versions={"python": "3.11"},
    licences=("CC0-1.0",),
    intended_use="To test.",
    known_biases=("None.",),
    split={"by": "host"},
    created="2026-01-01",
)


@pytest.fixture
def change(tmp_path):
    """Write a card with some members replaced; None takes one out."""

    def change(**members):
        write_card(WHOLE, tmp_path)
        card = json.loads((tmp_path / CARD).read_text()) | members
        card = {name: value for name, value in card.items() if value is not None}
        (tmp_path / CARD).write_text(json.dumps(card))
        return tmp_path

    return change


def test_a_card_is_read_as_it_was_written(tmp_path):
    write_card(WHOLE, tmp_path)
    assert read_card(tmp_path) == WHOLE
    assert read_card(tmp_path).file("a.parquet").rows == 3
    assert read_card(tmp_path).file("b.parquet") is None


def file(**members):
    return [{"name": "a.parquet", "octets": 1, "sha256": "0" * 64, "rows": 1} | members]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"format": 2}, "not of format 1"),
        ({"format": None}, "not of format 1"),
        ({"name": 7}, "name: not a text"),
        ({"name": None}, "name is missing"),
        ({"schema_version": "1"}, "schema_version: not a count"),
        ({"schema_version": True}, "schema_version: not a count"),
        ({"has_addresses": 1}, "has_addresses: not true or false"),
        ({"composition": []}, "composition: not an object"),
        ({"composition": {"label": 7}}, "composition: label: not an object"),
        ({"composition": {"label": {"mining": -1}}}, "mining: not a count"),
        ({"composition": {"label": {"mining": 10**30}}}, "mining: not a count"),
        ({"composition": {"label": {"mining": 1.5}}}, "mining: not a count"),
        ({"seeds": [None]}, "seeds: not a count"),
        ({"inputs": ["a.pcap"]}, "inputs: not an object"),
        ({"licences": "MIT"}, "licences: not a list"),
        ({"versions": {"python": 3}}, "versions: not a text"),
        ({"settings": {"x": float("nan")}}, "NaN is no number"),
        ({"settings": {"x": float("inf")}}, "Infinity is no number"),
        ({"split": {"x": ["a\ud800"]}}, "surrogates not allowed"),
        ({"left_out": {"a\ud800": 1}}, "surrogates not allowed"),
        ({"inputs": [{"x": [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}]}, "deeper than 16 levels"),
        ({"extra": 1}, "unknown members extra"),
        ({"files": None}, "files: not a list"),
        ({"files": []}, "files: between 1 and 64"),
        ({"files": [{}]}, "each has name, octets"),
        ({"files": file() * 2}, "a name twice"),
        ({"files": file() * 65}, "files: between 1 and 64"),
        ({"files": file(name="../a.parquet")}, "no path"),
        ({"files": file(name="/etc/passwd")}, "no path"),
        ({"files": file(name="a\\b")}, "no path"),
        ({"files": file(name="..")}, "no path"),
        ({"files": file(name="a\n")}, "no path"),
        ({"files": file(name="card.json")}, "no path"),
        ({"files": file(name=7)}, "file name: not a text"),
        ({"files": file(sha256="0" * 63)}, "64 hexadecimal"),
        ({"files": file(octets=-1)}, "octets: not a count"),
        ({"files": file(rows="many")}, "rows: not a count"),
    ],
)
def test_what_is_wrong_is_named(change, members, message):
    with pytest.raises(ConfigError, match=rf"card\.json: not a data card: .*{message}"):
        read_card(change(**members))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "7", "[" * 100_000, '{"format": NaN', '{"format": 1, "x": 1e999}', "\ufffe"],
)
def test_no_card_at_all(tmp_path, text):
    (tmp_path / CARD).write_text(text)
    with pytest.raises(ConfigError, match="not a data card"):
        read_card(tmp_path)


def test_octets_that_are_no_text_and_a_card_without_end(tmp_path):
    (tmp_path / CARD).write_bytes(b"\xff\xfe{")
    with pytest.raises(ConfigError, match="not a data card"):
        read_card(tmp_path)
    with (tmp_path / CARD).open("wb") as sparse:
        sparse.truncate(MAX_CARD_OCTETS + 1)
    with pytest.raises(ConfigError, match="longer than"):
        read_card(tmp_path)


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(ConfigError, match="this is no dataset"):
        read_card(tmp_path / "gone")
