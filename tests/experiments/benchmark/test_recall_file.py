# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.capabilities.recall import read
from minewatch.experiments.benchmark.by_format import measured
from minewatch.experiments.benchmark.recall_file import as_text
from minewatch.training.corpus.views import InputKind


@pytest.fixture(scope="module")
def found(make_scores):
    made = make_scores(n_detectors=1, inputs=(InputKind.FLOWS_60,), n_per_host=3)
    return measured({"aws-60s": made, "other": made}, n_draws=20)


def test_what_is_written_is_read_again(found):
    text = as_text(found, {"aws-60s": "AWS"}, 'minewatch "evaluate"', "captures", "2026-01-02")
    told = read(text, "recall.json")
    assert told.captures_made_by == "captures"
    assert (told.made_by, told.date) == ('minewatch "evaluate"', "2026-01-02")
    assert {name: one.title for name, one in told.inputs.items()} == {
        "aws-60s": "AWS",
        "other": "other",
    }
    one, wanted = told.inputs["aws-60s"], found["aws-60s"]
    assert (one.normal, one.normal_scored) == (wanted.normal, wanted.normal_scored)
    assert one.false_alarms == wanted.false_alarms
    asked = {(r.cost.value, r.seen_s, r.lasting_s): r for r in wanted.recalls if r.mining}
    assert set(one.recalls) == set(asked)
    for key, recall in asked.items():
        kept = one.recalls[key]
        assert (kept.found, kept.mining) == (recall.found, recall.mining)
        assert kept.low == pytest.approx(recall.recall.low, rel=1e-5)


def test_each_recall_is_a_line_so_that_a_change_can_be_read(found):
    text = as_text(found, {}, "c", "", "d")
    n = sum(len(one.recalls) for one in found.values())
    assert sum('"lasting_s"' in line for line in text.splitlines()) == n
    assert json.loads(text)["format"] == 1


def test_nothing_measured_is_a_file_too():
    assert read(as_text({}, {}, "c", "", "d"), "x").inputs == {}
