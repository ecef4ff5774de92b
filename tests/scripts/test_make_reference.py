# SPDX-License-Identifier: Apache-2.0
import pytest

import make_reference

PAGES = make_reference.pages()


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_current(name):
    path = make_reference.REFERENCE / name
    assert path.exists(), "run scripts/make_reference.py"
    assert path.read_text(encoding="utf-8") == PAGES[name], "run scripts/make_reference.py"


def test_every_option_is_told():
    text = PAGES["cli.md"]
    for words in ("`-o`, `--output` `FILE`", "`--all`", "`--idle-timeout` `SECONDS`", "| 120.0 |"):
        assert words in text
    assert "$ minewatch explain incident.pcap --id 17" in text


def test_the_example_of_the_contract_meets_the_contract():
    from contract_check import problems
    from minewatch.output.contract import json_schema

    assert list(problems(make_reference.example(), json_schema())) == []
