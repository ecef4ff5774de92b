# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from exported_talk import HOME, OTHER_HOME, TALK, ends, many, packets
from minewatch.exporting import settings as s
from minewatch.exporting import windows as w


def test_each_home_end_observes_for_itself():
    both = ends(responder=OTHER_HOME, homes=(True, True))
    records = w.log_records(TALK, both, s.gcp(900, sampling=1))
    assert len(records) == 4
    assert len(set(records["observation_point"].tolist())) == 2
    assert len(w.log_records(TALK, ends(homes=(False, False)), s.gcp(900, sampling=1))) == 0
    assert len(w.log_records(TALK, ends(homes=(False, False)), s.ipfix(900, inactive_s=900))) == 2


def test_ends_of_one_address_count_once_each():
    records = w.log_records(TALK, ends(responder=HOME, homes=(True, True)), s.gcp(900, sampling=1))
    assert sorted(records["packet_delta_count"].tolist()) == [3, 3, 3, 3]


@pytest.mark.parametrize(
    ("settings", "scale"), [(s.gcp(60, sampling=10, seed=3), 1), (s.ipfix(60, 10, 3), 10)]
)
def test_sampling_keeps_one_in_n_and_only_google_scales(settings, scale):
    records = w.log_records(many(), ends(), settings)
    assert set(records["sampling_packet_interval"].tolist()) == {10}
    assert set(records["is_scaled"].tolist()) == {scale == 1}
    total = int(records["packet_delta_count"].sum()) * scale
    assert 18_500 < total < 21_500  # 2000 drawn of 20 000: three deviations are 130 of them
    name, octets = ("payload_octet_count", 60) if scale == 1 else ("octet_delta_count", 100)
    assert int(records[name].sum()) * scale == octets * total


def test_seeds_draw_differently_and_repeat():
    first, again, other = (
        w.log_records(many(), ends(), s.ipfix(60, 10, seed)).tobytes() for seed in (1, 1, 2)
    )
    assert first == again != other


def test_observers_sample_apart():
    both = ends(responder=OTHER_HOME, homes=(True, True))
    settings = s.gcp(900, sampling=10)
    rows = w.sampled(w.observed(many(), both, settings), settings)
    by_source = [
        set(rows.filter(pl.col("by_source") == is_source)["number"]) for is_source in (True, False)
    ]
    shared = len(by_source[0] & by_source[1])
    assert 100 < shared < 300  # 200 of 20 000 by chance


def test_how_a_capture_is_cut_changes_no_sample():
    settings = s.ipfix(60, 10, 5)
    talk = many(2000)
    whole = w.sampled(w.observed(talk, ends(), settings), settings)
    parts = [
        w.sampled(w.observed(talk[at : at + 300], ends(), settings, at), settings)
        for at in range(0, 2000, 300)
    ]
    assert pl.concat(parts).equals(whole)


def test_flags_that_a_log_has_no_word_for_are_not_told():
    talk = packets((1, 60, True, 0x1A), (2, 60, False, 0x38))
    told = {one.tcp_flags: one for one in (s.aws(), s.zeek(), s.ipfix())}
    flags = {
        kind: w.observed(talk, ends(), settings)["tcp_flags"].to_list()
        for kind, settings in told.items()
    }
    assert flags[s.TcpFlags.OPENING] == [0x12, 0x00]  # ACK only with SYN
    assert flags[s.TcpFlags.LETTERS] == [0x12, 0x10]
    assert flags[s.TcpFlags.ALL] == [0x1A, 0x38]


def test_both_interfaces_of_one_address_sample_apart():
    settings = s.gcp(900, sampling=10)
    rows = w.observed(many(), ends(responder=HOME, homes=(True, True)), settings)
    kept = w.sampled(rows, settings)
    first, second = (set(kept.filter(by_source=side)["number"]) for side in (True, False))
    assert 100 < len(first & second) < 300
