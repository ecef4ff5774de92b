# SPDX-License-Identifier: Apache-2.0
import re

import polars as pl

from exported_talk import TALK, ends, log_of, packets
from minewatch.exporting import settings as s
from minewatch.exporting.zeek import FIELDS, ZeekText

HEAD = """\
#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\tconn
#open\t1970-01-01-00-01-40
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\t\
resp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\t\
resp_pkts\tresp_ip_bytes\ttunnel_parents
#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\t\
bool\tcount\tstring\tcount\tcount\tcount\tcount\tset[string]
"""


def written(*parts):
    writer = ZeekText()
    text = writer.head() + b"".join(writer.rows(part) for part in parts) + writer.end()
    return text.decode()


def rows(*parts):
    lines = [line for line in written(*parts).splitlines() if not line.startswith("#")]
    return [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in lines]


def test_a_connection_is_a_line_between_head_and_close():
    text = written(log_of(TALK, ends(), s.zeek()))
    assert text.startswith(HEAD)
    assert text.endswith("#close\t1970-01-01-00-03-05\n")
    line = text.removeprefix(HEAD).splitlines()[0]
    assert re.sub(r"C[0-9A-Za-z]{11}", "UID", line) == "\t".join(
        "100.250000 UID 10.0.0.5 40000 203.0.113.7 3333 tcp - 84.750000 220 620 S1 T F 0 SADhad"
        " 3 340 3 740 -".split()
    )


def test_one_packet_has_neither_duration_nor_octets_of_payload():
    (row,) = rows(log_of(packets((1.5, 100, True, 0)), ends(protocol=17), s.zeek()))
    shown = ("ts", "duration", "orig_bytes", "resp_bytes", "conn_state", "history", "proto")
    assert [row[name] for name in shown] == ["1.500000", "-", "-", "-", "S0", "D", "udp"]
    (row,) = rows(log_of(packets((1.5, 40, True, 0)), ends(protocol=17), s.zeek()))
    assert row["history"] == "-"


def test_icmp_has_type_and_code_for_ports():
    ping = packets((1, 84, True, 0), (2, 84, False, 0))
    (row,) = rows(log_of(ping, ends(protocol=1, ports=(0, 3 * 256 + 1)), s.zeek()))
    assert (row["proto"], row["id.orig_p"], row["id.resp_p"]) == ("icmp", "3", "1")


def test_times_are_of_microseconds_and_never_rounded_up():
    talk = packets((1, 100, True, 0), (2, 100, True, 0)).with_columns(
        time_ns=pl.Series([1_000_000_999, 2_000_007_001])
    )
    (row,) = rows(log_of(talk, ends(protocol=17), s.zeek()))
    assert (row["ts"], row["duration"]) == ("1.000000", "1.000007")


def test_each_connection_has_a_name_of_its_own():
    many = pl.concat(packets((c, 100, True, 2), conversation=c) for c in range(1, 500))
    both = pl.concat(ends(c) for c in range(1, 500))
    names = [row["uid"] for row in rows(log_of(many, both, s.zeek()))]
    assert len(set(names)) == 499


def test_the_head_stands_once():
    told = log_of(TALK, ends(), s.zeek())
    assert written(told, told).count("#fields") == 1
    nothing = log_of(packets(), ends(), s.zeek())
    assert written(nothing).count("#fields") == written().count("#fields") == 1
