# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import pytest

from minewatch.capabilities import table
from minewatch.capabilities.inputs import INPUTS, NO_NAMES
from minewatch.capabilities.recall import Measured, Measurement, Measurements
from minewatch.capabilities.table import (
    NO_ROW_YET,
    NOT_MEASURED,
    RECALL_HEADS,
    TELL_HEADS,
    blind_to,
    capabilities,
    ready_rows,
    recall_rows,
    tell_rows,
)

BY_NAME = {one.name: one for one in INPUTS}
RECALLS = {
    ("one", 1800, 1800): Measured(2, 4, 0.1, 0.9),
    ("one", 0, 1800): Measured(3, 4, None, None),
    ("label", 0, 1800): Measured(1, 4, 0.0, 0.5),
    ("one", 0, 0): Measured(9, 99, 0.0, 0.5),
}
AWS = Measurement("aws-60s", "AWS, 60 s", 1000, 10, 0.14121, {"label": 7}, RECALLS)
TOLD = Measurements("minewatch evaluate", "", "2026-01-02", {"aws-60s": AWS, "strange": AWS})


@pytest.fixture
def found(monkeypatch):
    asked = []

    def ready(entry, detectors, miners):
        asked.append(entry.name)
        return {"rhythm": 600, "sequence": None, "one-class": 0}

    monkeypatch.setattr(table, "ready_after", ready)
    entries = [BY_NAME[name] for name in ("aws", "zeek", "azure-nsg", "azure-vnet")]
    made = capabilities([], TOLD, entries)
    assert asked == ["aws", "zeek", "azure-nsg"]  # the same input is asked about once
    return made


def test_inputs_that_differ_in_names_are_asked_about_each(monkeypatch):
    asked = []
    monkeypatch.setattr(table, "ready_after", lambda entry, *more: asked.append(entry.name) or {})
    zeek = BY_NAME["zeek"]
    nameless = replace(zeek, name="nameless", tells=replace(zeek.tells, names=NO_NAMES))
    capabilities([], TOLD, [zeek, nameless, BY_NAME["nfstream"]])
    assert asked == ["zeek", "nameless"]


def test_an_input_has_what_was_measured_of_it(found):
    assert [one.measured for one in found] == [(AWS,), (), (), ()]


def test_recall_is_of_mining_that_lasts_long_and_at_one_false_alarm(found):
    rows = recall_rows(found)
    assert rows[0] == (
        "AWS VPC Flow Logs",
        "AWS, 60 s",
        NOT_MEASURED,
        "0.50 (0.10 to 0.90), 2 of 4",
        NOT_MEASURED,
        "0.75, 3 of 4",
        "0.25 (0.00 to 0.50), 1 of 4",
        "0.141",
        "7 of 1,000",
    )
    assert rows[1] == ("Zeek conn.log", "-", *[NOT_MEASURED] * 7)
    assert all(len(row) == len(RECALL_HEADS) for row in rows)


def test_what_is_logged_at_the_end_was_not_seen_before(monkeypatch):
    monkeypatch.setattr(table, "ready_after", lambda *given: {})
    told = Measurements("x", "", "y", {"zeek": AWS})
    (one,) = capabilities([], told, [BY_NAME["zeek"]])
    (row,) = recall_rows([one])
    assert row[2:6] == (NO_ROW_YET, NO_ROW_YET, NO_ROW_YET, "0.75, 3 of 4")
    assert dict(one.lines())["recall"] == (
        "AWS, 60 s, at one false alarm in 1,000: at its end 0.75, 3 of 4"
    )


def test_readiness_is_told_in_words(found):
    heads, rows = ready_rows(found)
    assert heads == ("input", "rhythm", "sequence", "one-class")
    assert rows[0] == ("AWS VPC Flow Logs", "10 min", "-", "its end")


def test_what_is_told_has_a_cell_for_each_head(found):
    rows = tell_rows(found)
    assert [row[0] for row in rows] == [one.entry.title for one in found]
    assert all(len(row) == len(TELL_HEADS) for row in rows)


def test_blindness_follows_from_what_is_told():
    texts = {name: " ".join(blind_to(one)) for name, one in BY_NAME.items()}
    assert texts["capture"] == ""
    assert "login" in texts["capture-headers"]
    assert "gaps" not in texts["capture-headers"]
    assert "sampling" in texts["gcp"]
    assert "sampling" not in texts["aws"]
    assert "before the connection ends" in texts["zeek"]
    assert "gaps" in texts["sflow"]
    assert "after the first packets" in texts["first-packets"]
    assert "gaps" not in texts["first-packets"]
    assert "name of the pool" not in texts["zeek"]


def test_everything_is_data(found):
    data = json.loads(json.dumps(found[0].as_data()))
    assert data["ready_after_s"] == {"rhythm": 600, "sequence": None, "one-class": 0}
    assert data["tells"]["payload"] is False
    assert data["recall"]["aws-60s"]["false_alarms"] == {"label": 7}
    assert data["recall"]["aws-60s"]["label_threshold"] == 0.14121
    assert len(data["recall"]["aws-60s"]["recalls"]) == len(RECALLS)
    assert data["input_formats"] == ["aws"]


def test_lines_for_a_person(found):
    lines = dict(found[0].lines())
    assert lines["detectors"] == "rhythm (after 10 min), one-class (after its end)"
    assert lines["recall"] == (
        "AWS, 60 s, at one false alarm in 1,000: after 30 min 0.50 (0.10 to 0.90), 2 of 4; "
        "at its end 0.75, 3 of 4"
    )
    assert dict(found[1].lines())["recall"] == NOT_MEASURED
