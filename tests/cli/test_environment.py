# SPDX-License-Identifier: Apache-2.0
import os
import stat
from pathlib import Path

import pytest

from minewatch.cli import environment
from minewatch.cli.environment import prepare, private_folder
from minewatch.errors import ConfigError


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """An installation and a home that cannot be written, by anybody."""
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    monkeypatch.setattr(environment, "KERNELS", blocked / "metering")
    monkeypatch.setenv("HOME", str(blocked))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_no_library_calls_home():
    given: dict[str, str] = {}
    prepare(given)
    assert given["ORT_DISABLE_TELEMETRY"] == "1"


def test_what_the_user_set_stays():
    given = {"ORT_DISABLE_TELEMETRY": "0", "OPENBLAS_NUM_THREADS": "4", "NUMBA_CACHE_DIR": "/x"}
    prepare(asked := dict(given))
    assert asked == given


def test_numba_finds_its_own_folder_where_it_can(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "KERNELS", tmp_path)
    prepare(given := {})
    assert "NUMBA_CACHE_DIR" not in given


def test_kernels_are_kept_even_without_a_home(nowhere):
    prepare(given := {})
    folder = Path(given["NUMBA_CACHE_DIR"])
    assert folder.parent == nowhere
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    prepare(again := {})
    assert again == given


def test_a_cache_folder_by_the_standard_variable_is_enough(nowhere):
    prepare(given := {"XDG_CACHE_HOME": str(nowhere)})
    assert "NUMBA_CACHE_DIR" not in given


@pytest.mark.parametrize("trap", ["open to others", "link", "file"])
def test_a_folder_that_others_may_write_is_not_taken(tmp_path, trap):
    name = tmp_path / f"minewatch-{os.geteuid()}"
    match trap:
        case "open to others":
            name.mkdir()
            name.chmod(0o777)
        case "link":
            (tmp_path / "theirs").mkdir(mode=0o700)
            name.symlink_to(tmp_path / "theirs")
        case "file":
            name.write_bytes(b"")
    with pytest.raises(ConfigError, match=f"{name}: .*; set NUMBA_CACHE_DIR"):
        private_folder(str(tmp_path))


def test_a_home_that_may_not_be_entered_is_no_error(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    user = os.getuid()
    other = 65534 if user == 0 else user  # root may enter everything
    os.setresuid(other, other, user)
    try:
        assert not environment._can_write(locked / "cache" / "numba")
    finally:
        os.setresuid(user, user, user)
        locked.chmod(0o700)
