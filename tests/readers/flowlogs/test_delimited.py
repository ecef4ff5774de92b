# SPDX-License-Identifier: Apache-2.0
"""Lines as columns: no line of another shape gets through, and none gets lost."""

import pytest

from minewatch.errors import SourceError
from minewatch.readers.flowlogs.delimited import Layout, LineReader, quoted_fields
from minewatch.records import RecordCounters

LAYOUT = Layout(("a", "b", "c"), b"\t", ("-", "(empty)"))
CSV = Layout(("a", "b", "c"), b",", quoted=True)


def split(text, layout=LAYOUT, wanted=("a", "c"), first=1, strict=False):
    counters = RecordCounters()
    octets = text if isinstance(text, bytes) else text.encode()
    lines = LineReader("a.log", counters, strict=strict).split(octets, first, layout, wanted)
    return lines, counters


def test_wanted_columns_and_numbers():
    lines, counters = split("1\t2\t3\n4\t5\t6\n", first=7)
    assert lines.frame.rows() == [("1", "3"), ("4", "6")]
    assert lines.numbers.tolist() == [7, 8]
    assert counters.rows_seen == 0


def test_the_order_is_that_of_who_asks_and_a_missing_column_is_null():
    lines, _ = split("1\t2\t3\n", wanted=("c", "d", "a"))
    assert lines.frame.columns == ["c", "d", "a"]
    assert lines.frame.rows() == [("3", None, "1")]


def test_texts_that_stand_for_nothing():
    lines, _ = split("-\tx\t(empty)\n\tx\t--\n")
    assert lines.frame.rows() == [(None, None), (None, "--")]


def test_a_short_and_a_long_line_that_make_up_for_each_other():
    lines, counters = split("1\t2\t3\n1\t2\n1\t2\t3\t4\n4\t5\t6\n")
    assert lines.frame.rows() == [("1", "3"), ("4", "6")]
    assert lines.numbers.tolist() == [1, 4]
    assert counters.faulty == {"2 columns in a line": 1, "4 columns in a line": 1}
    assert [one.split(": ")[0] for one in counters.examples] == ["a.log:2", "a.log:3"]


def test_a_short_line_alone_is_not_filled_up():
    lines, counters = split("1\t2\t3\n1\t2\n")
    assert lines.numbers.tolist() == [1]
    assert counters.faulty == {"2 columns in a line": 1}


def test_empty_lines_are_ignored():
    lines, counters = split("1\t2\t3\n\n  \n4\t5\t6\n")
    assert lines.numbers.tolist() == [1, 4]
    assert counters.ignored == {"empty line": 2}
    assert counters.rows_seen == 2


def test_a_line_that_is_no_text():
    lines, counters = split(b"1\t2\t3\n\xff\t2\t3\n4\t5\t6\n")
    assert lines.numbers.tolist() == [1, 3]
    assert counters.faulty == {"a line is no text": 1}


def test_quotes_mean_nothing_where_a_log_has_none():
    lines, _ = split('"1\t2\t3\n4\t5"\t6\n')
    assert lines.frame.rows() == [('"1', "3"), ("4", "6")]


def test_a_separator_in_quotes():
    lines, counters = split('1,"x,y",3\n"4","5","-"\n1,2\n', CSV, ("b", "c"))
    assert lines.frame.rows() == [("x,y", "3"), ("5", "-")]
    assert counters.faulty == {"2 columns in a line": 1}
    assert lines.numbers.tolist() == [1, 2]


def test_a_quote_that_never_ends_takes_no_other_line_with_it():
    lines, counters = split('1,"x,3\n4,5,6\n', CSV)
    assert lines.frame.rows() == [("4", "6")]
    assert counters.faulty.total() == 1


def test_all_lines_are_bad():
    lines, counters = split("1\n2\n")
    assert lines.frame.height == 0
    assert counters.faulty == {"1 column in a line": 2}


def test_strict_stops_at_the_line():
    with pytest.raises(SourceError, match=r"a\.log:2: 2 columns in a line"):
        split("1\t2\t3\n1\t2\n", strict=True)


def test_quoted_fields_of_any_line():
    assert quoted_fields('"a""b",c', ",") == ['a"b', "c"]
    assert quoted_fields("", ",") == []
    assert quoted_fields("x" * 200_000, ",") == []
