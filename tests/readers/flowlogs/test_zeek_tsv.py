# SPDX-License-Identifier: Apache-2.0
"""Header lines and rows of Zeek's columns."""

import io

import pytest

import minewatch.readers.flowlogs.zeek_tsv as module
from minewatch.errors import SourceError
from minewatch.readers.flowlogs.text_blocks import TextBlocks
from minewatch.readers.flowlogs.zeek_tsv import ZeekTsv
from minewatch.records import RecordCounters

HEADER = "#path\tconn\n#unset_field\t-\n#fields\tts\tuid\tn\n"


def read(text, *, path="conn", strict=False, wanted=("ts", "uid"), **sizes):
    counters = RecordCounters()
    blocks = TextBlocks("a.log", io.BytesIO(text.encode()), counters, strict=strict, **sizes)
    tsv = ZeekTsv("a.log", path, blocks, list(wanted), ["ts"], counters, strict=strict)
    found = []
    for lines in tsv.read():
        found += zip(lines.numbers.tolist(), *lines.frame.get_columns(), strict=True)
    return found, counters


@pytest.mark.parametrize("size", [1, 7, 20, 1000])
def test_rows_have_the_number_of_their_line(size):
    text = HEADER + "1\ta\t5\n2\t-\t6\n#close\t2023\n"
    found, counters = read(text, block_octets=size)
    assert found == [(4, "1", "a"), (5, "2", None)]
    assert counters.ignored == {"header": 4}
    assert counters.rows_seen == 4


@pytest.mark.parametrize("size", [1, 7, 20, 1000])
def test_fields_change_where_logs_were_put_one_after_another(size):
    text = HEADER + "1\ta\t5\n#close\t2023\n" + "#fields\tn\tuid\tts\n7\tb\t8\n#fields\tts\n9\n"
    found, counters = read(text, block_octets=size)
    assert found == [(4, "1", "a"), (7, "8", "b"), (9, "9", None)]
    assert not counters.faulty


def test_another_separator_and_other_texts_for_nothing():
    text = (
        "#separator \\x7c\n#set_separator|;\n#empty_field|EMPTY\n#unset_field|NONE\n"
        "#path|conn\n#fields|ts|uid\n1|NONE\n2|EMPTY\n3|-\n"
    )
    assert read(text)[0] == [(7, "1", None), (8, "2", None), (9, "3", "-")]


def test_blank_before_the_first_header_line():
    assert read("\t " + HEADER + "1\ta\t5\n")[0] == [(4, "1", "a")]


def test_rows_of_another_log_are_ignored():
    text = HEADER + "1\ta\t5\n#path\tdns\n#fields\tts\tquery\n3\tx\n4\ty\n"
    found, counters = read(text)
    assert found == [(4, "1", "a")]
    assert counters.ignored == {"header": 5, "of another log": 2}


def test_a_row_that_is_cut_is_told_with_its_line():
    found, counters = read(HEADER + "1\ta\t5\n2\ta\n3\tb\t6\n")
    assert [number for number, *_ in found] == [4, 6]
    assert counters.faulty == {"2 columns in a line": 1}
    assert counters.examples[0].startswith("a.log:5: ")


def test_added_columns_may_have_any_name_twice():
    found, _ = read("#fields\tlabel\tts\tlabel\tuid\n?\t1\t!\ta\n")
    assert found == [(2, "1", "a")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#fields\tuid\n", r"a\.log:1: #fields lacks ts; log it as well"),
        ("#path\tconn\n1\ta\n", r"a\.log:2: no #fields line before it"),
        ("#fields\tts\tuid\tts\n", r"a\.log:1: #fields names ts twice"),
        ("#separator \\x09\\x09\n", r"a\.log:1: #separator '\\\\x09\\\\x09': one ASCII"),
        ("#separator \\xff\n", r"a\.log:1: #separator .*: one ASCII"),
    ],
)
def test_a_header_of_which_nothing_can_be_made(text, reason):
    with pytest.raises(SourceError, match=reason):
        read(text)


def test_headers_without_end(monkeypatch):
    monkeypatch.setattr(module, "MAX_HEADERS", 3)
    text = HEADER + "1\ta\t5\n#x\n" * 2
    assert len(read(text)[0]) == 2
    with pytest.raises(SourceError, match=r"a\.log:9: more than 3 headers"):
        read(HEADER + "1\ta\t5\n#x\n" * 3)


def test_the_separator_of_sets_is_known():
    counters = RecordCounters()
    blocks = TextBlocks("a.log", io.BytesIO(b"#set_separator\t;\n"), counters, strict=False)
    tsv = ZeekTsv("a.log", "dns", blocks, ["ts"], ["ts"], counters, strict=False)
    assert list(tsv.read()) == []
    assert tsv.set_separator == ";"
