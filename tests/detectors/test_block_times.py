# SPDX-License-Identifier: Apache-2.0
import re

import pytest

from minewatch.detectors import block_times as module
from minewatch.detectors.block_times import load_block_times
from minewatch.errors import ConfigError, SourceError


@pytest.fixture
def load(tmp_path):
    def written(text):
        path = tmp_path / "blocks.csv"
        path.write_text(text, encoding="utf-8")
        return load_block_times(path)

    return written


def test_times_are_the_first_column(load):
    found = load("1603311580,2213491,2020-10-21 20:19:40\n1603311633.5,2213492,x\n")
    assert found.time_ns.tolist() == [1603311580 * 10**9, 1603311633500000000]
    assert len(found) == 2
    assert found.name.endswith("blocks.csv")


def test_header_comments_and_empty_lines_are_passed_over(load):
    assert len(load("epoch_s,height\n\n# mine\n1603311580\n  1603311633 ,7\n")) == 2


def test_a_byte_order_mark_hides_no_block(load):
    assert len(load("\ufeff1603311580\r\n1603311633\r\n")) == 2


def test_a_first_line_that_begins_with_a_digit_is_no_header(load):
    with pytest.raises(ConfigError, match=r"blocks\.csv:1: '1603311580;7' is no block"):
        load("1603311580;7\n1603311633;8\n")


def test_order_does_not_matter_and_blocks_on_each_others_heels_are_one(load):
    found = load("1603311700\n1603311580\n1603311589\n1603311598\n")
    assert (found.time_ns // 10**9).tolist() == [1603311580, 1603311700]


@pytest.mark.parametrize(
    "line",
    ["1603311580000,2213491", "2213491,1603311580", "2020-10-21 20:19:40", "nan", "inf", "-5"],
)
def test_what_is_no_block_is_named_with_its_line_and_the_cure(load, line):
    with pytest.raises(ConfigError) as error:
        load(f"1603311580,1\n{line}\n")
    assert re.search(r"blocks\.csv:2: .* is no block; write one block a line", str(error.value))


@pytest.mark.parametrize("text", ["", "\n\n", "epoch_s,height\n", "epoch_s,height"])
def test_an_empty_file_is_refused(load, text):
    with pytest.raises(ConfigError, match=r"blocks\.csv:1: .*write one block a line"):
        load(text)


def test_a_file_is_read_in_bounded_memory(load, monkeypatch):
    monkeypatch.setattr(module, "MAX_BLOCKS", 3)
    lines = "".join(f"{1603311580 + 100 * i}\n" for i in range(3))
    assert len(load(lines)) == 3
    with pytest.raises(ConfigError, match=r"blocks\.csv:4: more than 3 blocks; cut the file"):
        load(lines + "1603319999\n")
    for text in ("x" * module.MAX_LINE_OCTETS, "1603311580," + "1" * module.MAX_LINE_OCTETS):
        with pytest.raises(ConfigError, match=r"blocks\.csv:1: a line without an end; write one"):
            load(text)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SourceError, match=r"none\.csv: No such file .*; name a CSV of block times"):
        load_block_times(tmp_path / "none.csv")
