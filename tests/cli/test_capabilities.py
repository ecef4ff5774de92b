# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch import registry
from minewatch.capabilities.inputs import INPUTS
from minewatch.capabilities.page import page_lines
from minewatch.capabilities.recall import shipped
from minewatch.capabilities.table import capabilities


@pytest.fixture(scope="module")
def found():
    return capabilities(registry.detectors(), shipped())


def test_the_table_names_every_input(run):
    result = run("capabilities")
    assert result.exit_code == 0, result.stderr
    for one in INPUTS:
        assert f"\n{one.title}\n" in f"\n{result.stdout}"
    assert f"measured on {shipped().date}." in result.stdout


def test_json_holds_all_of_it(run, found):
    result = run("capabilities", "--format", "json")
    data = json.loads(result.stdout)
    told = shipped()
    commands = (data["made_by"], data["captures_made_by"])
    assert (*commands, data["date"]) == (told.made_by, told.captures_made_by, told.date)
    assert data["inputs"] == [json.loads(json.dumps(one.as_data())) for one in found]


def test_markdown_is_what_the_reference_holds(run, found):
    result = run("capabilities", "--format", "markdown")
    assert result.stdout.splitlines() == list(page_lines(found, shipped()))


def test_another_format_is_refused(run):
    result = run("capabilities", "--format", "xml")
    assert result.exit_code == 2
    assert result.stderr == "minewatch: --format xml: one of table, json, markdown\n"
