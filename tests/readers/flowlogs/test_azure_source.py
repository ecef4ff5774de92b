# SPDX-License-Identifier: Apache-2.0
"""A tuple is a row; records that cannot be read are one row each."""

import io
import json

import msgspec
import pytest

from minewatch.errors import SourceError
from minewatch.readers.flowlogs.azure_source import AzureSource
from minewatch.readers.flowlogs.azure_tuples import FlowTuple, OpenFlows
from minewatch.readers.flowlogs.json_source import MAX_IGNORED_KINDS
from minewatch.readers.flowlogs.json_values import RowError

FLOW = ["10.0.0.6", "192.0.2.180", "23956", "443", "tcp"]


class Minute(msgspec.Struct):
    kind: str | None = None
    tuples: list[list[str]] | None = None


DECODER = msgspec.json.Decoder(Minute)


class Minutes(AzureSource[Minute]):
    def category(self, record):
        if record.kind is None and record.tuples is None:
            raise RowError("nothing", "send something")
        return record.kind

    def groups(self, record):
        yield from enumerate(record.tuples)

    def parse(self, text):
        time, state = text.split()
        return FlowTuple(time, FLOW, "O", state, ["1", "2", "3", "4"])


def read(records, *, octets=None, strict=False, name="a.json"):
    octets = json.dumps({"records": records}).encode() if octets is None else octets
    source = Minutes(name, io.BytesIO(octets), DECODER, 10**9, OpenFlows(), strict=strict)
    ends = [end for block in source.read() for end in block["flow_end_nanoseconds"].tolist()]
    assert source.counters.rows_seen == source.counters.rows_accounted
    return [end // 10**9 for end in ends], source.counters


def test_rows_are_accounted_for():
    ends, counters = read(
        [
            {"tuples": [["1000 B", "1001 C"], ["1002 X", "1003 C"]]},
            {"kind": "rules"},
            {"tuples": 5},
            {},
            {"tuples": [["1542110379000 E"]]},
        ]
    )
    assert ends == [1001, 1003, 1542110379]
    assert counters.rows_seen == 8
    assert counters.rows_parsed == counters.sampling[1] == 3
    assert counters.ignored == {"begin of a flow: no counts": 1, "category 'rules'": 1}
    assert counters.faulty == {
        "state of a flow is not known": 1,
        "a member of the wrong type": 1,
        "nothing": 1,
    }
    assert counters.repaired == {"times in milliseconds": 1}
    places = [example.split(": ")[:2] for example in counters.examples]
    assert [place for _, place in places] == [
        "record 1, tuple 3",
        "record 3",
        "record 4",
        "record 5, tuple 1",
    ]


def test_lines_have_their_numbers():
    octets = b'\n{"tuples": [["1000 C", "x X"]]}\n'
    ends, counters = read(None, octets=octets)
    assert ends == [1000]
    assert counters.examples[0].startswith("a.json:2, tuple 2: state of a flow is not known")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"tuples": [["1000 C", "1001 X"]]}, "a.json: record 1, tuple 2: state of a flow"),
        ({"tuples": [["1542110379000 E"]]}, "a.json: record 1, tuple 1: times in milliseconds"),
        ({"tuples": 5}, "a.json: record 1: a member of the wrong type"),
    ],
)
def test_strict_stops_at_the_first(record, message):
    with pytest.raises(SourceError, match=message):
        read([record], strict=True)


def test_a_cut_log_is_used_up_to_the_cut():
    octets = json.dumps({"records": [{"tuples": [["1000 C"]]}] * 2}).encode()
    ends, counters = read(None, octets=octets[:-10])
    assert ends == [1000]
    assert counters.faulty == {"not JSON": 1}
    assert counters.examples[0].startswith("a.json: record 2: not JSON")
    assert len(counters.notes) == 1


def test_blocks_are_bounded(monkeypatch):
    monkeypatch.setattr("minewatch.readers.flowlogs.azure_source.BLOCK_ROWS", 2)
    octets = json.dumps({"tuples": [[f"{1000 + i} C" for i in range(5)]]}).encode()
    source = Minutes("a", io.BytesIO(octets), DECODER, 10**9, OpenFlows(), strict=True)
    assert [len(block) for block in source.read()] == [2, 2, 1]


def test_categories_without_end_are_one():
    _, counters = read([{"kind": str(kind)} for kind in range(100)])
    assert len(counters.ignored) == MAX_IGNORED_KINDS + 1
    assert counters.ignored["other"] == 100 - MAX_IGNORED_KINDS
    assert counters.rows_seen == 100


def test_closing_closes_the_stream():
    stream = io.BytesIO()
    Minutes("a", stream, DECODER, 10**9, OpenFlows(), strict=True).close()
    assert stream.closed
