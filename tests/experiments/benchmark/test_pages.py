# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from minewatch.experiments.benchmark.by_moment import ByMoment
from minewatch.experiments.benchmark.pages import pages
from minewatch.experiments.benchmark.targets import Status, targets
from minewatch.experiments.paper.document import Heading, Picture, as_markdown


def _pages(found, notes=None, captions=None):
    notes = notes or {}
    return pages(found, targets(found, {}, notes), "Title", notes, captions or {})


@pytest.fixture(scope="module")
def blocks(found):
    return _pages(found)


def test_every_part_is_there(blocks):
    heads = [block.text for block in blocks if isinstance(block, Heading) and block.level == 2]
    assert heads == [
        "What it must show", "How to read the numbers", "The data", "Real sources",
        "Fused against each detector", "Time to detect", "Flow logs after half an hour",
        "Calibration", "Each recorder", "Evasions", "Ablation, and other splits", "The lab",
        "The simulator",
    ]  # fmt: skip


def test_parts_without_anything_to_tell_are_left_out(found):
    less = replace(found, variants={}, evasions={name: {} for name in found.evasions}, scopes={})
    text = as_markdown(_pages(less))
    for head in ("## Ablation", "## Evasions", "## The lab", "## Flow logs", "## Fused against"):
        assert head not in text


def test_misses_are_told_with_their_analysis(found):
    missed = [t for t in targets(found, {}, {}) if t.status is Status.MISSED]
    notes = {missed[0].key: "Half-seen conversations.", "introduction": "Hello.", "Lease": "Free."}
    text = as_markdown(_pages(found, notes))
    assert f"(`{missed[0].key}`): Half-seen conversations." in text
    assert text.count("no analysis yet") == len(missed) - 1
    assert text.index("Hello.") < text.index("## What it must show")
    assert text.rstrip().endswith("## Lease\n\nFree.")


def test_outcomes_are_counted(found, blocks):
    reached = targets(found, {}, {})
    n_met = sum(target.status is Status.MET for target in reached)
    assert f"{len(reached)} targets: {n_met} met" in as_markdown(blocks)


def test_pictures_are_those_that_were_drawn(found, blocks):
    assert not [block for block in blocks if isinstance(block, Picture)]
    shown = [b for b in _pages(found, {}, {"pr.png": "x"}) if isinstance(b, Picture)]
    assert shown == [Picture("pr.png", "x")]


def test_kinds_of_flow_logs_have_a_section_of_the_main_scope(found):
    one = ByMoment(9, 4, {"label": 0.5}, {"label": 0}, ())
    told = replace(found, formats={found.main_scope: {"aws-60s": one}, "lab": {"zeek": one}})
    heads = [b.text for b in _pages(told) if isinstance(b, Heading) and b.level == 2]
    place = heads.index("Kinds of flow logs")
    assert heads[place - 1 : place + 2] == [
        "Flow logs after half an hour",
        "Kinds of flow logs",
        "Calibration",
    ]
    assert heads.count("Kinds of flow logs") == 1
