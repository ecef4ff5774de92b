# SPDX-License-Identifier: Apache-2.0
"""Records to conversations: nothing lost, nothing twice, whatever the order."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from made_up_records import HOST, NS, START, record, talk
from minewatch.arranging.arrange import arrange
from minewatch.arranging.settings import ArrangeSettings
from minewatch.conversations import MAX_INTERVALS

SETTINGS = ArrangeSettings()
COUNTS = ("packet_delta_count", "reverse_packet_delta_count")


def arranged(*records, settings=SETTINGS, **options):
    return arrange(np.concatenate(records), settings, **options)


def only(*records, settings=SETTINGS):
    found = arranged(*records, settings=settings)
    assert found.conversations.height == 1
    return found.conversations.row(0, named=True)


def test_both_directions_become_one_conversation_with_its_intervals():
    found = arranged(talk(10))
    row = found.conversations.row(0, named=True)
    assert [row[name] for name in COUNTS] == [100, 100]
    assert (row["gate_reason"], row["interval_count"], row["flow_id"]) == ("passed", 10, 1)
    assert row["flow_start_nanoseconds"] == START
    assert row["flow_end_nanoseconds"] == START + 590 * NS
    assert found.intervals.select(*COUNTS, "flow_id").rows() == [(10, 10, 1)] * 10
    starts = found.intervals["flow_start_nanoseconds"]
    assert ((starts - START) // NS).to_list() == [60 * i for i in range(10)]


def test_the_order_of_records_changes_nothing():
    rng = np.random.default_rng(5)
    records = np.concatenate(
        [talk(8), talk(3, source_transport_port=50_000), record(9e4), record(9e4, back=True)]
    )
    records["observation_point"] = rng.integers(1, 3, len(records))
    first = arrange(records, SETTINGS)
    for _ in range(5):
        again = arrange(rng.permutation(records), SETTINGS)
        assert_frame_equal(first.conversations, again.conversations)
        assert_frame_equal(first.intervals, again.intervals)


@pytest.mark.parametrize("port", [3333, 40_000])
def test_nor_does_it_among_records_of_one_time(port):
    """With one port at both ends nothing but the address tells the directions apart."""
    rng = np.random.default_rng(port)
    for _ in range(60):
        records = talk(15, every_s=30, source_transport_port=port, destination_transport_port=port)
        records["flow_start_nanoseconds"] = START + rng.integers(0, 8, 30) * 30 * NS
        lasts = rng.integers(0, 4, 30) * 40 * NS
        records["flow_end_nanoseconds"] = records["flow_start_nanoseconds"] + lasts
        records["observation_point"] = rng.integers(0, 2, 30)
        for way in ("", "reverse_"):
            for count in ("packet_delta_count", "octet_delta_count"):
                records[f"{way}{count}"] = rng.integers(-1, 3, 30)
        first, again = (arrange(some, SETTINGS) for some in (records, rng.permutation(records)))
        assert_frame_equal(first.conversations, again.conversations)
        assert_frame_equal(first.intervals, again.intervals)


def test_what_two_observers_saw_counts_once():
    near, far = talk(10, observation_point=1), talk(10, observation_point=2)
    far["packet_delta_count"] = 8  # the far one lost some
    assert [only(near, far)[name] for name in COUNTS] == [100, 100]


def test_each_direction_is_taken_from_who_saw_most_of_it():
    near, far = talk(10, observation_point=1), talk(10, observation_point=2)
    near["packet_delta_count"][1::2] = 2
    far["packet_delta_count"][0::2] = 3
    assert [only(near, far)[name] for name in COUNTS] == [100, 100]


def test_two_records_of_one_observer_count_both():
    assert only(record(0), record(0), record(1, back=True))["packet_delta_count"] == 20


def test_counts_are_scaled_by_the_sampling():
    row = only(talk(10, sampling_packet_interval=100))
    assert row["packet_delta_count"] == 10_000
    assert row["octet_delta_count"] == 1_000_000
    assert row["sampling_packet_interval"] == 100


def test_absurd_counts_do_not_wrap():
    row = only(talk(10, octet_delta_count=(1 << 63) - 1, sampling_packet_interval=(1 << 32) - 1))
    assert row["octet_delta_count"] == (1 << 62) - 1


def test_a_long_silence_ends_a_conversation():
    late = talk(10)
    late["flow_start_nanoseconds"] += 3 * 3600 * NS
    late["flow_end_nanoseconds"] += 3 * 3600 * NS
    found = arranged(late, talk(10))
    assert found.conversations.select(*COUNTS).rows() == [(100, 100)] * 2
    assert found.conversations["flow_id"].to_list() == [1, 2]
    assert found.intervals["flow_id"].to_list() == [1] * 10 + [2] * 10
    patient = ArrangeSettings(conversation_timeout_s=4 * 3600)
    assert only(late, talk(10), settings=patient)["interval_count"] == 20


def test_jitter_of_an_exporters_clock_makes_no_gaps():
    records = talk(40)
    rng = np.random.default_rng(1)
    records["flow_start_nanoseconds"] += rng.integers(-5 * NS, 5 * NS, len(records))
    found = arranged(records)
    assert found.intervals.select(*COUNTS).rows() == [(10, 10)] * 40


def test_short_records_are_joined_to_intervals():
    found = arranged(talk(80, every_s=15))
    assert 18 <= found.intervals.height <= 27
    assert found.intervals["packet_delta_count"].sum() == 800


def test_directions_of_long_records_meet_though_they_begin_apart():
    there = [record(600 * i, 590) for i in range(6)]
    back = [record(600 * i + 200, 350, back=True) for i in range(6)]
    found = arranged(*there, *back)
    assert found.intervals.select(*COUNTS).rows() == [(10, 10)] * 6


def test_biflow_records_need_no_partner():
    records = [
        record(60 * i, reverse_packet_delta_count=7, reverse_octet_delta_count=700)
        for i in range(10)
    ]
    assert [only(*records)[name] for name in COUNTS] == [100, 70]


def test_a_conversation_that_cannot_pass_is_one_and_has_no_intervals():
    found = arranged(record(0), record(9e4))
    assert found.conversations.select("gate_reason", "interval_count").rows() == [("one-way", 1)]
    assert found.intervals.is_empty()
    found = arranged(record(0), record(9e4), with_intervals_of_all=True)
    assert found.conversations.height == found.intervals.height == 2


def test_a_reused_port_hides_no_trickle_behind_a_bulk_transfer():
    """Both together are a bulk transfer; what a silence parts is looked at by itself."""
    bulk = talk(10, octet_delta_count=1 << 30)
    trickle = talk(10)
    for end in ("start", "end"):
        trickle[f"flow_{end}_nanoseconds"] += 5 * 3600 * NS
    found = arranged(trickle, bulk)
    assert found.reasons == {"bulk-transfer": 1, "passed": 1}
    assert found.passed.select("flow_id", "packet_delta_count").rows() == [(2, 100)]
    assert found.intervals["flow_id"].to_list() == [2] * 10
    assert found.conversations["gate_reason"].to_list() == ["bulk-transfer", "passed"]
    whole = arranged(trickle, bulk, with_intervals_of_all=True)
    assert whole.intervals["flow_id"].to_list() == [1] * 10 + [2] * 10


def test_intervals_come_in_the_order_of_ids():
    late = talk(10, vlan_id=3)
    for side in ("source", "destination"):
        ports = late[f"{side}_transport_port"]
        ports[ports == 40_000] = 50_000
    for end in ("start", "end"):
        late[f"flow_{end}_nanoseconds"] += 60 * NS
    found = arranged(late, talk(10))
    assert found.passed["source_transport_port"].to_list() == [40_000, 50_000]
    assert found.intervals.select("flow_id", "vlan_id").rows() == [(1, 0)] * 10 + [(2, 3)] * 10


def test_ids_count_on():
    found = arranged(talk(10), talk(10, source_transport_port=50_000), first_id=70)
    assert found.conversations["flow_id"].to_list() == list(
        range(70, 70 + found.conversations.height)
    )
    assert set(found.intervals["flow_id"]) <= set(found.conversations["flow_id"])


def test_the_latest_intervals_are_kept():
    n = MAX_INTERVALS + 60
    found = arranged(talk(n))
    assert found.conversations["packet_delta_count"].item() == 10 * n
    assert found.intervals.height == MAX_INTERVALS
    assert found.intervals["flow_end_nanoseconds"].max() == START + (60 * n - 10) * NS


def test_sums_agree_with_a_plain_reckoning():
    rng = np.random.default_rng(11)
    records = np.repeat(record(), 3000)
    records["source_address_low"] = HOST + rng.integers(0, 40, 3000)
    records["destination_transport_port"] = rng.integers(1, 6, 3000)
    records["packet_delta_count"] = rng.integers(0, 50, 3000)
    offset = rng.integers(0, 900 * NS, 3000)
    records["flow_start_nanoseconds"] = START + offset
    records["flow_end_nanoseconds"] = START + offset + 5 * NS
    back = rng.random(3000) < 0.5
    for part in ("address_low", "transport_port"):
        held = records[f"source_{part}"].copy()
        other = records[f"destination_{part}"].copy()
        records[f"source_{part}"] = np.where(back, other, held)
        records[f"destination_{part}"] = np.where(back, held, other)
    plain = {}
    for one in records:
        ends = (
            (one["source_address_low"], one["source_transport_port"]),
            (one["destination_address_low"], one["destination_transport_port"]),
        )
        is_back = int(ends[0][1] != 40_000)
        key = ends[::-1] if is_back else ends
        sums = plain.setdefault(key, [0, 0])
        sums[is_back] += int(one["packet_delta_count"])
    found = arrange(records, SETTINGS)
    names = (
        "source_address_low",
        "source_transport_port",
        "destination_address_low",
        "destination_transport_port",
    )
    got = {
        ((a, b), (c, d)): [p, r]
        for a, b, c, d, p, r in found.conversations.select(*names, *COUNTS).iter_rows()
    }
    assert got == plain
    per_flow = found.intervals.group_by("flow_id").agg(pl.col(COUNTS).sum())
    passed = found.conversations.filter(gate_reason="passed")
    joined = passed.join(per_flow, on="flow_id", suffix="_of_intervals")
    for name in COUNTS:
        assert joined[name].to_list() == joined[f"{name}_of_intervals"].to_list()
    assert joined.height == passed.height > 100


def test_each_conversation_names_a_record_of_its_own():
    records = np.concatenate([talk(9), talk(5), record(source_transport_port=9)])
    for side in ("source", "destination"):
        ports = records[f"{side}_transport_port"][18:28]
        ports[ports == 40_000] = 50_000
    for settings in ({}, {"with_intervals_of_all": True}):
        found = arrange(records, ArrangeSettings(), **settings)
        assert len(found.places) == found.passed.height == 2 + len(settings)
        ports = found.passed["source_transport_port"].to_list()
        for port, place in zip(ports, found.places.tolist(), strict=True):
            sides = ("source", "destination")
            assert port in {int(records[place][f"{side}_transport_port"]) for side in sides}
