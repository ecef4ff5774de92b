# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from exported_talk import OTHER_HOME, TALK, S, ends, log_of, packets, told
from minewatch.exporting import settings as s
from minewatch.exporting import telling
from minewatch.exporting import windows as w


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


def test_answers_of_icmp_are_no_exchanged_ports():
    talk = packets((1, 84, True, 0), (2, 84, False, 0))
    ports = ("source_transport_port", "destination_transport_port")
    for protocol, request, answer in ((1, 8 * 256, 0), (58, 128 * 256, 129 * 256), (1, 3 * 256, 0)):
        records = w.log_records(talk, ends(protocol=protocol, ports=(0, request)), s.ipfix())
        assert told(records, *ports) == [(0, request), (0, answer)]


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


@pytest.mark.parametrize(
    ("flags", "is_forced", "reasons"),
    [(0x18, False, [2, 2, 1]), (0x18, True, [4, 4, 4]), (0x11, True, [3, 3, 3])],
)
def test_an_exporter_tells_why_a_record_ended(flags, is_forced, reasons):
    steady = packets(*((t, 100, True, flags) for t in range(0, 130, 10)))
    rows = w.windowed(w.observed(steady, ends(), s.ipfix()), s.ipfix())
    told_rows = telling.logged(rows, ends(), s.ipfix(), is_forced=is_forced)
    assert told_rows["flow_end_reason"].to_list() == reasons
    assert set(telling.logged(rows, ends(), s.gcp())["flow_end_reason"]) == {0}


def test_clouds_count_what_they_sampled_up_again():
    rows = w.windowed(w.observed(TALK, ends(), s.gcp(900, 10)), s.gcp(900, 10))
    records = telling.as_records(telling.logged(rows, ends(), s.gcp(900, 10)))
    counts = ("packet_delta_count", "payload_octet_count", "octet_delta_count")
    assert told(records, *counts) == [(30, 2200, -1), (30, 6200, -1)]


def test_a_record_says_whose_interface_saw_it():
    both = ends(responder=OTHER_HOME, homes=(True, True))
    rows = w.windowed(w.observed(TALK, both, s.gcp(900, 1)), s.gcp(900, 1))
    frame = telling.logged(rows, both, s.gcp(900, 1))
    seen = frame.select("source_transport_port", "by_source", "observer").rows()
    own, other = (observer for port, by_source, observer in sorted(seen) if by_source)
    assert sorted(seen) == sorted(
        [(40000, True, other), (40000, False, own), (3333, True, own), (3333, False, other)]
    )


@pytest.mark.parametrize(
    ("flags", "after_s", "begins_s"),
    [(0x18, 240, 10), (0x18, 240.001, 250.001), (0x14, 30, 40)],
    ids=["goes on", "forgotten", "closed"],
)
def test_a_record_of_azure_tells_of_the_time_since_the_one_before(flags, after_s, begins_s):
    settings = s.azure_vnet(5)
    talk = packets((0, 60, True, 2), (10, 60, True, flags), (10 + after_s, 60, True, 0x10))
    records = telling.continued(log_of(talk, ends(), settings), settings)
    assert records.sort("flow_end_nanoseconds")["flow_start_nanoseconds"][-1] == begins_s * S
