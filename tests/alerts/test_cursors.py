# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.alerts.cursors import Cursor, cursor_path, furthest


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.cursor"


def test_a_number_is_kept(path):
    assert Cursor(path).next is None
    for number in (7, 10**18, 3):
        Cursor(path).move(number)
        assert Cursor(path).next == number


@pytest.mark.parametrize("place", range(30))
def test_a_damaged_one_says_that_nothing_is_sure(path, place):
    Cursor(path).move(12_345)
    data = bytearray(path.read_bytes())
    data[place] ^= 0x08
    path.write_bytes(data)
    # The line's end says nothing; all else does.
    assert Cursor(path).next == (12_345 if place == 29 else 0)
    path.write_bytes(bytes(data[:place]))
    assert Cursor(path).next == 0


def test_no_name_leads_out_of_the_folder_and_each_has_its_own(tmp_path):
    names = ["../../etc/passwd", "a", "A", "a/", "a" * 4_000, "\udcff", ""]
    paths = [cursor_path(tmp_path, name) for name in names]
    assert {path.parent for path in paths} == {tmp_path}
    assert len({path.name.lower() for path in paths}) == len(names)
    for path in paths:
        Cursor(path).move(1)


def test_the_furthest_counts_whoever_it_was(tmp_path):
    assert furthest(tmp_path) == 0
    for name, number in (("a", 7), ("b", 12), ("c", 3)):
        Cursor(cursor_path(tmp_path, name)).move(number)
    (tmp_path / "d.cursor").write_bytes(b"damaged")
    (tmp_path / "99.alerts").touch()
    assert furthest(tmp_path) == 12
