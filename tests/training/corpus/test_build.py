# SPDX-License-Identifier: Apache-2.0

import polars as pl
import pytest

from minewatch import gate
from minewatch.errors import ConfigError, SourceError
from minewatch.metering.state import MeteringOptions
from minewatch.pipeline import PipelineOptions
from minewatch.training.corpus import tables
from minewatch.training.corpus.build import build_corpus
from packets import A, B, Frame, ether, ipv4, udp
from runs import conversation, cryptonote
from talks import NS, frames_of, write_capture

TALK = [(2.0 + 5 * n, n % 2 == 0, 100) for n in range(20)]
MINERS = frames_of(TALK, port=40_001)
OTHERS = frames_of(TALK, port=40_002, start_s=1, source="10.0.0.3")


def column(corpus, name):
    return corpus.conversations[name].to_list()


def test_labelled_conversations_come_with_their_packets(tmp_path):
    pool = f"pool-a\tmining\t{A}\t40001\t6\t\t\tpool.example\tmining"
    corpus = build_corpus([write_capture(tmp_path, [*MINERS, *OTHERS], pool, "office\tnormal")])
    assert dict(corpus.conversations.schema) == tables.LABELLED
    assert dict(corpus.packets.schema) == tables.PACKET
    assert dict(corpus.decoded.schema) == tables.AT
    assert column(corpus, "conversation") == [1, 2]
    assert column(corpus, "label") == ["mining", "normal"]
    assert column(corpus, "source") == ["pool-a", "office"]
    assert column(corpus, "capture") == ["a.pcap", "a.pcap"]
    assert column(corpus, "remote") == ["pool.example", f"{B}:3333"]
    assert column(corpus, "host") == [A, "10.0.0.3"]
    assert column(corpus, "service") == ["mining", None]
    assert column(corpus, "is_kept") == [True, True]
    assert column(corpus, "horizon_limit_s") == [None, None]
    assert column(corpus, "is_first_only") == [False, False]
    sizes = corpus.packets.group_by("conversation").len().sort("conversation")
    assert sizes.rows() == [(1, 42), (2, 42)]
    assert corpus.unreadable == ()


def test_what_is_skipped_or_matched_by_no_rule_is_not_there(tmp_path):
    file = write_capture(tmp_path, [*MINERS, *OTHERS], f"x\tskip\t{A}", "y\tnormal\t10.0.0.3")
    corpus = build_corpus([file])
    assert column(corpus, "source") == ["y"]
    assert corpus.packets["conversation"].unique().to_list() == [1]


def test_what_no_view_would_pass_has_no_packets(tmp_path):
    """A name look-up and a short talk are counted as normal, and that is all."""
    question = Frame(ether(ipv4(A, B, 17, udp(40_000, 53, b"who?"))), MINERS[0].time_ns)
    short = frames_of(TALK[:4], port=40_003)
    corpus = build_corpus([write_capture(tmp_path, [question, *short, *MINERS])])
    known = dict(corpus.conversations.select("source_transport_port", "is_kept").iter_rows())
    assert known == {40_000: False, 40_003: False, 40_001: True}
    reasons = set(corpus.conversations.filter(~pl.col("is_kept"))["gate_reason"])
    assert reasons == {gate.NOT_TCP, gate.TOO_FEW_MESSAGES}
    assert corpus.packets["conversation"].n_unique() == 1


def test_a_bulk_transfer_is_kept_for_what_was_seen_before_it(tmp_path):
    bulk = [(2.0 + n / 25, n % 2 == 0, 1400) for n in range(1000)]
    corpus = build_corpus([write_capture(tmp_path, frames_of(bulk))])
    assert column(corpus, "gate_reason") == [gate.BULK_TRANSFER]
    assert column(corpus, "is_kept") == [True]
    assert corpus.packets.height == 2002


def test_conversations_are_numbered_on_over_captures_and_files(tmp_path):
    """A labels file may be named, or the folder of a run that holds one."""
    for name, frames in (("one", MINERS), ("two", OTHERS)):
        (tmp_path / name).mkdir()
        write_capture(tmp_path / name, frames, f"{name}\tnormal")
    seen = []
    corpus = build_corpus([tmp_path / "one", tmp_path / "two" / "labels.tsv"], None, seen.append)
    assert column(corpus, "conversation") == [1, 2]
    assert column(corpus, "source") == ["one", "two"]
    assert corpus.packets["conversation"].unique().sort().to_list() == [1, 2]
    assert seen == ["a.pcap", "a.pcap"]


def test_what_was_read_is_told_as_it_was_at_each_moment(tmp_path):
    """A message every 10 s from 0.1 s on: login, its answer, and two shares with theirs."""
    frames = conversation(A, 40_001, B, 3333, cryptonote())
    corpus = build_corpus([write_capture(tmp_path, frames, "x\tmining")])
    at = {row["horizon_s"]: row for row in corpus.decoded.iter_rows(named=True)}
    assert list(at) == [*tables.HORIZONS_S, tables.WHOLE]
    assert {row["conversation"] for row in at.values()} == {1}
    assert at[30]["stratum_dialect"] == "cryptonote"
    assert [at[s]["stratum_submits"] for s in (30, 60, tables.WHOLE)] == [1, 2, 2]
    assert [at[s]["stratum_results_ok"] for s in (30, 60)] == [0, 2]


def test_what_was_never_read_is_not_there(tmp_path):
    assert build_corpus([write_capture(tmp_path, MINERS)]).decoded.is_empty()


def test_captures_become_conversations_as_they_are_told_to(tmp_path):
    frames = [*MINERS, *frames_of(TALK, port=40_001, start_s=500)]
    file = write_capture(tmp_path, frames)
    options = PipelineOptions(metering=MeteringOptions(conversation_timeout_s=200.0))
    assert build_corpus([file], options).conversations.height == 2


def test_a_capture_that_is_none_is_noted_and_a_missing_one_is_an_error(tmp_path):
    file = write_capture(tmp_path, MINERS)
    (tmp_path / "b.pcap").write_bytes(b"GIF89a, and no capture at all")
    with file.open("a", encoding="utf-8") as lines:
        lines.write("b.pcap\tother\tnormal\n")
    corpus = build_corpus([file])
    assert corpus.unreadable == ("b.pcap",)
    assert column(corpus, "capture") == ["a.pcap"]
    (tmp_path / "b.pcap").unlink()
    with pytest.raises(SourceError, match=r"b\.pcap: no such file"):
        build_corpus([file])


def test_labels_that_label_nothing_are_refused(tmp_path):
    file = write_capture(tmp_path, MINERS, "x\tmining\t192.0.2.1")
    with pytest.raises(ConfigError, match=r"labels\.tsv: no conversation is labelled"):
        build_corpus([file])


def test_time_is_that_of_the_capture(tmp_path):
    corpus = build_corpus([write_capture(tmp_path, MINERS)])
    row = corpus.conversations.row(0, named=True)
    assert row["flow_start_nanoseconds"] == MINERS[0].time_ns
    assert row["flow_end_nanoseconds"] - row["flow_start_nanoseconds"] == round(97.001 * NS)
