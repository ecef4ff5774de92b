# SPDX-License-Identifier: Apache-2.0
"""The ways in which exporters tell when a flow began and ended."""

import pytest

from export_datagrams import SECOND, SENT, SENT_S, UPTIME_MS, Heard, ipfix_flows, v9_flows
from minewatch.readers.netflow.elements import REVERSE_ENTERPRISE

ENDS = [(8, 4), (12, 4)]
PAIR = ["10.0.0.1", "10.0.0.2"]
NTP_1970 = 2_208_988_800
MS = 1_000_000


def times(fields, values, build=ipfix_flows, **head):
    heard = Heard(build([*ENDS, *fields], [*PAIR, *values], **head))
    one = heard.one
    return int(one["flow_start_nanoseconds"]), int(one["flow_end_nanoseconds"]), heard


def ntp(seconds, nanoseconds):
    return (seconds + NTP_1970) << 32 | (nanoseconds << 32) // SECOND + 1


def near(found, wanted):
    return abs(found - wanted) <= 1


def test_seconds():
    start, end, _ = times([(150, 4), (151, 4)], [SENT_S - 60, SENT_S - 1])
    assert (start, end) == (SENT - 60 * SECOND, SENT - SECOND)


def test_milliseconds():
    start, end, _ = times([(152, 8), (153, 8)], [SENT_S * 1000 - 1500, SENT_S * 1000 - 1])
    assert (start, end) == (SENT - 1500 * MS, SENT - MS)


