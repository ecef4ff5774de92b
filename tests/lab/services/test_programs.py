# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import ConfigError
from minewatch.lab.services import programs


def make(folder, name="tool"):
    folder.mkdir(parents=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)
    return str(folder / name)


def test_the_path_comes_first(tmp_path, monkeypatch):
    made = make(tmp_path / "bin", "nginx")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert programs.find_program("nginx") == made


def test_daemons_are_found_off_the_path(monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin")
    assert programs.find_program("sshd") == "/usr/sbin/sshd"


def test_the_newest_postgresql_is_taken(tmp_path, monkeypatch):
    for version in ("9.6", "15", "17"):
        make(tmp_path / version / "bin", "no-such-on-the-path")
    monkeypatch.setattr(programs, "_POSTGRESQL", tmp_path)
    found = programs.find_program("no-such-on-the-path")
    assert found == str(tmp_path / "17/bin/no-such-on-the-path")


def test_a_missing_program_is_named():
    assert programs.find_program("no-such-program") is None
    with pytest.raises(ConfigError, match="no-such-program: no such program: install"):
        programs.need_program("no-such-program")


def test_a_failing_program_says_why(tmp_path):
    with pytest.raises(ConfigError, match=r"ls: status 2: .*absent"):
        programs.run_program(["ls", tmp_path / "absent"])
    programs.run_program(["sh", "-c", "read word && test $word = yes"], "yes\n")
