# SPDX-License-Identifier: Apache-2.0
"""JSON documents as columns."""

import io

import polars as pl
import pytest

from minewatch.errors import SourceError
from minewatch.readers.flowlogs import json_rows
from minewatch.readers.flowlogs.json_documents import JsonDocuments
from minewatch.readers.flowlogs.json_rows import JsonRows, Whole
from minewatch.records import RecordCounters

FIELDS = {"id.a": Whole, "name": str, "when": float, "all": list[str], "on": bool}


def rows(text, *, strict=False, prepare=None):
    counters = RecordCounters()
    documents = JsonDocuments("a.log", io.BytesIO(text), counters, strict=strict)
    reader = JsonRows(documents, counters, FIELDS, strict=strict, prepare=prepare)
    return list(reader.read()), counters


def test_types_and_nulls():
    text = b'{"id.a":5,"name":"x","when":1.5,"all":["p","q"],"on":true,"more":{"a":[1]}}\n{}\n'
    (lines,), _ = rows(text)
    assert lines.frame.rows() == [(5, "x", 1.5, ["p", "q"], True), (None,) * 5]
    assert lines.frame.dtypes == [
        pl.Int64,
        pl.String,
        pl.Float64,
        pl.List(pl.String),
        pl.Boolean,
    ]
    assert lines.numbers.tolist() == [1, 2]


@pytest.mark.parametrize(
    "bad",
    [
        b'{"id.a":"5"}',
        b'{"id.a":99999999999999999999}',
        b'{"name":"\\ud800"}',
        b'{"name":"\xff"}',
        b"[1]",
        b"nothing",
        b'{"x":' + b"[" * 100_000,
        b'{"name":5}',
    ],
)
def test_a_document_of_another_kind_is_told_and_left_out(bad):
    parts, counters = rows(b'{"id.a":1}\n' + bad + b'\n{"id.a":2}\n')
    assert [one["id.a"].to_list() for one in [lines.frame for lines in parts]] == [[1, 2]]
    assert parts[0].numbers.tolist() == [1, 3]
    assert counters.faulty == {"not the JSON that is expected": 1}
    assert counters.rows_seen == 1
    assert counters.examples[0].startswith("a.log:2: not the JSON that is expected; look at it: ")
    with pytest.raises(SourceError, match=r"a\.log:2: not the JSON"):
        rows(b'{"id.a":1}\n' + bad, strict=True)


def test_prepare_may_change_and_refuse():
    def prepare(row):
        if row.m_name == "bad":
            raise ValueError("no good")
        row.m_id_a = 7

    (lines,), counters = rows(b'{"name":"a"}\n{"name":"bad"}\n', prepare=prepare)
    assert lines.frame["id.a"].to_list() == [7]
    assert counters.examples == ["a.log:2: not the JSON that is expected; look at it: no good"]


def test_blocks_are_bounded(monkeypatch):
    monkeypatch.setattr(json_rows, "ROWS", 2)
    parts, _ = rows(b'{"id.a":1}\n' * 5)
    assert [lines.frame.height for lines in parts] == [2, 2, 1]
    assert [lines.numbers.tolist() for lines in parts] == [[1, 2], [3, 4], [5]]


def test_nothing():
    assert rows(b"")[0] == []


def test_long_documents_do_not_add_up(monkeypatch):
    monkeypatch.setattr(json_rows, "BLOCK_OCTETS", 100)
    parts, _ = rows(b"".join(b'{"id.a":%d,"name":"%s"}\n' % (i, b"x" * 60) for i in range(6)))
    assert [lines.frame["id.a"].to_list() for lines in parts] == [[0, 1], [2, 3], [4, 5]]
    assert parts[2].numbers.tolist() == [5, 6]
