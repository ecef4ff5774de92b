# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from commands import runner_of
from minewatch.cli.checkup import clock, interfaces, kernel, programs, rights, room
from minewatch.cli.checkup.finding import Finding, Level
from minewatch.cli.doctor import SERVICE_FOLDER, doctor

SUBJECTS = [
    "watching",
    "kernel",
    "interfaces",
    "clock",
    "state",
    "models",
    "operating points",
    "nft",
]


@pytest.fixture
def look():
    return runner_of(doctor=doctor)


@pytest.fixture
def asked(monkeypatch):
    """A machine on which all is well; what is changed in the result is found."""
    levels = {}
    asked = {}

    def part(module, name, subject):
        def check(*arguments, **options):
            asked[subject] = (arguments, options)
            level = levels.get(subject, Level.OK)
            return [Finding(subject, level, "as \x1b seen", "" if level is Level.OK else "mend it")]

        monkeypatch.setattr(module, name, check)

    part(rights, "check_rights", "watching")
    part(kernel, "check_kernel", "kernel")
    part(interfaces, "check_interfaces", "interfaces")
    part(clock, "check_clock", "clock")
    part(room, "check_room", "state")
    part(programs, "check_programs", "nft")
    return levels, asked


def test_every_part_is_asked_and_shown(look, asked, tmp_path):
    result = look("doctor", "--interface", "eth7", "--checkpoint", tmp_path)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split(":")[0].split(None, 1)[1] for line in lines] == SUBJECTS
    assert all(line.startswith("ok    ") for line in lines)
    assert "\x1b" not in result.stdout
    _, seen = asked
    assert seen["watching"] == ((), {"must_watch": True})
    assert seen["interfaces"] == (("eth7",), {})
    assert seen["state"] == ((tmp_path,), {"is_named": True})
    look("doctor")
    assert seen["watching"] == ((), {"must_watch": False})
    assert seen["interfaces"] == ((None,), {})
    assert seen["state"] == ((SERVICE_FOLDER,), {"is_named": False})


def test_the_status_is_that_of_the_worst(look, asked):
    levels, _ = asked
    levels["clock"] = Level.WARN
    result = look("doctor")
    assert result.exit_code == 1
    assert "warn  clock: as ? seen: mend it" in result.stdout.splitlines()
    levels["kernel"] = Level.FAIL
    assert look("doctor").exit_code == 2


def test_as_json(look, asked):
    levels, _ = asked
    levels["clock"] = Level.WARN
    result = look("doctor", "--json")
    data = json.loads(result.stdout)
    assert data["status"] == result.exit_code == 1
    assert [one["subject"] for one in data["findings"]] == SUBJECTS
    assert data["findings"][3] == {
        "subject": "clock",
        "level": "warn",
        "text": "as \x1b seen",
        "cure": "mend it",
    }


def test_on_this_machine(look, tmp_path):
    result = look("doctor", "--interface", "lo", "--checkpoint", tmp_path)
    assert result.exit_code in (0, 1, 2)
    assert result.stderr == ""
    for line in result.stdout.splitlines():
        assert line.split()[0] in ("ok", "warn", "fail")
        assert line.startswith("ok") or line.count(": ") >= 2
