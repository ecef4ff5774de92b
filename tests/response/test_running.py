# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import ResponseError
from minewatch.response import running
from minewatch.response.running import run


def test_what_it_is_told_and_what_it_says():
    assert run(("cat",), "told") == "told"
    assert run(("env",)).splitlines() == [f"PATH={running.SYSTEM_PATH}", "LC_ALL=C"]


def test_no_shell_reads_an_argument():
    assert run(("printf", "%s", "$(id); `id` *")) == "$(id); `id` *"


def test_a_program_of_the_users_path_is_not_taken(tmp_path, monkeypatch):
    program = tmp_path / "nothing-of-the-system"
    program.write_text("#!/bin/sh\necho theirs\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ResponseError, match="nothing-of-the-system is not installed: apt-get"):
        run(("nothing-of-the-system",))


def test_a_failure_is_one_line_with_its_words():
    with pytest.raises(ResponseError, match=r"^sh: one two$"):
        run(("sh", "-c", "printf 'one\ntwo\n' >&2; exit 3"))
    with pytest.raises(ResponseError, match=r"^false: status 1$"):
        run(("false",))


def test_it_ends_in_time(monkeypatch):
    monkeypatch.setattr(running, "SECONDS", 0.2)
    with pytest.raises(ResponseError, match="did not end"):
        run(("sleep", "30"))