@pytest.mark.parametrize("number", [154, 156])
def test_micro_and_nanoseconds_are_ntp_times(number):
    start, end, _ = times(
        [(number, 8), (number + 1, 8)], [ntp(SENT_S - 3, 250_000_000), ntp(SENT_S, 750_000_000)]
    )
    assert near(start, SENT - 3 * SECOND + SECOND // 4)
    assert near(end, SENT + 3 * SECOND // 4)


def test_ntp_begins_anew_in_2036():
    seconds = 2_085_978_496 + 7  # seven seconds after the era's end, since 1970
    start, _, _ = times([(156, 8), (157, 8)], [7 << 32, 8 << 32], seconds=seconds)
    assert start == seconds * SECOND


def test_microseconds_before_the_export():
    start, end, _ = times([(158, 4), (159, 4)], [2_000_000, 500])
    assert (start, end) == (SENT - 2 * SECOND, SENT - 500_000)


def test_uptime_of_v9_is_the_header_s():
    start, end, _ = times([(22, 4), (21, 4)], [UPTIME_MS - 9000, UPTIME_MS], v9_flows)
    assert (start, end) == (SENT - 9 * SECOND, SENT)


def test_an_uptime_may_be_a_little_after_the_header_s():
    start, end, _ = times([(22, 4), (21, 4)], [UPTIME_MS, UPTIME_MS + 500], v9_flows)
    assert (start, end) == (SENT, SENT + 500 * MS)


def test_uptime_may_begin_anew():
    start, end, _ = times([(22, 4), (21, 4)], [2**32 - 1000, 500], v9_flows, uptime_ms=1500)
    assert (start, end) == (SENT - 2500 * MS, SENT - SECOND)


def test_uptime_of_ipfix_counts_from_the_start_of_the_system():
    values = [SENT_S * 1000 - 100_000, 40_000, 90_000]
    start, end, heard = times([(160, 8), (22, 4), (21, 4)], values)
    assert (start, end) == (SENT - 60 * SECOND, SENT - 10 * SECOND)
    assert heard.counters.repaired == {}


def test_a_system_that_runs_for_longer_than_49_days():
    began_ms = SENT_S * 1000 - 2**32 - 100_000
    start, end, _ = times([(160, 8), (22, 4), (21, 4)], [began_ms, 40_000, 90_000])
    assert (start, end) == (SENT - 60 * SECOND, SENT - 10 * SECOND)
    start, end, _ = times([(160, 8), (22, 4), (21, 4)], [began_ms, 2**32 - 1000, 1000])
    assert (start, end) == (SENT - 101 * SECOND, SENT - 99 * SECOND)


def test_without_the_start_of_the_system_the_latest_end_is_the_export():
    fields = [*ENDS, (22, 4), (21, 4)]
    heard = Heard(ipfix_flows(fields, [*PAIR, 1000, 2000], [*PAIR, 1500, 5000]))
    assert heard.of("flow_end_nanoseconds") == [SENT - 3 * SECOND, SENT]
    assert heard.of("flow_start_nanoseconds") == [SENT - 4 * SECOND, SENT - 3500 * MS]
    assert heard.counters.repaired == {"uptime without the start of the system": 2}


def test_the_latest_end_is_that_of_each_set():
    fields = [*ENDS, (22, 4), (21, 4)]
    heard = Heard()
    for i, last in enumerate((2000, 900_000)):
        message = ipfix_flows(fields, [*PAIR, last - 500, last], seconds=SENT_S + i)
        heard.decoder.add(message, "192.0.2.9", f"message {i}", None)
    ends = [int(end) for part in heard.decoder.take() for end in part["flow_end_nanoseconds"]]
    assert ends == [SENT, SENT + SECOND]


def test_the_finest_pair_counts():
    fields = [(150, 4), (151, 4), (152, 8), (153, 8)]
    start, end, _ = times(fields, [SENT_S, SENT_S, SENT_S * 1000 - 7, SENT_S * 1000 - 3])
    assert (start, end) == (SENT - 7 * MS, SENT - 3 * MS)


def test_a_whole_pair_counts_before_a_finer_half():
    start, end, _ = times(
        [(152, 8), (150, 4), (151, 4)], [SENT_S * 1000 - 7, SENT_S - 9, SENT_S - 2]
    )
    assert (start, end) == (SENT - 9 * SECOND, SENT - 2 * SECOND)


def test_an_event_ends_when_it_was_observed():
    start, end, _ = times([(152, 8), (323, 8)], [SENT_S * 1000 - 5000, SENT_S * 1000 - 1])
    assert (start, end) == (SENT - 5 * SECOND, SENT - MS)


def test_an_event_alone_is_start_and_end():
    start, end, _ = times([(323, 8)], [SENT_S * 1000 - 1])
    assert start == end == SENT - MS
    start, end, _ = times([(322, 4)], [SENT_S - 1])
    assert start == end == SENT - SECOND


@pytest.mark.parametrize(("number", "unit"), [(161, MS), (162, 1000)])
def test_a_duration_stands_for_what_is_missing(number, unit):
    start, end, _ = times([(152, 8), (number, 4)], [SENT_S * 1000 - 5000, 20])
    assert (start, end) == (SENT - 5 * SECOND, SENT - 5 * SECOND + 20 * unit)
    start, end, _ = times([(153, 8), (number, 4)], [SENT_S * 1000, 20])
    assert (start, end) == (SENT - 20 * unit, SENT)
    start, end, _ = times([(number, 4)], [20])
    assert (start, end) == (SENT - 20 * unit, SENT)


def test_without_an_end_the_export_stands_for_it():
    start, end, _ = times([(150, 4)], [SENT_S - 5])
    assert (start, end) == (SENT - 5 * SECOND, SENT)


def test_without_any_time_that_of_export_counts_and_is_told_of():
    start, end, heard = times([(4, 1)], [6])
    assert start == end == SENT
    assert heard.counters.notes == [
        "template 256 of 192.0.2.9 tells no times: those of export stand for them"
    ]


def test_both_directions_of_a_biflow_count():
    reverse = [(152, 8, REVERSE_ENTERPRISE), (153, 8, REVERSE_ENTERPRISE)]
    ms = SENT_S * 1000
    fields = [(152, 8), (153, 8), *reverse]
    start, end, _ = times(fields, [ms - 50, ms - 20, ms - 60, ms - 10])
    assert (start, end) == (SENT - 60 * MS, SENT - 10 * MS)
    start, end, _ = times(fields, [ms - 50, ms - 20, 0, 0])
    assert (start, end) == (SENT - 50 * MS, SENT - 20 * MS)


def test_seconds_where_milliseconds_belong():
    start, end, heard = times([(152, 8), (153, 8)], [SENT_S - 60, SENT_S - 1])
    assert (start, end) == (SENT - 60 * SECOND, SENT - SECOND)
    assert heard.counters.repaired == {"seconds where milliseconds belong": 1}


def test_milliseconds_where_seconds_belong():
    start, end, heard = times([(150, 8), (151, 8)], [SENT_S * 1000 - 60, SENT_S * 1000])
    assert (start, end) == (SENT - 60 * MS, SENT)
    assert heard.counters.repaired == {"milliseconds where seconds belong": 1}


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ([(152, 8), (153, 8)], [2**64 - 1, 2**64 - 1]),
        ([(152, 8), (153, 8)], [0, SENT_S * 1000]),
        ([(152, 8), (153, 8)], [2**62, 2**62]),
        ([(150, 8), (151, 8)], [2**63, 2**63]),
        ([(150, 8), (151, 8)], [10**15, 10**15]),
        ([(150, 4), (151, 4)], [0, 0]),
        ([(158, 8), (159, 8)], [2**64 - 1, 0]),
    ],
)
def test_times_that_cannot_be(fields, values):
    heard = Heard(ipfix_flows([*ENDS, *fields], [*PAIR, *values]))
    assert heard.records == []
    assert heard.counters.faulty.total() == heard.counters.rows_seen == 1
    assert "time out of range" in heard.counters.faulty


def test_an_end_before_the_start():
    fields = [*ENDS, (150, 4), (151, 4)]
    heard = Heard(ipfix_flows(fields, [*PAIR, SENT_S, SENT_S - 1]))
    assert heard.counters.faulty == {"end before start": 1}
