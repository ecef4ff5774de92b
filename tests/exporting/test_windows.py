# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minewatch.exporting import settings as s
from minewatch.exporting import telling
from minewatch.exporting import windows as w

S = 1_000_000_000
HOME, AWAY, OTHER_HOME = (0, 0xFFFF_0A00_0005), (0, 0xFFFF_CB00_7107), (0, 0xFFFF_0A00_0006)


def packets(*rows, conversation=1):
    """Packets of (seconds, octets, from_initiator, flags)."""
    return pl.DataFrame(
        {
            "conversation": [conversation] * len(rows),
            "time_ns": [round(row[0] * S) for row in rows],
            "octets": [row[1] for row in rows],
            "payload_octets": [max(0, row[1] - 40) for row in rows],
            "from_initiator": [row[2] for row in rows],
            "tcp_flags": [row[3] for row in rows],
        },
        schema=w.PACKET,
    )


def ends(conversation=1, responder=AWAY, protocol=6, ports=(40000, 3333), homes=(True, False)):
    row = [conversation, *HOME, *responder, *ports, protocol, *homes]
    return pl.DataFrame([row], w.ENDPOINTS, orient="row")


def told(records, *names):
    return [tuple(int(record[name]) for name in names) for record in records]


TALK = packets(
    (100.25, 60, True, 0x02),
    (100.5, 60, False, 0x12),
    (100.75, 40, True, 0x10),
    (119.0, 240, True, 0x18),
    (121.0, 540, False, 0x18),
    (185.0, 140, False, 0x18),
)


def test_windows_on_the_clock_count_each_direction():
    records = w.log_records(TALK, ends(), s.gcp(60, sampling=1))
    assert told(
        records, "flow_start_nanoseconds", "flow_end_nanoseconds", "packet_delta_count",
        "octet_delta_count", "source_transport_port", "destination_transport_port",
    ) == [
        (100_250_000_000, 119 * S, 3, 340, 40000, 3333),
        (100_500_000_000, 100_500_000_000, 1, 60, 3333, 40000),
        (121 * S, 121 * S, 1, 540, 3333, 40000),
        (185 * S, 185 * S, 1, 140, 3333, 40000),
    ]  # fmt: skip
    assert records["source_address_low"].tolist() == [HOME[1], AWAY[1], AWAY[1], AWAY[1]]
    assert records["destination_address_low"].tolist() == [AWAY[1], HOME[1], HOME[1], HOME[1]]
    assert set(records["tcp_control_bits"].tolist()) == {-1}
    assert set(records["payload_octet_count"].tolist()) == {-1}
    assert set(records["reverse_packet_delta_count"].tolist()) == {-1}
    assert set(records["is_source_initiator"].tolist()) == {-1}


def test_records_of_an_exporter_begin_with_the_flow_and_end_by_silence_or_age():
    # Sent: 100.25 to 119 is one record although 18.25 s lie between, were it not for 15 s of
    # silence; received: 100.5 | 121 | 185.
    records = w.log_records(TALK, ends(), s.ipfix(60))
    names = ("flow_start_nanoseconds", "packet_delta_count", "tcp_control_bits")
    assert told(records, *names) == [
        (100_250_000_000, 2, 0x12),
        (100_500_000_000, 1, 0x12),
        (119 * S, 1, 0x18),
        (121 * S, 1, 0x18),
        (185 * S, 1, 0x18),
    ]
    steady = packets(*((t, 100, True, 0x18) for t in range(0, 200, 10)))
    records = w.log_records(steady, ends(), s.ipfix(60))
    names = ("flow_start_nanoseconds", "flow_end_nanoseconds", "packet_delta_count")
    assert told(records, *names) == [
        (0, 50 * S, 6), (60 * S, 110 * S, 6), (120 * S, 170 * S, 6), (180 * S, 190 * S, 2),
    ]  # fmt: skip


