# SPDX-License-Identifier: Apache-2.0
"""JSON documents of a log: each once, with its place; what is too long or cut is told."""

import gzip
import io
import json
import tracemalloc

import pytest

from minewatch.errors import SourceError
from minewatch.readers.flowlogs import json_documents
from minewatch.readers.flowlogs.json_documents import (
    JsonDocuments,
    begins_like_json,
    is_one_document,
)
from minewatch.readers.source import Input, open_input
from minewatch.records import RecordCounters


def read(octets, *, strict=False, max_octets=1000):
    counters = RecordCounters()
    documents = JsonDocuments(
        "a.json", io.BytesIO(octets), counters, strict=strict, max_document_octets=max_octets
    )
    found = [(documents.place(number), octets) for number, octets in documents.read()]
    return found, counters


@pytest.fixture(params=[1, 3, 17, 1 << 20])
def stretch(request, monkeypatch):
    monkeypatch.setattr(json_documents, "READ_OCTETS", request.param)


@pytest.mark.usefixtures("stretch")
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_lines_have_their_numbers(end, mark):
    lines = [b'{"a":1}', b"", b"  ", b'{"b":"{"}', b"cut {"]
    found, counters = read(mark + end.join(lines))
    assert [(place, octets.rstrip()) for place, octets in found] == [
        ("a.json:1", b'{"a":1}'),
        ("a.json:4", b'{"b":"{"}'),
        ("a.json:5", b"cut {"),
    ]
    assert counters == RecordCounters(octets_read=len(mark + end.join(lines)))


@pytest.mark.usefixtures("stretch")
def test_records_have_their_numbers():
    octets = b'{"records":[{"a":1},\n{"a":2}]}'
    found, counters = read(octets)
    assert found == [("a.json: record 1", b'{"a":1}'), ("a.json: record 2", b'{"a":2}')]
    assert counters == RecordCounters(octets_read=len(octets))


def test_an_array_on_many_lines():
    records = [{"a": 1, "b": {"c": [1]}}, {"a": 2}]
    found, _ = read(json.dumps(records, indent=2).encode())
    assert [json.loads(octets) for _, octets in found] == records
    found, _ = read(json.dumps(records[0], indent=2).encode())
    assert [json.loads(octets) for _, octets in found] == records[:1]


@pytest.mark.usefixtures("stretch")
@pytest.mark.parametrize("is_last", [False, True])
def test_a_line_that_is_too_long_costs_only_itself(is_last):
    lines = [b'{"a":1}', b"x" * 2000] + [b'{"a":2}'] * (not is_last)
    found, counters = read(b"\n".join(lines))
    assert [octets for _, octets in found] == lines[::2]
    assert counters.faulty == {"a line is too long": 1}
    assert counters.rows_seen == 1
    assert counters.examples[0].startswith("a.json:2: a line is too long; at most 1000 octets")


@pytest.mark.parametrize("begin", [b"x", b"[", b'[{"a":"', b'["'])
def test_nothing_is_kept_of_what_has_no_end(begin):
    class Endless(io.RawIOBase):
        parts = 64

        def read(self, size=-1):
            self.parts -= 1
            return begin if self.parts == 63 else b"x" * size if self.parts >= 0 else b""

    documents = JsonDocuments(
        "a", Endless(), RecordCounters(), strict=False, max_document_octets=1000
    )
    tracemalloc.start()
    try:
        list(documents.read())
        assert tracemalloc.get_traced_memory()[1] < 8 * json_documents.READ_OCTETS
    finally:
        tracemalloc.stop()


def test_damage_between_records_is_told():
    found, counters = read(b'[{"a":1}, 5, {"a":2}]')
    assert [place for place, _ in found] == ["a.json: record 1", "a.json: record 3"]
    assert counters.rows_seen == counters.rows_accounted == 1
    assert counters.examples == [
        "a.json: record 2: no JSON object; a record is written in braces",
    ]
    with pytest.raises(SourceError, match="record 2: no JSON object"):
        read(b'[{"a":1}, 5, {"a":2}]', strict=True)
    with pytest.raises(SourceError, match=r"a\.json:1: a line is too long"):
        read(b"x" * 2000, strict=True)


def test_a_cut_list_is_noted_and_its_last_record_given():
    found, counters = read(b'{"records":[{"a":1},{"a"')
    assert found == [("a.json: record 1", b'{"a":1}'), ("a.json: record 2", b'{"a"')]
    assert len(counters.notes) == 1
    assert "after record 1" in counters.notes[0]


def test_a_cut_gzip_gives_what_lies_before(tmp_path):
    path = tmp_path / "a.json.gz"
    lines = [b'{"a":%d,"b":"%d"}' % (i, i * 7919**3 % 10007) for i in range(20_000)]
    packed = gzip.compress(b"\n".join(lines))
    path.write_bytes(packed[: len(packed) // 2])
    counters = RecordCounters()
    with open_input(Input("a.json.gz", str(path), None)) as stream:
        found = list(JsonDocuments("a.json.gz", stream, counters, strict=False).read())
    assert 1000 < len(found) < 20_000
    assert [octets for _, octets in found[:-1]] == lines[: len(found) - 1]
    assert lines[len(found) - 1].startswith(found[-1][1])
    assert len(counters.notes) == 1
    assert counters.notes[0].startswith("cannot be unpacked any further")


def test_a_stream_that_fails_is_noted():
    class Failing(io.BytesIO):
        def read(self, size=-1):
            octets = super().read(size)
            if octets:
                return octets
            raise OSError(5, "Input/output error")

    counters = RecordCounters()
    found = list(JsonDocuments("a", Failing(b'{"a":1}\n'), counters, strict=False).read())
    assert found == [(1, b'{"a":1}')]
    assert counters.notes == ["cannot be read any further: Input/output error"]
    with pytest.raises(SourceError, match=r"a: cannot be read any further: .*; fetch it again"):
        list(JsonDocuments("a", Failing(b'{"a":1}\n'), counters, strict=True).read())


def test_strict_tells_of_an_array_that_does_not_end():
    log = JsonDocuments("a", io.BytesIO(b'[{"a":1},'), RecordCounters(), strict=True)
    with pytest.raises(SourceError, match=r"a: the log ends before .* record 1; fetch it again"):
        list(log.read())


def test_nothing_is_nothing():
    assert read(b"") == ([], RecordCounters())


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\n [", True),
        (b"{\n", True),
        (b"{\r\n", True),
        (b'{\n "records": [', True),
        (b'{"record', False),
        (b'{"a": [', False),
        (b"", False),
        (b"words\n[", False),
    ],
)
def test_what_is_one_document(head, expected):
    assert is_one_document(head) == expected


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("head", "expected"),
    [(b'{"a"', True), (b"\r\n [", True), (b"", False), (b"a{", False), (b'"a"', False)],
)
def test_what_begins_like_json(mark, head, expected):
    assert begins_like_json(mark + head) is expected
