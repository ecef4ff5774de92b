# SPDX-License-Identifier: Apache-2.0
import os
from types import SimpleNamespace

import pytest

from minewatch.cli.checkup.room import check_room


@pytest.fixture
def free(monkeypatch):
    def set_free(mebibytes):
        answer = SimpleNamespace(f_bavail=mebibytes * 256, f_frsize=4096)
        monkeypatch.setattr(os, "statvfs", lambda path: answer)

    return set_free


@pytest.mark.parametrize(
    ("mebibytes", "level"), [(63, "fail"), (64, "warn"), (1023, "warn"), (1024, "ok")]
)
def test_how_much_is_free(tmp_path, free, mebibytes, level):
    free(mebibytes)
    (found,) = check_room(tmp_path)
    assert found.level == level
    assert f"{mebibytes:,} MiB are free" in found.text


def test_a_folder_that_will_be_made(tmp_path, free):
    free(5_000)
    (found,) = check_room(tmp_path / "a" / "b")
    assert (found.level, found.subject) == ("ok", str(tmp_path / "a" / "b"))
    assert "will be made" in found.text


def test_a_file_in_its_place(tmp_path):
    (tmp_path / "a").touch()
    assert check_room(tmp_path / "a" / "b")[0].level == "fail"


def test_a_folder_that_may_not_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (found,) = check_room(tmp_path)
    assert found.level == "fail"
    assert f"install -d -o USER -m 750 {tmp_path}" in found.cure


def test_a_folder_that_nobody_named_is_no_failure(tmp_path, monkeypatch, free):
    (tmp_path / "a").touch()
    assert check_room(tmp_path / "a" / "b", is_named=False)[0].level == "warn"
    free(1)
    assert check_room(tmp_path, is_named=False)[0].level == "warn"
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert check_room(tmp_path, is_named=False)[0].level == "warn"


def test_of_this_machine(tmp_path):
    (found,) = check_room(tmp_path)
    stat = os.statvfs(tmp_path)
    shown = int(found.text.split()[0].replace(",", ""))
    assert abs(shown - stat.f_bavail * stat.f_frsize / (1 << 20)) < 2_000
