# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import ConfigError
from minewatch.lab import requirements
from minewatch.lab.drawing import draw_plan


def test_missing_programs_are_told_with_one_command():
    programs = {"no-such-b": "bravo", "sh": "dash", "no-such-a": "alpha", "no-such-c": "bravo"}
    with pytest.raises(ConfigError) as caught:
        requirements.check_programs(programs)
    assert str(caught.value) == (
        "programs are missing: no-such-a, no-such-b, no-such-c; on Debian: "
        "apt-get install alpha bravo"
    )


def test_missing_modules_are_told_with_their_extra():
    with pytest.raises(ConfigError) as caught:
        requirements.check_modules({"no_such_module": "lab", "json": "lab"})
    assert str(caught.value) == (
        'Python modules are missing: no_such_module: pip install "minewatch[lab]"'
    )


def test_what_is_there_is_not_told():
    requirements.check_programs({"sh": "dash"})
    requirements.check_modules({"json": "lab"})


def test_a_plan_wants_what_its_parts_want(small_plan):
    programs, modules = requirements.wanted(small_plan)
    assert programs["tcpdump"] == "tcpdump"
    assert programs["ip"] == "iproute2"
    assert {"nginx", "dnsmasq", "sshd", "openssl"} <= set(programs)
    assert "postgres" not in programs
    assert modules == {}
    _, modules = requirements.wanted(draw_plan(3, 60.0, 1))
    assert modules["grpc"] == "lab"


@pytest.mark.namespace
def test_a_machine_with_everything_will_do(small_plan):
    requirements.require(small_plan)


@pytest.mark.namespace
def test_an_xmrig_that_is_none_is_refused(small_plan, tmp_path):
    (tmp_path / "xmrig").write_text("not a program")
    with pytest.raises(ConfigError, match=r"--xmrig .*: not an executable file"):
        requirements.require(small_plan, tmp_path / "xmrig")
