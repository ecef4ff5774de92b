# SPDX-License-Identifier: Apache-2.0
import shlex
import subprocess

import pytest

from minewatch.errors import ResponseError
from minewatch.response.cloud import CloudPlanner, Plan, Variable, command_line, label_of
from minewatch.response.responders import PLANNERS

each = pytest.mark.parametrize("planner", PLANNERS, ids=lambda planner: planner.name)


@each
@pytest.mark.parametrize("version", [4, 6])
def test_a_plan_is_a_script_that_a_shell_reads(planner, block, version):
    """Each command is replaced by one that prints its words: what arrives is what was meant."""
    wanted = block()
    if version == 6:
        wanted = block(host="2001:db8::5", pool="2001:db8::9")
    lines = list(planner.plan(wanted))
    commands = [line for line in lines if not line.startswith("#")]
    assert len(commands) >= 2
    variables = [line.split()[2].rstrip(":") for line in lines if line.startswith("# set ")]
    used = {word[1:] for line in commands for word in shlex.split(line) if word.startswith("$")}
    assert used == set(variables)
    programs = {shlex.split(line)[0] for line in commands}
    assert len(programs) == 1
    shims = "".join(f"{name}() {{ printf '%s\\0' {name} \"$@\"; echo; }}\n" for name in programs)
    values = {name: f"value of $({name}) ;" for name in variables}
    done = subprocess.run(
        ["bash", "-euc", shims + "\n".join(lines)],
        env={"PATH": "/usr/bin:/bin", **values},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    heard = [line.split("\0")[:-1] for line in done.stdout.splitlines()]
    expected = [
        [values.get(word[1:], word) if word.startswith("$") else word for word in shlex.split(line)]
        for line in commands
    ]
    assert heard == expected
    assert any(
        str(wanted.pool) in " ".join(words) or "quarantine" in " ".join(lines) for words in heard
    )
    position = next(i for i, line in enumerate(lines) if line.startswith("# after 600 s"))
    assert 0 < position < len(lines) - 1


@each
def test_a_plan_is_never_run(planner, block):
    for act in (planner.apply, planner.undo):
        with pytest.raises(ResponseError, match="only a plan"):
            act(block())


@each
def test_what_is_no_address_gets_no_plan(planner, block):
    for changed in (
        {"pool": "$(reboot)"},
        {"host": "10.0.0.5 --force"},
        {"protocol_identifier": 17},
    ):
        with pytest.raises(ResponseError):
            planner.plan(block(**changed))


def test_names_of_what_is_made_hold_letters_only(block):
    assert label_of(block()) == "minewatch-3c090e667a82"
    assert label_of(block(alert_id='"; rm -rf / #Ä')) == "minewatch-rmrf"
    assert label_of(block(alert_id="--")) == "minewatch-block"


def test_words_are_quoted_and_variables_are_not_split():
    line = command_line(["a", "b c", "d'e", "$F", "*", "", Variable("GROUP")])
    done = subprocess.run(
        ["sh", "-c", f"printf '%s|' {line}"],
        env={"GROUP": "g h"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "a|b c|d'e|$F|*||g h|"


def test_a_remark_that_breaks_out_of_its_line_is_no_command(block):
    """Remarks hold addresses only, which were checked; a planner of somebody's is not trusted."""
    planner = CloudPlanner("x", lambda ends, label: Plan({}, ["a\nreboot"], [("true",)], []))
    assert all(
        line.startswith(("#", "true"))
        for text in planner.plan(block())
        for line in text.splitlines()
    )


@pytest.mark.parametrize("name", ["", "a", "A B", "A;B", "1A", 'A"'])
def test_what_is_no_variable(name):
    with pytest.raises(ValueError, match="no variable"):
        Variable(name)
