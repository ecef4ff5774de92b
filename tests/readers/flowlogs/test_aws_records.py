# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.errors import SourceError
from minewatch.metering.text_scan import SCAN_OCTETS
from minewatch.readers.flowlogs import aws_records
from minewatch.readers.flowlogs.aws_fields import DEFAULT_FIELDS, layout_of
from minewatch.readers.flowlogs.aws_records import RecordReader, missing_column, note_skipped
from minewatch.records import MAX_EXAMPLES, RecordCounters

HEADER = " ".join(DEFAULT_FIELDS)
LINE = "2 1 eni-1 10.0.0.1 192.0.2.7 {} 443 6 20 4249 1418530010 1418530070 ACCEPT OK"


def reader_of(strict=False, **options):
    counters = RecordCounters()
    return RecordReader(
        layout_of(DEFAULT_FIELDS), counters, "a.log:{}".format, 1 << 20, strict=strict, **options
    ), counters


def read(reader, *lines):
    """Read lines; return the source ports of the records, block by block."""
    text = "".join(f"{line}\n" for line in lines).encode()
    data = np.frombuffer(bytes(SCAN_OCTETS) + text + bytes(SCAN_OCTETS), np.uint8)
    ports = [
        block["source_transport_port"].tolist()
        for block in reader.read(data, SCAN_OCTETS, SCAN_OCTETS + len(text))
    ]
    last = reader.take()["source_transport_port"].tolist()
    return [*ports, last] if last else ports


def test_every_line_is_one_of_three():
    reader, counters = reader_of()
    blocks = read(
        reader,
        HEADER,
        LINE.format(1),
        "",
        LINE.format(70000),
        LINE.format(2).replace("10.0.0.1", "::ffff:1.2.3.4"),
        "bogus line",
        "2 1 eni-1 - - - - - - - 1431280876 1431280934 - NODATA",
        LINE.format(3),
    )
    assert blocks == [[1, 2, 3]]
    assert counters.rows_seen == counters.rows_accounted == reader.lines == 8
    assert counters.ignored == {"header": 1, "blank line": 1, "NODATA": 1}
    assert counters.faulty == {"srcport is out of range": 1, "wrong number of fields": 1}
    assert [example.partition(";")[0] for example in counters.examples] == [
        "a.log:4: srcport is out of range",
        "a.log:6: wrong number of fields",
    ]
    assert counters.sampling == {1: 3}


def test_blocks_are_of_a_bounded_size(monkeypatch):
    monkeypatch.setattr(aws_records, "BLOCK_RECORDS", 3)
    reader, counters = reader_of()
    odd = LINE.format(5).replace("10.0.0.1", "::ffff:1.2.3.4")
    lines = [LINE.format(1), LINE.format(2), odd, odd, LINE.format(6), LINE.format(7), "", "bogus"]
    assert read(reader, *lines) == [[1, 2, 5], [5, 6, 7]]
    assert counters.rows_seen == counters.rows_accounted == 8


def test_a_header_changes_the_order_of_what_follows():
    reader, counters = reader_of()
    order = "srcport dstport srcaddr dstaddr end start protocol"
    blocks = read(
        reader, LINE.format(1), order, "7 443 10.0.0.1 10.0.0.2 1418530011 1418530010 6", HEADER,
        LINE.format(2),
    )  # fmt: skip
    assert blocks == [[1, 7, 2]]
    assert counters.ignored == {"header": 2}


def test_lines_below_a_header_that_lacks_a_column():
    reader, counters = reader_of()
    blocks = read(reader, "srcaddr dstaddr packets", "10.0.0.1 10.0.0.2 1", HEADER, LINE.format(2))
    assert blocks == [[2]]
    assert counters.faulty == {"no column srcport, dstport, protocol, start, end": 1}
    assert counters.examples[0].startswith("a.log:2: no column srcport, dstport, protocol, start")
    assert counters.rows_seen == counters.rows_accounted == 4


def test_rows_of_a_table_name_no_fields():
    reader, counters = reader_of(has_headers=False)
    assert read(reader, HEADER, LINE.format(1)) == [[1]]
    assert counters.faulty == {"log-status is not known": 1}


def test_repairs_are_counted_and_the_first_are_told():
    reader, counters = reader_of()
    line = LINE.format(1).replace("1418530010", "1418530010000").replace("070", "070999")
    n = MAX_EXAMPLES + 30
    assert read(reader, *[line] * n, LINE.format(2)) == [[1] * n + [2]]
    assert counters.repaired == {"times in milliseconds": n}
    assert counters.rows_parsed == counters.rows_accounted == n + 1
    assert len(counters.examples) == MAX_EXAMPLES
    assert counters.examples[0].startswith("a.log:1: times in milliseconds; read as such")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (LINE.format(-1), "a.log:2: srcport is out of range; 0 to 65535 expected, found '-1'"),
        (LINE.format(1).replace("141853", "1"), "a.log:2: time is not between 1990 and 2100"),
        (
            LINE.format(1).replace("010 ", "010000 ").replace("070", "070000"),
            "a.log:2: times in milliseconds; read as such: AWS writes seconds",
        ),
        ("x" * 70000, "a.log:2: line is too long; no line feed within 65536 octets; look whether"),
    ],
)
def test_strict_stops_at_the_first(line, expected):
    reader, counters = reader_of(strict=True)
    with pytest.raises(SourceError) as caught:
        read(reader, LINE.format(1), line, "bogus")
    assert str(caught.value).startswith(expected)
    assert reader.lines == 2
    assert counters.rows_seen == 2


def test_a_missing_column_is_named_with_its_cure():
    reason, cure = missing_column(layout_of([name for name in DEFAULT_FIELDS if name != "start"]))
    assert reason == "no column start"
    assert "create the flow log with this field" in cure


def test_skipped_intervals_are_noted():
    counters = RecordCounters()
    note_skipped(counters)
    assert counters.notes == []
    counters.ignored["SKIPDATA"] += 3
    note_skipped(counters)
    (note,) = counters.notes
    assert note.startswith("3 rows are SKIPDATA: AWS dropped records")
