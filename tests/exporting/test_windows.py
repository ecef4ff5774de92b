# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from exported_talk import AWAY, HOME, TALK, S, ends, packets, told
from minewatch.exporting import settings as s
from minewatch.exporting import windows as w


def test_windows_on_the_clock_count_each_direction():
    records = w.log_records(TALK, ends(), s.gcp(60, sampling=1))
    assert told(
        records, "flow_start_nanoseconds", "flow_end_nanoseconds", "packet_delta_count",
        "payload_octet_count", "source_transport_port", "destination_transport_port",
    ) == [
        (100_250_000_000, 119 * S, 3, 220, 40000, 3333),
        (100_500_000_000, 100_500_000_000, 1, 20, 3333, 40000),
        (121 * S, 121 * S, 1, 500, 3333, 40000),
        (185 * S, 185 * S, 1, 100, 3333, 40000),
    ]  # fmt: skip
    assert records["source_address_low"].tolist() == [HOME[1], AWAY[1], AWAY[1], AWAY[1]]
    assert records["destination_address_low"].tolist() == [AWAY[1], HOME[1], HOME[1], HOME[1]]
    assert set(records["tcp_control_bits"].tolist()) == {-1}
    assert set(records["octet_delta_count"].tolist()) == {-1}
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


ALL = (s.aws(), s.gcp(5, 1), s.azure_vnet(), s.zeek(), s.ipfix(60), s.ipfix(600))


@hypothesis_settings(deadline=None)
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


def test_nothing_gives_no_records():
    nothing = packets()
    for settings in ALL:
        assert len(w.log_records(nothing, ends(), settings)) == 0
        assert len(w.log_records(nothing, ends()[:0], settings)) == 0


def test_times_at_the_end_of_time_are_no_trap():
    late = packets((1, 60, True, 2)).with_columns(time_ns=pl.lit((1 << 63) - 5, pl.Int64))
    for settings in (s.ipfix(), s.zeek()):
        assert len(w.log_records(late, ends(), settings)) == 1
