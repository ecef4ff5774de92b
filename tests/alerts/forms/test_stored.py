# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_alerts import ALL, PLAIN
from minewatch.alert import Alert, Change, Severity
from minewatch.alerts.forms.stored import read, write
from minewatch.types import Evidence

TEXT = st.text(st.characters(), max_size=20)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-(1 << 63), (1 << 63) - 1)
EVIDENCE = st.builds(
    Evidence,
    TEXT,
    st.one_of(NUMBER, TEXT, st.none()),
    TEXT,
    NUMBER,
    TEXT,
    st.one_of(NUMBER, st.none()),
    st.one_of(NUMBER, st.none()),
)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
ALERTS = st.builds(
    Alert,
    id=TEXT,
    revision=WHOLE,
    change=st.sampled_from(Change),
    host=TEXT,
    pool=TEXT,
    pool_port=WHOLE,
    protocol_identifier=WHOLE,
    severity=st.sampled_from(Severity),
    mining_probability=NUMBER,
    first_seen_ns=WHOLE,
    last_seen_ns=WHOLE,
    updated_ns=WHOLE,
    conversations=WHOLE,
    community_ids=TEXTS,
    detectors=st.dictionaries(TEXT, st.one_of(NUMBER, st.none()), max_size=3),
    evidence=st.lists(EVIDENCE, max_size=2).map(tuple),
    source=TEXT,
    pool_name=st.one_of(TEXT, st.none()),
    identity=st.dictionaries(TEXT, st.one_of(TEXT, st.none()), max_size=3),
    tags=TEXTS,
    allowed_by=st.one_of(TEXT, st.none()),
    disproof=TEXTS,
    next_steps=TEXTS,
)


@pytest.mark.parametrize("alert", ALL)
def test_what_is_written_is_read(alert):
    text = write(alert)
    assert read(text) == alert
    assert read(text.encode()) == alert
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text)["stored_version"] == 1
    assert json.loads(text).keys() == {field.name for field in fields(Alert)} | {"stored_version"}


@given(ALERTS)
def test_anything_that_is_written_is_read_exactly(alert):
    back = read(write(alert))
    assert back == alert
    assert {type(e.value) for e in back.evidence} == {type(e.value) for e in alert.evidence}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_lacks_is_refused(number):
    with pytest.raises(ValueError, match="JSON compliant"):
        write(replace(PLAIN, mining_probability=number))


def test_a_later_field_is_ignored():
    value = json.loads(write(PLAIN)) | {"novel": [1]}
    assert read(json.dumps(value)) == PLAIN


@pytest.mark.parametrize(
    "change",
    [
        {"stored_version": 2},
        {"stored_version": None},
        {"change": "gone"},
        {"revision": "1"},
        {"pool_name": 5},
        {"evidence": [{}]},
        {"detectors": {"a": "b"}},
        {"mining_probability": None},
    ],
)
def test_what_does_not_fit_is_refused(change):
    with pytest.raises(ValueError, match=r"."):
        read(json.dumps(json.loads(write(PLAIN)) | change))


@pytest.mark.parametrize("text", ["", "[]", "5", "{", "[" * 100_000, b"\xff", "null"])
def test_what_is_no_alert_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read(text)


def test_a_field_that_is_missing_is_refused():
    value = json.loads(write(PLAIN))
    del value["host"]
    with pytest.raises(ValueError, match="host"):
        read(json.dumps(value))
