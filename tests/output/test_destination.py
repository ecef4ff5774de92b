# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from minewatch.errors import ConfigError
from minewatch.output.destination import Destination


def test_a_file_appears_at_the_end_and_not_before(tmp_path):
    path = tmp_path / "a.txt"
    with Destination(str(path)) as destination:
        destination.write(b"one")
        assert not path.exists()
        assert len(list(tmp_path.iterdir())) == 1
    assert path.read_bytes() == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_after_an_error_the_old_file_stands(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write():
        with Destination(str(path)) as destination:
            destination.write(b"new")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_mode_and_links_are_kept(tmp_path):
    path, link = tmp_path / "a.txt", tmp_path / "link"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    with Destination(str(link)) as destination:
        destination.write(b"new")
    assert link.is_symlink()
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o640)


def test_a_new_file_has_an_ordinary_mode(tmp_path):
    before = os.umask(0o027)
    try:
        with Destination(str(tmp_path / "a")):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_devices_are_written_to_directly():
    with Destination("/dev/null") as destination:
        assert destination.path == "/dev/null"
        destination.write(b"x")


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_a_full_disk_is_told(size):
    with (
        pytest.raises(ConfigError, match="-o /dev/full: No space left on device"),
        Destination("/dev/full") as destination,
    ):
        destination.write(b"x" * size)


def test_a_folder_or_a_place_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=f"-o {tmp_path}: Is a directory"):
        Destination(str(tmp_path))
    with pytest.raises(ConfigError, match="No such file or directory; give a file in a folder"):
        Destination(str(tmp_path / "gone" / "a"))


@pytest.mark.parametrize("name", [None, "-"])
def test_standard_output(capsysbinary, name):
    with Destination(name) as destination:
        assert destination.is_stdout
        destination.write(b"one")
    assert capsysbinary.readouterr().out == b"one"
