# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.errors import ConfigError
from minewatch.lab.plan import read_plan, write_plan


def test_a_plan_is_the_same_after_its_file(small_plan, tmp_path):
    write_plan(small_plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == small_plan


def test_parts_are_found_by_name(small_plan):
    assert small_plan.host("pool-1").address == "203.0.113.1"
    assert small_plan.pool("hidden").port == 443
    assert small_plan.service("way").kind == "ssh-tunnel"


@pytest.mark.parametrize(
    "text",
    ["", "[]", '"plan"', "7", "{}", '{"format": 2}', '{"format": 1}', '{"format": 1, "seed": 7}'],
)
def test_what_is_no_plan_is_told_with_its_file(tmp_path, text):
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"plan\.json: not a plan of a lab: "):
        read_plan(path)


def test_a_plan_with_a_member_too_many_is_refused(small_plan, tmp_path):
    path = tmp_path / "plan.json"
    write_plan(small_plan, path)
    members = json.loads(path.read_text())
    members["hosts"][0]["colour"] = "red"
    path.write_text(json.dumps(members))
    with pytest.raises(ConfigError, match="colour"):
        read_plan(path)


def test_a_plan_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_plan(tmp_path / "plan.json")
