# SPDX-License-Identifier: Apache-2.0
"""The kernel must mean what ``readers/flowlogs/aws_lines.py`` means, or leave a line to it."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minewatch.metering import text_records as kernel
from minewatch.metering.text_checksum import checksum_table
from minewatch.metering.text_scan import SCAN_OCTETS, index_lines
from minewatch.readers.flowlogs.aws_fields import DEFAULT_FIELDS, layout_of
from minewatch.readers.flowlogs.aws_lines import MILLISECONDS, LineError, fields_of, read_line
from minewatch.records import new_records

TABLE = checksum_table()
DEFAULT = layout_of(DEFAULT_FIELDS)
UNSTATED = layout_of(DEFAULT_FIELDS, is_stated=False)
CUSTOM = layout_of(
    "interface-id vpc-id pkt-dstaddr pkt-srcaddr dstaddr srcaddr tcp-flags end start protocol"
    " dstport srcport log-status".split()
)
GATEWAY = layout_of(
    "tgw-attachment-id tgw-id srcaddr dstaddr srcport dstport protocol bytes packets start end"
    " log-status tcp-flags".split()
)
PARALLEL = layout_of("pkt-srcaddr pkt-dstaddr srcport dstport protocol start end".split())
LAYOUTS = [DEFAULT, UNSTATED, CUSTOM, GATEWAY, PARALLEL]
USUAL = (
    b"2 123456789010 eni-1 10.0.0.1 192.0.2.7 49152 443 6 20 4249 1418530010 1418530070 ACCEPT OK"
)


def fill(text, layout, n_records=100):
    """Run the kernel over whole lines; return where it stopped, the records and the counts."""
    margin = b"2 eni-9\n" * (SCAN_OCTETS // 8)
    data = np.frombuffer(margin + text + margin, np.uint8)
    field_ends, line_ends = np.empty((2, len(text) + 2), np.int32)
    n = index_lines(data, SCAN_OCTETS, SCAN_OCTETS + len(text), field_ends, line_ends)
    records = new_records(n_records)
    records.view(np.uint8)[:] = 0xAA  # nothing may be left over from former records
    counts = np.zeros(kernel.COUNTS, np.int64)
    stop = kernel.fill_records(
        data, field_ends, line_ends, (0, n), layout.words, TABLE, records, counts
    )
    return stop, records[: counts[kernel.C_ROWS]], counts.tolist()


number = st.one_of(
    st.integers(0, 1 << 64).map(str), st.sampled_from(["-", "", "0", "007", "65535", "65536", "x"])
)
octets = st.sampled_from(["0", "9", "10", "099", "255", "256", "", "1a"])
address = st.one_of(
    st.ip_addresses().map(str),
    st.lists(octets, min_size=3, max_size=5).map(".".join),
    st.sampled_from(["-", "", "fe80::1%2", "::ffff:1.2.3.4", "::", "1::2::3"]),
)
time = st.one_of(
    st.integers(1418530000, 1418530100).map(str),
    st.integers(1418530000_000, 1418530100_000).map(str),
    st.sampled_from(["-", "631151999", "631152000", "4102444800", "4102444801", "631152000000"]),
)
identity = st.one_of(
    st.text("-abc019", max_size=12), st.sampled_from(["eni-" + "0" * 60, "-", "x" * 65, "\xe9"])
)
VALUES = {
    "version": st.sampled_from("2 2 2 3 -".split()),
    "action": st.sampled_from(["ACCEPT", "REJECT", "-", "", "ALLOW", "REJECTED"]),
    "log-status": st.sampled_from(["OK", "OK", "NODATA", "SKIPDATA", "-", "ok", "NODATUM"]),
    "tcp-flags": st.sampled_from("0 1 2 3 18 19 255 256 - -1 x".split()),
    "protocol": st.sampled_from("6 17 1 58 255 256 -".split()),
    **dict.fromkeys(["srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"], address),
    **dict.fromkeys(["srcport", "dstport", "packets", "bytes"], number),
    **dict.fromkeys(["start", "end"], time),
}
SANE = {
    "version": "2",
    "action": "ACCEPT",
    "log-status": "OK",
    "tcp-flags": "2",
    "protocol": "6",
    **dict.fromkeys(["srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"], "10.0.0.1"),
    **dict.fromkeys(["srcport", "dstport", "packets", "bytes"], "443"),
    **dict.fromkeys(["start", "end"], "1418530010"),
}


@st.composite
def lines(draw, layout):
    """A line that is wrong in few places, so that some are right."""
    values = [SANE.get(name, "eni-1") for name in layout.fields]
    for place in draw(st.lists(st.integers(0, len(values) - 1), max_size=3)):
        values[place] = draw(VALUES.get(layout.fields[place], identity))
    line = " ".join(values) + draw(st.sampled_from(["", "", "", "\r", " ", " x", "  "]))
    return line.encode()


def understood(line, layout):
    """What the slower code says of the line: its status, and its record if it has one."""
    records = new_records(1)
    try:
        status = read_line(fields_of(line, len(layout.fields)), layout, records[0])
    except LineError:
        return "faulty", None
    return status, records.tolist()


@settings(deadline=None, max_examples=2000)
@given(st.data(), st.sampled_from(LAYOUTS), st.booleans())
def test_it_means_what_the_slower_code_means(data, layout, takes_milliseconds):
    line = data.draw(lines(layout))
    layout.words[kernel.TAKES_MILLISECONDS] = takes_milliseconds
    stop, records, counts = fill(line + b"\n", layout)
    status, expected = understood(line, layout)
    if stop == 0:
        assert counts == [0, 0, 0, 0]
    elif expected is None or status in ("NODATA", "SKIPDATA"):
        assert counts == [0, status == "NODATA", status == "SKIPDATA", 0]
    else:
        assert records.tolist() == expected
        assert counts == [1, 0, 0, status == MILLISECONDS]
        assert takes_milliseconds or status != MILLISECONDS


@settings(deadline=None, max_examples=300)
@given(st.lists(st.binary(max_size=90).filter(lambda line: b"\n" not in line), max_size=6))
@example([USUAL[:60], USUAL, b""])
@example([USUAL + b"\r", USUAL.replace(b" ", b"\0")])
def test_it_stops_at_the_first_line_that_is_not_usual(texts):
    usual = [USUAL] * 3
    for text in texts:
        stop, records, _ = fill(b"".join(line + b"\n" for line in [*usual, text, USUAL]), DEFAULT)
        status, _ = understood(text, DEFAULT)
        assert (stop, len(records)) == ((3, 3) if status == "faulty" else (5, 5))


def test_it_stops_when_the_records_are_full():
    stop, records, counts = fill((USUAL + b"\n") * 10, DEFAULT, n_records=4)
    assert (stop, len(records), counts) == (4, 4, [4, 0, 0, 0])


@pytest.mark.parametrize(
    ("octets", "is_read"), [(kernel.MAX_LINE_OCTETS, True), (kernel.MAX_LINE_OCTETS + 1, False)]
)
def test_a_line_has_a_longest_length(octets, is_read):
    line = USUAL.replace(b"1234567890", b"1" * (octets - len(USUAL) + 9)) + b"\n"
    assert len(line) == octets
    assert fill(line, DEFAULT)[0] == is_read


def test_usual_lines_are_not_left_to_the_slower_code():
    version_6 = USUAL.replace(b"10.0.0.1", b"2001:db8::1").replace(b"192.0.2.7", b"2001:db8::2")
    no_data = b"2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA"
    text = [USUAL, version_6, no_data, USUAL.replace(b"ACCEPT", b"REJECT"), USUAL + b"\r"]
    text += [no_data.replace(b"NODATA", b"SKIPDATA")]
    stop, records, counts = fill(b"".join(line + b"\n" for line in text), DEFAULT)
    assert (stop, counts) == (6, [4, 1, 1, 0])
    assert records["firewall_event"].tolist() == [0, 0, 3, 0]
