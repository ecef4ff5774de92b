# SPDX-License-Identifier: Apache-2.0
"""Flow logs to conversations: what belongs together comes together, and all is reported."""

import numpy as np
import pytest

from made_up_records import HOST, POOL, record, talk
from minewatch import logs
from minewatch.errors import SourceError
from minewatch.metering.state import MeteringOptions
from minewatch.pipeline import PipelineOptions
from minewatch.records import DENIED, Names, RecordCounters


class Log:
    """A flow log of given blocks; ``fails`` after them if told so."""

    def __init__(self, name, *blocks, servers=(), answers=None, fails=False):
        self.name = name
        self.blocks = blocks
        self.counters = RecordCounters()
        self.names = Names(list(servers), dict(answers or {}))
        self.fails = fails
        self.is_closed = False

    def read(self):
        for block in self.blocks:
            self.counters.rows_seen += len(block)
            self.counters.rows_parsed += len(block)
            self.counters.octets_read += 100
            yield block
        if self.fails:
            raise SourceError(self.name, "line 7: cut")

    def close(self):
        self.is_closed = True


def run(*sources, options=None, **kinds):
    report, chunks = logs.log_conversations("logs", sources, options or PipelineOptions(), **kinds)
    return report, list(chunks)


def test_a_conversation_may_span_logs_in_any_order():
    records = talk(10)
    first, second = Log("a", records[1::2]), Log("b", records[::2])
    report, (chunk,) = run(second, first)
    frame = chunk.passed.frame
    assert frame.select("packet_delta_count", "reverse_packet_delta_count").rows() == [(100, 100)]
    assert frame["is_source_home"].to_list() == [True]
    assert chunk.passed.intervals.height == 10
    assert [name for name, _ in report.files] == ["b", "a"]
    assert (report.records, report.conversations, report.gated) == (20, 1, {"passed": 1})
    assert first.is_closed
    assert second.is_closed


def test_the_gate_keeps_others_apart():
    log = Log("a", talk(10), record(source_transport_port=50_000))
    report, (chunk,) = run(log)
    assert sorted(chunk.everything["gate_reason"]) == ["one-way", "passed"]
    assert len(chunk.passed) == 1
    assert report.gated == {"one-way": 1, "passed": 1}
    _, (chunk,) = run(log, options=PipelineOptions(with_gate=False))
    assert len(chunk.passed) == 2
    assert set(chunk.passed.intervals["flow_id"]) == set(chunk.everything["flow_id"])


def test_headers_are_reckoned_where_a_log_counts_payload_alone():
    log = Log("a", talk(10, octet_delta_count=-1, payload_octet_count=480))
    _, (chunk,) = run(log)
    for table, n in ((chunk.passed.frame, 10), (chunk.everything, 10), (chunk.passed.intervals, 1)):
        assert set(table["octet_delta_count"]) == {n * (480 + 10 * 52)}


def test_denied_traffic_is_counted_and_makes_no_conversation():
    denied = talk(10, source_transport_port=50_000, firewall_event=DENIED)
    report, (chunk,) = run(Log("a", talk(10), denied))
    assert report.denied == 20
    assert chunk.everything.height == 1


def test_server_names_follow_their_records_through_several_logs():
    one = talk(10, server_name=0)
    other = talk(10, server_name=1)
    for side in ("source", "destination"):
        ports = other[f"{side}_transport_port"]
        ports[ports == 40_000] = 50_000
    sources = [
        Log("a", one, servers=["pool.example"]),
        Log("b", other, servers=["x", "cdn.example"]),
    ]
    _, (chunk,) = run(*sources)
    ports = chunk.passed.frame.select("source_transport_port", "tls_sni").rows()
    assert sorted(ports) == [(40_000, "pool.example"), (50_000, "cdn.example")]


def test_names_are_kept_once_and_not_without_end(monkeypatch):
    monkeypatch.setattr(logs, "MAX_SERVERS", 2)
    monkeypatch.setattr(logs, "MAX_ANSWERS", 1)
    talks = []
    for port in range(40_000, 40_004):
        one = talk(10)
        for side in ("source", "destination"):
            ports = one[f"{side}_transport_port"]
            ports[ports == 40_000] = port
        talks.append(one)
    talks[0]["server_name"] = talks[2]["server_name"] = 0
    talks[1]["server_name"] = talks[3]["server_name"] = 1
    first = Log("a", talks[0], talks[1], servers=["x", "y"], answers={(0, POOL): "pool.example"})
    second = Log("b", talks[2], talks[3], servers=["y", "z"], answers={(0, HOST): "host.example"})
    report, (chunk,) = run(first, second)
    ports = chunk.passed.frame.select("source_transport_port", "tls_sni").rows()
    assert sorted(ports) == [(40_000, "x"), (40_001, "y"), (40_002, "y"), (40_003, None)]
    assert chunk.names(chunk.passed.frame).to_list() == ["pool.example"] * 4
    notes = [counters.notes for _, counters in report.files]
    assert notes == [[], ["more names in all logs than are kept; scan fewer at once"]]


def test_no_column_of_names_where_no_log_told_any():
    _, (chunk,) = run(Log("a", talk(10)))
    assert "tls_sni" not in chunk.everything.columns
    assert "server" not in chunk.everything.columns
    assert chunk.names(chunk.everything).to_list() == [None]


def test_answers_of_dns_name_responders_and_the_first_counts():
    first = Log("a", talk(10), answers={(0, POOL): "pool.example", (0, HOST): "host.example"})
    second = Log("b", answers={(0, POOL): "other.example"})
    _, (chunk,) = run(first, second)
    assert chunk.names(chunk.everything).to_list() == ["pool.example"]
    assert chunk.names(chunk.everything).name == "destination_name"


def test_what_cannot_be_read_to_its_end_is_reported_and_the_rest_used():
    broken, whole = Log("a", talk(10)[::2], fails=True), Log("b", talk(10)[1::2])
    report, (chunk,) = run(broken, whole)
    assert [str(error) for error in report.errors] == ["a: line 7: cut"]
    assert chunk.passed.frame["packet_delta_count"].to_list() == [100]
    assert broken.is_closed


def test_strict_stops_there():
    broken = Log("a", talk(10), fails=True)
    with pytest.raises(SourceError, match="line 7"):
        run(broken, strict=True)
    assert broken.is_closed


def test_progress_is_told_once_a_block():
    seen = []
    run(Log("a", talk(2), talk(2)), options=PipelineOptions(on_progress=seen.append))
    assert seen == [100, 200]


def test_the_interval_is_the_pipelines():
    options = PipelineOptions(MeteringOptions(interval_s=300.0, idle_timeout_s=600.0))
    _, (chunk,) = run(Log("a", talk(10)), options=options)
    assert chunk.passed.intervals.height == 3


def test_ids_are_one_series_over_all_parts(monkeypatch):
    monkeypatch.setattr("minewatch.arranging.spool._TOGETHER", 1)
    records = np.repeat(record(), 400)
    records["source_transport_port"] = 40_000 + np.arange(400)
    _, chunks = run(Log("a", records))
    ids = [i for chunk in chunks for i in chunk.everything["flow_id"].to_list()]
    assert len(chunks) > 10
    assert ids == list(range(1, 401))


def test_no_log_gives_nothing():
    report, chunks = run()
    assert chunks == []
    assert (report.records, report.conversations) == (0, 0)