def test_flags_of_aws_are_those_that_open_and_close():
    talk = packets(
        (1, 60, True, 0x02),
        (2, 60, False, 0x12),
        (3, 40, True, 0x10),
        (4, 90, True, 0x19),
        (5, 40, False, 0x10),
    )
    records = w.log_records(talk, ends(), s.aws(600, capture_delay_s=0))
    assert told(records, "packet_delta_count", "tcp_control_bits") == [(3, 0x03), (2, 0x12)]
    only_ack = w.log_records(packets((1, 40, True, 0x10)), ends(), s.aws())
    assert only_ack["tcp_control_bits"].tolist() == [0]


def test_aws_is_late_by_whole_seconds_of_one_delay_a_window():
    steady = packets(*((t / 2, 100, t % 3 > 0, 0x18) for t in range(2400)))
    exact = w.log_records(steady, ends(), s.aws(60, capture_delay_s=0, seed=7))
    late = w.log_records(steady, ends(), s.aws(60, capture_delay_s=60, seed=7))
    assert len(exact) == len(late) == 2 * 21  # 20 minutes that do not begin with a window
    assert set((late["flow_start_nanoseconds"] % S).tolist()) == {0}
    key = ["octet_delta_count", "source_transport_port"]
    assert sorted(told(exact, *key)) == sorted(told(late, *key))
    # Both directions of a window begin within 1.5 s of each other, so they are late alike.
    starts = np.sort(exact["flow_start_nanoseconds"])
    shift = np.sort(late["flow_start_nanoseconds"]) - starts
    assert -2 * S <= shift.min() < 10 * S
    assert 50 * S < shift.max() <= 61 * S


def test_phases_of_aws_belong_to_interfaces_and_not_to_flows():
    two = pl.concat(
        [packets((t, 100, True, 0x18), conversation=c) for t in range(120) for c in (1, 2)]
    )
    one = ends()
    other = ends(2, ports=(40001, 3333))
    rows = w.observed(two, pl.concat([one, other]), s.aws())
    begins = w.windowed(rows, s.aws()).group_by("conversation").agg(pl.col("window_ns").unique())
    first, second = begins["window_ns"].list.sort().to_list()
    assert first == second
    assert len(first) == 3
    assert {b - a for a, b in pairwise(first)} == {60 * S}
    assert first[0] % (60 * S) != 0


def test_a_connection_is_one_record_of_zeek_until_it_is_silent():
    talk = pl.concat([TALK, packets((485.1, 100, True, 0x18))])
    names = ("flow_start_nanoseconds", "flow_end_nanoseconds", "packet_delta_count",
             "reverse_packet_delta_count", "payload_octet_count", "reverse_payload_octet_count",
             "is_source_initiator")  # fmt: skip
    assert told(w.log_records(talk, ends(), s.zeek()), *names) == [
        (100_250_000_000, 185 * S, 3, 3, 220, 620, 1),
        (485_100_000_000, 485_100_000_000, 1, 0, 60, 0, 1),
    ]
    udp = w.log_records(talk, ends(protocol=17), s.zeek())
    assert len(udp) == 3  # 121 to 185 is more than a minute


def test_azure_counts_both_ways_by_window():
    records = w.log_records(TALK, ends(), s.azure_vnet(600))
    names = ("packet_delta_count", "reverse_packet_delta_count", "octet_delta_count",
             "reverse_octet_delta_count", "tcp_control_bits")  # fmt: skip
    assert told(records, *names) == [(3, 3, 340, 740, -1)]


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


def test_answers_of_icmp_are_no_exchanged_ports():
    talk = packets((1, 84, True, 0), (2, 84, False, 0))
    ports = ("source_transport_port", "destination_transport_port")
    for protocol, request, answer in ((1, 8 * 256, 0), (58, 128 * 256, 129 * 256), (1, 3 * 256, 0)):
        records = w.log_records(talk, ends(protocol=protocol, ports=(0, request)), s.ipfix())
        assert told(records, *ports) == [(0, request), (0, answer)]


