# SPDX-License-Identifier: Apache-2.0
import json
import math

import pytest

from minewatch.experiments.benchmark.results import as_data, as_text, plain
from minewatch.experiments.benchmark.targets import targets
from minewatch.experiments.paper.metrics import Interval


@pytest.fixture(scope="module")
def data(found):
    return as_data(found, targets(found, {}, {}), "Title", {"b": "x", "a": "y"})


def _numbers(value):
    if isinstance(value, dict):
        for member in value.values():
            yield from _numbers(member)
    elif isinstance(value, list):
        for member in value:
            yield from _numbers(member)
    elif isinstance(value, float):
        yield value


def test_no_number_is_nan_or_infinite(data):
    assert all(map(math.isfinite, _numbers(data)))


def test_what_is_written_is_what_is_returned(data):
    assert json.loads(as_text(data)) == data


def test_it_is_sorted(data):
    text = as_text(data)
    keys = [line.split('"')[1] for line in text.splitlines() if line.startswith(' "')]
    assert keys == sorted(keys)
    assert json.dumps(data, sort_keys=True) == json.dumps(json.loads(text))


def test_measures_are_found_by_name(data, found):
    of = data["scopes"]["real"]["packets"]["measures"]["fused"]
    own = found.scopes["real"]["packets"].measures["fused"].budgets[10].own
    assert of["budgets"]["10"]["own"]["recall"][0] == pytest.approx(own.recall.value, rel=1e-5)
    assert data["evasions"]["ssh"]["packets"]["reaches"] in (True, False)
    assert {target["status"] for target in data["targets"]} <= {"met", "missed", "not measured"}


def test_an_interval_is_three_numbers():
    assert plain(Interval(0.123456789, float("nan"), 1.0)) == [0.123457, None, 1.0]
