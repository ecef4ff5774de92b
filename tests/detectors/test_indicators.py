# SPDX-License-Identifier: Apache-2.0
import csv
from datetime import date

import pytest

from minewatch.detectors import indicators
from minewatch.detectors.indicators import default_list, load_indicators, load_lists
from minewatch.errors import ConfigError, SourceError

HEADER = "indicator,type,port,source,licence,confidence,note,date\n"


@pytest.fixture
def listed(tmp_path):
    def write(*lines, header=HEADER):
        path = tmp_path / "list.csv"
        path.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
        return load_indicators(path)

    return write


def test_bad_lines_are_counted_and_named(listed):
    found = listed(
        "10.0.0.9,ip,3333,,,confirmed,,",
        "10.0.0.999,ip,3333,,,confirmed,,",
        "10.0.0.9,ip,99999,,,confirmed,,",
        "10.0.0.9,ip,http,,,confirmed,,",
        "https://a/b,url,,,,confirmed,,",
        ",domain,,,,confirmed,,",
        "a.example,domain,,,,confirmed,,yesterday",
        "short",
    )
    assert len(found) == 1
    assert found.n_left_out == len(found.problems) == 7
    assert [problem.split(":")[1] for problem in found.problems] == list("3456789")


def test_problems_are_bounded(listed):
    found = listed(*["x,ip,,,,,,"] * 500)
    assert (found.n_left_out, len(found.problems)) == (500, 100)


def test_a_field_without_end_ends_the_list(listed):
    found = listed("10.0.0.9,ip,,,,,,", '"' + "x" * 200_000)
    assert len(found) == 1
    assert found.n_left_out == 1
    assert found.problems[0].endswith("; this and all below it was not read")


def test_lines_are_read_in_bounded_memory(listed, monkeypatch):
    monkeypatch.setattr(indicators, "_MAX_LINE", 100)
    lines = ("10.0.0.9,ip,,,,,,", "10.0.0.8,ip,,," + "x" * 60 + ",,", "10.0.0.7,ip,,," + "y" * 200)
    found = listed(*lines, "10.0.0.6,ip,,,,,,")
    assert len(found) == 2
    assert "a line of more than 99 characters; this and all below" in found.problems[0]
    with pytest.raises(ConfigError, match="the header lacks indicator, type"):
        listed(header="indicator,type," + "x" * 200)


def test_files_that_are_no_list(tmp_path, listed):
    with pytest.raises(SourceError, match="No such file"):
        load_indicators(tmp_path / "absent.csv")
    with pytest.raises(ConfigError, match=r"list.csv:1: the header lacks type; begin the list"):
        listed(header="indicator,kind\n")
    with pytest.raises(ConfigError, match=r"list.csv:1: the header lacks indicator, type"):
        listed(header="x" * 200_000 + "\n")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ConfigError, match="indicator, type"):
        load_indicators(tmp_path / "empty.csv")


def test_a_byte_order_mark_is_no_part_of_the_header(listed):
    assert len(listed("10.0.0.9,ip,,,,,,", header="\ufeff" + HEADER)) == 1


@pytest.mark.parametrize("name", ["*.pool.example", "http://pool.example/", "pool example", "."])
def test_a_name_that_could_never_meet_a_conversation_is_left_out(listed, name):
    found = listed(f"{name},domain,,,,,,", "Pool.example.,domain,,,,,,")
    assert (list(found.names), found.n_left_out) == (["pool.example"], 1)
    assert found.problems[0].endswith("is no name of a host")


def test_comments_are_no_entries(listed):
    found = listed("# a, comment", "10.0.0.9,ip,,,,,,", "#,,", "pool.example,domain,,,,,,")
    assert (len(found), found.n_left_out) == (2, 0)
    assert next(iter(found.names["pool.example"])).place.endswith("list.csv:5")


def test_the_list_that_ships_is_whole_free_and_without_addresses():
    found = load_indicators(default_list())
    assert (found.n_left_out, found.addresses) == (0, {})
    assert 20 <= len(found) == len(found.names)
    with default_list().open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["indicator"].startswith("#")]
    assert {row["licence"] for row in rows} == {"CC0-1.0"}
    assert {row["confidence"] for row in rows} == {"default list"}
    assert all(date.fromisoformat(row["date"]) for row in rows)
    assert all("." in row["indicator"] and row["indicator"].islower() for row in rows)


def test_the_users_list_stands_beside_ours(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(HEADER + "own.example,domain,,me,,1,,2026-01-01\n")
    both, own, ours = load_lists(path), load_lists(path, with_default=False), load_lists()
    assert len(both) == len(own) + len(ours) == 1 + len(ours)
    assert "own.example" in both.names
    assert "own.example" not in ours.names
    assert load_lists(with_default=False) is None
