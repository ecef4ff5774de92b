# SPDX-License-Identifier: Apache-2.0
import errno
import hashlib
import os

import polars as pl
import pytest

from minewatch.datasets.folders import new_folder, sha256_of, stored_file, write_table
from minewatch.errors import ConfigError, SourceError


def test_a_folder_appears_when_it_is_whole(tmp_path):
    out = tmp_path / "data"
    with new_folder(out) as folder:
        (folder / "a").write_text("x")
        assert not out.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert (out / "a").read_text() == "x"


def test_an_empty_folder_is_taken_and_a_full_one_is_not(tmp_path):
    (tmp_path / "data").mkdir()
    with new_folder(tmp_path / "data") as folder:
        (folder / "a").touch()
    with (
        pytest.raises(ConfigError, match="exists; name a new folder"),
        new_folder(tmp_path / "data"),
    ):
        pass
    with pytest.raises(ConfigError, match="exists"), new_folder(tmp_path / "data" / "a"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("error", [ConfigError("no"), KeyboardInterrupt()])
def test_what_is_raised_leaves_nothing(tmp_path, error):
    def fail():
        with new_folder(tmp_path / "data") as folder:
            (folder / "a").touch()
            raise error

    with pytest.raises(type(error)):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    with (
        pytest.raises(ConfigError, match="no is no folder; make it first"),
        new_folder(tmp_path / "no" / "data"),
    ):
        pass


def test_an_error_of_the_system_is_told_and_nothing_stays(tmp_path):
    with (
        pytest.raises(ConfigError, match="No space left on device; nothing was written"),
        new_folder(tmp_path / "data"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_a_file_and_its_hash(tmp_path):
    path = tmp_path / "a.parquet"
    write_table(pl.LazyFrame({"a": [1, 2]}), path)
    stored = stored_file(path, 2)
    assert stored.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (stored.name, stored.octets, stored.rows) == ("a.parquet", path.stat().st_size, 2)
    with pytest.raises(SourceError, match="cannot be read"):
        sha256_of(tmp_path / "gone")
    with pytest.raises(ConfigError, match="nothing was written"):
        write_table(pl.LazyFrame({"a": [1]}), tmp_path / "no" / "a.parquet")