def many(n=20_000):
    return packets(*((t / 100, 100, t % 2 == 0, 0x18) for t in range(n)))


@pytest.mark.parametrize(
    ("settings", "stands_for"), [(s.gcp(60, sampling=10, seed=3), 1), (s.ipfix(60, 10, 3), 10)]
)
def test_sampling_keeps_one_in_n_and_only_google_scales(settings, stands_for):
    records = w.log_records(many(), ends(), settings)
    assert set(records["sampling_packet_interval"].tolist()) == {stands_for}
    total = int(records["packet_delta_count"].sum()) * stands_for
    assert 18_500 < total < 21_500  # 2000 drawn of 20 000: three deviations are 130 of them
    assert int(records["octet_delta_count"].sum()) * stands_for == 100 * total


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


ALL = (s.aws(), s.gcp(5, 1), s.azure_vnet(), s.zeek(), s.ipfix(60), s.ipfix(600))


@given(
    st.lists(
        st.tuples(st.integers(0, 900), st.integers(1, 2), st.booleans(), st.integers(0, 255)),
        min_size=1,
        max_size=60,
    ),
    st.integers(0, 60),
    st.sampled_from(ALL),
)
def test_windows_may_be_added_to(rows, cut, settings):
    rows.sort()
    talk = pl.concat(packets((t, 100, way, flags), conversation=c) for t, c, way, flags in rows)
    both = pl.concat([ends(), ends(2, protocol=17)])
    seen = w.observed(talk, both, settings)
    whole = w.windowed(seen, settings)
    before = w.windowed(seen[:cut], settings)
    again = pl.concat([before.select(w.ROW), seen[cut:].select(w.ROW)])
    assert w.windowed(again, settings).equals(whole)
    assert whole["packets"].sum() == len(seen)


def test_windows_close_when_their_time_is_over():
    closes = {
        settings.alignment: w.windowed(w.observed(TALK, ends(), settings), settings)[
            "closes_ns"
        ].to_list()
        for settings in (s.gcp(60, 1), s.ipfix(30), s.zeek())
    }
    assert closes[s.Alignment.CLOCK] == [120 * S, 120 * S, 180 * S, 240 * S]
    # 15 s of silence; and that of both directions, which Zeek waits for, is the last packet's.
    late = w.windowed(w.observed(TALK, ends(), s.zeek()), s.zeek())["closes_ns"].to_list()
    assert late == [485 * S, 485 * S]
    ipfix = w.windowed(w.observed(TALK, ends(), s.ipfix(30)), s.ipfix(30))["closes_ns"].to_list()
    assert ipfix == [round(t * S) for t in (115.75, 115.5, 134, 136, 200)]


def test_connections_that_tcp_ended_are_marked():
    def closed(*rows, protocol=6, settings=None):
        settings = settings or s.azure_vnet(600)
        both = ends(protocol=protocol)
        rows = w.windowed(w.observed(packets(*rows), both, settings), settings)
        return telling.logged(rows, both, settings)["is_closed"].to_list()

    assert closed((1, 60, True, 0x11), (2, 60, False, 0x11)) == [True]
    assert closed((1, 60, True, 0x11), (2, 60, False, 0x10)) == [False]
    assert closed((1, 60, True, 0x18), (2, 60, False, 0x14)) == [True]
    assert closed((1, 60, True, 0x11), (2, 60, False, 0x11), protocol=17) == [False]
    assert closed((1, 60, True, 0x11), settings=s.ipfix()) == [True]


def test_nothing_gives_no_records():
    nothing = packets()
    for settings in ALL:
        assert len(w.log_records(nothing, ends(), settings)) == 0
        assert len(w.log_records(nothing, ends()[:0], settings)) == 0


def test_times_at_the_end_of_time_are_no_trap():
    late = packets((1, 60, True, 2)).with_columns(time_ns=pl.lit((1 << 63) - 5, pl.Int64))
    for settings in (s.ipfix(), s.zeek()):
        assert len(w.log_records(late, ends(), settings)) == 1
