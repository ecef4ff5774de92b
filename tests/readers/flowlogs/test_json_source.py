# SPDX-License-Identifier: Apache-2.0
"""Each document is parsed, ignored or faulty, whatever it holds; the rest is used."""

import io

import msgspec
import pytest

from minewatch.errors import SourceError
from minewatch.readers.flowlogs import json_source
from minewatch.readers.flowlogs.json_source import JsonSource
from minewatch.readers.flowlogs.json_values import RowError
from minewatch.readers.flowlogs.row_packing import RowPacker


class Letter(msgspec.Struct):
    start: int = 0
    end: int = 0
    kind: str = ""


class Letters(JsonSource[Letter]):
    def take(self, document):
        if document.kind == "bad":
            raise RowError("bad kind", "send another")
        if document.kind:
            return document.kind
        times = self.in_order(document.start, document.end)
        self.packer.add(source=(0, 1), destination=(0, 2), ports=(0, 0), protocol=6, times=times)
        return None

    def other_kind(self, octets):
        return "other" if b"other" in octets else None


def letters(octets, *, strict=False):
    return Letters("a.json", io.BytesIO(octets), msgspec.json.Decoder(Letter), strict=strict)


def test_rows_are_accounted_for():
    source = letters(
        b'{"start": 1, "end": 2}\n'
        b'{"kind": "bad"}\n'
        b'{"kind": "hello"}\n'
        b'{"start": "1"}\n'
        b'{"start": "1", "x": "other"}\n'
        b'{"kind": "\xff"}\n'
        b"[1]\n"
        b'{"x": ' + b"[" * 100_000 + b"\n"
        b'{"start": 1, "start": 3, "end": 4}\n'
        b'{"start": 1,'
    )
    blocks = [block["flow_start_nanoseconds"].tolist() for block in source.read()]
    assert blocks == [[1, 3]]
    counters = source.counters
    assert counters.rows_seen == counters.rows_accounted == 10
    assert counters.rows_parsed == counters.sampling[1] == 2
    assert counters.ignored == {"hello": 1, "other": 1}
    assert counters.faulty == {
        "bad kind": 1,
        "a member of the wrong type": 2,
        "a text is not UTF-8": 1,
        "nested too deep": 1,
        "not JSON": 1,
    }
    assert counters.examples[0] == "a.json:2: bad kind; send another"
    assert "$.start" in counters.examples[1]
    assert counters.examples[-1].startswith("a.json:10: not JSON; a document may be cut")


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (b'{}\n{"kind": "bad"}', "a.json:2: bad kind; send another"),
        (b"{}\n{", "a.json:2: not JSON"),
        (b'{"start": 2, "end": 1}', "a.json:1: end before start"),
    ],
)
def test_strict_stops_at_the_first(octets, message):
    with pytest.raises(SourceError, match=message):
        list(letters(octets, strict=True).read())


def test_times_that_are_wrong_by_little_are_swapped():
    source = letters(b'{"start": 1000000000, "end": 0}\n{"start": 1000000001, "end": 0}')
    (block,) = source.read()
    assert block["flow_start_nanoseconds"].tolist() == [0]
    assert block["flow_end_nanoseconds"].tolist() == [10**9]
    assert source.counters.repaired == {"end before start": 1}
    assert source.counters.faulty == {"end before start": 1}
    assert source.counters.rows_parsed == 1


def test_kinds_without_end_are_one_kind():
    lines = [b'{"kind": "%d"}' % kind for kind in range(100)]
    source = letters(b"\n".join([*lines, b'{"kind": "\\u001b[31m"}', b'{"kind": "1"}']))
    assert list(source.read()) == []
    assert len(source.counters.ignored) == json_source.MAX_IGNORED_KINDS + 1
    assert source.counters.ignored["1"] == 2
    assert source.counters.ignored["other"] == 101 - json_source.MAX_IGNORED_KINDS
    assert source.counters.rows_accounted == 102


def test_a_kind_does_not_reach_the_terminal():
    source = letters(b'{"kind": "\\u001b[31m"}\n{"kind": "' + b"x" * 1000 + b'"}')
    assert list(source.read()) == []
    assert source.counters.ignored == {"other": 1, "x" * 40: 1}


def test_blocks_are_bounded():
    source = letters(b"\n".join(b'{"start": %d, "end": 9}' % i for i in range(5)))
    source.packer = RowPacker(2)
    blocks = [block["flow_start_nanoseconds"].tolist() for block in source.read()]
    assert blocks == [[0, 1], [2, 3], [4]]
    assert source.counters.rows_parsed == 5


def test_nothing_is_nothing():
    source = letters(b"")
    assert list(source.read()) == []
    assert source.counters.rows_seen == 0


def test_closing_closes_the_stream():
    stream = io.BytesIO()
    Letters("a", stream, msgspec.json.Decoder(Letter), strict=False).close()
    assert stream.closed
