# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.capabilities.inputs import INPUTS
from minewatch.capabilities.recall import Measured, read, shipped
from minewatch.errors import ConfigError

ONE = {
    "title": "AWS",
    "normal": 100,
    "normal_scored": 10,
    "thresholds": {"one": None, "label": 0.14},
    "false_alarms": {"one": 1},
    "recalls": [
        {"cost": "one", "seen_s": 0, "lasting_s": 1800, "found": 3, "mining": 4,
         "recall": [0.75, 0.5, 1.0]},
        {"cost": "one", "seen_s": 600, "lasting_s": 1800, "found": 0, "mining": 0,
         "recall": [None, None, None]},
    ],
}  # fmt: skip
FILE = {
    "format": 1, "made_by": "c", "captures_made_by": "e", "date": "d", "inputs": {"aws-60s": ONE},
}  # fmt: skip


def test_a_file_is_read():
    told = read(json.dumps(FILE), "x")
    assert (told.made_by, told.captures_made_by, told.date) == ("c", "e", "d")
    (one,) = told.inputs.values()
    assert (one.name, one.title, one.normal, one.normal_scored) == ("aws-60s", "AWS", 100, 10)
    assert (one.false_alarms, one.label_threshold) == ({"one": 1}, 0.14)
    # where nothing mines, nothing was measured
    assert one.recalls == {("one", 0, 1800): Measured(3, 4, 0.5, 1.0)}


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", json.dumps({**FILE, "inputs": []}),
        json.dumps({**FILE, "inputs": {"a": {**ONE, "recalls": [{"mining": 1}]}}}),
    ],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(ConfigError, match=r"^recall\.json: no measurements .* make them again"):
        read(text, "recall.json")


def test_another_format_is_refused():
    with pytest.raises(ConfigError, match="measurements of format 2; make them again"):
        read(json.dumps({**FILE, "format": 2}), "recall.json")


def test_what_ships_is_of_inputs_that_are_known():
    told = shipped()
    for command in (told.made_by, told.captures_made_by):
        assert command.startswith("minewatch evaluate ")
    known = {name for one in INPUTS for name in one.measured}
    assert set(told.inputs) == known
    for one in told.inputs.values():
        assert one.recalls
        assert all(0 <= r.found <= r.mining for r in one.recalls.values())
        assert 0 < one.normal_scored <= one.normal
