# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from bench_corpus import recorded
from minewatch import gate
from minewatch.arranging.settings import ArrangeSettings
from minewatch.exporting import settings as exports
from minewatch.features.rhythm import RhythmFeatures
from minewatch.schema import SAMPLING
from minewatch.training.corpus.log_views import LOG_SETTINGS, LogSetting, log_view
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind, view

CORPUS = recorded()
COUNTERS = ("packet_delta_count", "octet_delta_count")
BOTH = [f"{way}{name}" for way in ("", "reverse_") for name in COUNTERS]
ZEEK = LogSetting("zeek", "Zeek", exports.zeek())


def _totals(given: pl.DataFrame) -> pl.DataFrame:
    return given.sort("conversation").select("conversation", *BOTH)


def _seen(setting: LogSetting, horizon_s: int = WHOLE) -> pl.DataFrame:
    found = log_view(CORPUS, setting, horizon_s)
    frame = found.conversations.frame.with_columns(found.labelled["conversation"])
    return frame.sort("conversation")


@pytest.mark.parametrize("setting", LOG_SETTINGS, ids=lambda one: one.name)
def test_rows_are_labelled_by_the_conversation_that_they_are_of(setting):
    found = log_view(CORPUS, setting)
    frame, labelled = found.conversations.frame, found.labelled
    assert frame.height == labelled.height
    assert labelled["label"].null_count() == 0
    # the ports are what the log tells, the label what is known: both of one conversation
    ends = ["source_transport_port", "destination_transport_port", "is_source_home"]
    assert frame.select(ends).equals(labelled.select(ends))
    intervals = found.conversations.intervals
    assert set(intervals["flow_id"]) <= set(frame["flow_id"])


@pytest.mark.parametrize(
    "name", ["aws-60s", "aws-600s", "azure-60s", "zeek", "netflow-60s", "netflow-1800s"]
)
def test_without_sampling_nothing_is_lost(name):
    setting = next(one for one in LOG_SETTINGS if one.name == name)
    kept = CORPUS.conversations.filter(~pl.col("is_first_only"))
    whole = _seen(setting).group_by("conversation").agg(pl.col(BOTH).sum())
    assert _totals(whole).equals(_totals(kept), null_equal=True)


def test_at_a_horizon_only_what_came_before_is_logged():
    whole, early = _seen(ZEEK), _seen(ZEEK, 300)
    assert early["conversation"].to_list() == whole["conversation"].to_list()
    counted = CORPUS.packets.filter(pl.col("offset_ns") <= 300 * 10**9, pl.col("from_initiator"))
    wanted = counted.group_by("conversation").len().sort("conversation")["len"]
    assert early["packet_delta_count"].to_list() == wanted.to_list()
    assert _seen(ZEEK, 10_000).is_empty()


def test_counts_of_a_sampled_log_stand_for_all_packets():
    every, tenth = _seen(LOG_SETTINGS[0]), _seen(LOG_SETTINGS[2])
    assert LOG_SETTINGS[2].export.sampling == 10
    # Google has scaled its counts already, but nobody saw more for it
    assert (set(tenth[SAMPLING]), set(every[SAMPLING])) == ({10}, {1})
    often = replace(LOG_SETTINGS[0], export=exports.ipfix(60.0, sampling=5))
    assert set(_seen(often)[SAMPLING]) == {5}
    assert (tenth["packet_delta_count"] % 10 == 0).all()
    both = every.join(tenth, on="conversation")
    ratio = both["packet_delta_count_right"].sum() / both["packet_delta_count"].sum()
    assert 0.9 < ratio < 1.1


def test_google_counts_payload_and_the_rest_is_estimated():
    gcp = LOG_SETTINGS[2]
    assert not gcp.export.tells_octets
    told = _seen(gcp)
    true = _seen(replace(gcp, export=replace(gcp.export, tells_octets=True)))
    for way in ("", "reverse_"):
        name = f"{way}octet_delta_count"
        assert told[name].null_count() == 0
        # the corpus has headers of 52 octets throughout
        assert told[name].to_list() == true[name].to_list()
    intervals = log_view(CORPUS, gcp).conversations.intervals
    in_all = intervals.group_by("flow_id").agg(pl.col("octet_delta_count").sum())
    whole = told.select("flow_id", "octet_delta_count")
    assert in_all.sort("flow_id").equals(whole.sort("flow_id"))


def test_a_flow_log_tells_no_packets_and_no_payload():
    found = log_view(CORPUS, LOG_SETTINGS[0]).conversations
    assert len(found.packets) == 0
    assert (found.frame["payload_kinds"] == 0).all()
    assert found.frame["payload_packet_count"].null_count() == len(found)


def test_our_own_records_and_those_of_azure_tell_features_the_same():
    own = view(CORPUS, InputKind.FLOWS_60)
    logged = log_view(CORPUS, LogSetting("azure", "", exports.azure_vnet(60.0)))
    order = np.argsort(logged.labelled["conversation"].to_numpy())
    features = RhythmFeatures()
    left = features.transform(own.conversations)
    right = features.transform(logged.conversations)
    for name in ("packets_ratio", "octets_ratio", "sent_octets_per_packet"):
        known = left.column(name)
        assert np.isfinite(known).all()
        np.testing.assert_allclose(right.column(name)[order], known, rtol=1e-4)


def test_what_is_kept_of_first_packets_alone_is_never_logged():
    known = CORPUS.conversations.with_columns(is_first_only=pl.col("source") == "cesnet")
    corpus = Corpus(known, CORPUS.packets, CORPUS.decoded)
    sources = set(log_view(corpus, ZEEK).labelled["source"])
    assert sources == set(known["source"]) - {"cesnet"}


def test_a_long_silence_makes_two_rows_of_one_conversation():
    short = ArrangeSettings(conversation_timeout_s=20.0)
    found = log_view(CORPUS, LOG_SETTINGS[0], settings=short)
    assert found.labelled.height > found.labelled["conversation"].n_unique()


def test_the_gate_judges_the_log():
    few = replace(ZEEK, export=exports.zeek(sampling=100_000))
    assert len(log_view(CORPUS, few).conversations) == 0
    assert set(log_view(CORPUS, ZEEK).labelled["gate_reason"]) == {gate.PASSED}
