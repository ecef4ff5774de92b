# SPDX-License-Identifier: Apache-2.0
import contextlib
import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minewatch.alert import Change, Severity
from minewatch.alerts.forms import stored
from minewatch.alerts.forms.named import FORMS
from minewatch.alerts.forms.told import alert_of, nanoseconds
from minewatch.types import Evidence
from some_alerts import NOW, some_alert

FULL = some_alert(
    change=Change.UPDATED,
    severity=Severity.HIGH,
    first_seen_ns=NOW + 123_456_000,
    community_ids=("1:abc=",),
    detectors={"signature": 0.999, "intel": None},
    evidence=(Evidence("stratum_jobs", 7.0, "1", 3.5, "Seven jobs.", None, 2.0),),
    pool_name="pool.example",
    identity={"algorithm": "rx/0", "coin": None},
    tags=("lab",),
    allowed_by="lab",
    disproof=("Ask its owner.",),
    next_steps=("Look at its processes.",),
)


@pytest.mark.parametrize("form", [FORMS["json"], stored.write], ids=["json", "stored"])
@pytest.mark.parametrize("alert", [some_alert(), FULL], ids=["plain", "full"])
def test_every_field_comes_back(form, alert):
    found = alert_of(form(alert))
    assert json.dumps(dataclasses.asdict(found)) == json.dumps(dataclasses.asdict(alert))
    assert alert_of(form(alert).encode()) == found


@pytest.mark.parametrize("name", ["eve", "ocsf", "ecs", "slack", "cef", "text"])
def test_other_forms_are_refused(name):
    with pytest.raises(ValueError, match=r"."):
        alert_of(FORMS[name](FULL))


@pytest.mark.parametrize(
    "change",
    [
        {"alert_version": 2}, {"pool_port": "x"}, {"updated": 5}, {"updated": None}, {"host": None},
        {"id": "a" * 65}, {"host": "a" * 65}, {"pool": "\u00e4"}, {"pool": "a" * 100_000},
        {"updated": "2023-11-14"}, {"updated": "2023-11-14T22:13:20.x5Z"}, {"severity": "dire"},
    ],
)  # fmt: skip
def test_what_is_damaged_is_refused(change):
    with pytest.raises(ValueError, match=r"."):
        alert_of(json.dumps(json.loads(FORMS["json"](FULL)) | change))


def test_times_to_the_nanosecond():
    assert nanoseconds("2023-11-14T22:13:20.123456789Z") == NOW + 123_456_789
    assert nanoseconds("2023-11-14T22:13:20Z") == NOW
    for text in ("2023-11-14T22:13:20", "2023-11-14T22:13:20+01:00Z", "9" * 41 + "Z", "Z"):
        with pytest.raises(ValueError, match=r"."):
            nanoseconds(text)
    with pytest.raises(ValueError, match="finer"):
        nanoseconds("2023-11-14T22:13:20.1234567890Z")


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_nothing_else_is_raised(line):
    with contextlib.suppress(ValueError):
        alert_of(line)


def test_deep_nesting_is_refused():
    with pytest.raises(ValueError, match="nested"):
        alert_of("[" * 100_000)
