# SPDX-License-Identifier: Apache-2.0
import gzip
import io

import pytest

from minewatch.errors import SourceError
from minewatch.readers.flowlogs import aws_text
from minewatch.readers.flowlogs.aws_fields import DEFAULT_FIELDS
from minewatch.readers.flowlogs.aws_text import AwsTextSource, first_line
from minewatch.readers.unpack import Unpacked, UnpackError

HEADER = " ".join(DEFAULT_FIELDS)
LINE = "2 1 eni-1 10.0.0.1 192.0.2.7 {} 443 6 20 4249 1418530010 1418530070 ACCEPT OK"


def lines_of(n, first=1):
    return "".join(f"{LINE.format(port)}\n" for port in range(first, first + n)).encode()


def read(stream, strict=False):
    """Read a stream, or octets, to its end; return the source ports and the counters."""
    if isinstance(stream, bytes):
        stream = io.BytesIO(stream)
    source = AwsTextSource("a.log", stream, strict=strict)
    ports = []
    for block in source.read():
        assert len(block)
        ports += block["source_transport_port"].tolist()
    source.close()
    assert stream.closed
    counters = source.counters
    assert counters.rows_seen == counters.rows_accounted
    assert counters.rows_parsed == len(ports)
    return ports, counters


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks so small that lines lie across their borders."""
    monkeypatch.setattr(aws_text, "BLOCK_OCTETS", 200)


@pytest.mark.parametrize(
    "text",
    [
        lines_of(3),
        f"{HEADER}\n".encode() + lines_of(3),
        b"\xef\xbb\xbf" + f"{HEADER}\n".encode() + lines_of(3),
        b"\xef\xbb\xbf" + lines_of(3),
        f"\n{HEADER.replace('-', '_')}\n\n".encode() + lines_of(3),
        lines_of(3).replace(b"\n", b"\r\n"),
        lines_of(3)[:-1],
        lines_of(3).replace(b"\n", b"\r\n")[:-1],
    ],
)
def test_ways_to_write_a_log(text, small_blocks):
    ports, counters = read(text)
    assert ports == [1, 2, 3]
    assert not counters.faulty
    assert counters.octets_read == len(text)
    assert counters.notes == []


def test_lines_across_blocks():
    n = 30000
    text = lines_of(n)
    assert len(text) > 2 * aws_text.BLOCK_OCTETS
    assert read(text)[0] == list(range(1, n + 1))


class Drops(io.RawIOBase):
    """A pipe that gives few octets at a time."""

    def __init__(self, data, size):
        super().__init__()
        self.data = io.BytesIO(data)
        self.size = size

    def readable(self):
        return True

    def readinto(self, room):
        return self.data.readinto(memoryview(room)[: self.size])


def test_a_pipe(small_blocks):
    assert read(Drops(lines_of(50), 7))[0] == list(range(1, 51))


def test_faults_name_the_line_in_any_block(small_blocks):
    text = lines_of(9) + b"bogus line\n" + lines_of(20) + LINE.format(-1).encode()
    ports, counters = read(text)
    assert len(ports) == 29
    assert [example.partition(";")[0] for example in counters.examples] == [
        "a.log:10: wrong number of fields",
        "a.log:31: srcport is out of range",
    ]


def test_concatenated_logs(small_blocks):
    other = b"start end protocol dstport srcport dstaddr srcaddr\n"
    other += b"1418530010 1418530010 17 53 4 10.0.0.1 10.0.0.2\n"
    ports, counters = read(f"{HEADER}\n".encode() + lines_of(3) + other + f"{HEADER}\n".encode())
    assert ports == [1, 2, 3, 4]
    assert counters.ignored == {"header": 3}


@pytest.mark.parametrize("octets", [65537, 200_000, 3_000_000])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_that_is_too_long(octets, end):
    text = lines_of(2) + b"x" * octets + end + (lines_of(2, 3) if end else b"")
    ports, counters = read(text)
    assert ports == ([1, 2, 3, 4] if end else [1, 2])
    assert counters.faulty == {"line is too long": 1}
    assert counters.examples == [
        "a.log:3: line is too long; no line feed within 65536 octets; look whether this is a flow"
        " log"
    ]


@pytest.mark.parametrize("octets", [199, 200, 201, 400, 65535])
def test_long_lines_across_blocks_are_told_by_number(octets, small_blocks):
    text = lines_of(2) + b"x" * octets + b"\n" + lines_of(1, 3) + b"bogus\n"
    ports, counters = read(text)
    assert ports == [1, 2, 3]
    assert counters.faulty == {"wrong number of fields": 2}
    assert [example.split(":")[1] for example in counters.examples] == ["3", "5"]


def test_octets_that_are_no_text():
    ports, counters = read(lines_of(1) + bytes(range(256)) * 20 + b"\n" + lines_of(1, 2))
    assert ports == [1, 2]
    assert counters.ignored == {"blank line": 1}  # control octets up to the first line feed
    assert counters.faulty == {"wrong number of fields": 20}
    assert all("\0" not in example for example in counters.examples)


def test_a_gzip_that_is_cut(small_blocks):
    packed = io.BytesIO(gzip.compress(lines_of(3000), mtime=0)[:-2000])
    ports, counters = read(Unpacked(gzip.GzipFile(fileobj=packed), packed))
    assert ports == list(range(1, len(ports) + 1))
    assert 100 < len(ports) < 3000
    assert counters.faulty == {"line is cut": 1}
    assert counters.examples[0].startswith(f"a.log:{len(ports) + 1}: line is cut; ")
    assert counters.notes[0].startswith("cannot be unpacked any further: ")


class Breaks(Drops):
    """A stream that fails behind its data."""

    def __init__(self, data, error):
        super().__init__(data, len(data))
        self.error = error

    def readinto(self, room):
        got = super().readinto(room)
        if not got:
            raise self.error
        return got


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), UnpackError("bad octets")])
def test_a_stream_that_breaks_between_lines(error):
    ports, counters = read(Breaks(lines_of(4), error))
    assert ports == [1, 2, 3, 4]
    assert not counters.faulty
    (note,) = counters.notes
    assert note.endswith(str(error).removeprefix("[Errno 5] "))


def test_strict_refuses_a_stream_that_breaks():
    source = AwsTextSource("a.log", Breaks(lines_of(4), UnpackError("bad")), strict=True)
    with pytest.raises(SourceError, match=r"a\.log: cannot be unpacked any further: bad"):
        list(source.read())


def test_strict_stops_at_a_bogus_line():
    with pytest.raises(SourceError, match=r"a\.log:3: wrong number of fields; 14 expected"):
        read(lines_of(2) + b"bogus\n" + lines_of(2), strict=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "a.log: no line in it; look whether the right file was given"),
        (b"\n\n  \n", "a.log: no line in it"),
        (
            b"srcaddr dstaddr srcport dstport protocol start\n",
            "a.log: no column end; create the flow log with this field, or give a log that has it",
        ),
        (b"5 " + lines_of(1)[2:], "a.log: the order of its fields cannot be known, for there is"),
        (b"\0" * 100_000, "a.log: the order of its fields cannot be known"),
    ],
)
def test_what_cannot_be_used_at_all(text, expected):
    with pytest.raises(SourceError) as caught:
        read(text)
    assert str(caught.value).startswith(expected)


def test_skipped_intervals_are_noted():
    _, counters = read(lines_of(1) + b"2 1 eni-1 - - - - - - - 1431280876 1431280934 - SKIPDATA\n")
    assert counters.ignored == {"SKIPDATA": 1}
    assert counters.notes[0].startswith("1 rows are SKIPDATA")


def test_first_line():
    assert first_line(b"") == ""
    assert first_line(b"\xef\xbb\xbf\n\r\n a b \r\nc") == "a b"
    assert first_line(b"\xff\xfe") == "\\xff\\xfe"
    assert len(first_line(b"x" * 1_000_000)) == 65536
