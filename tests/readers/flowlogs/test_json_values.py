# SPDX-License-Identifier: Apache-2.0
"""Values as exporters write them; what they cannot be is told with what was found."""

import pytest

from minewatch.readers.flowlogs.columns import MAX_COUNT
from minewatch.readers.flowlogs.json_values import (
    RowError,
    address,
    epoch_time,
    protocol_number,
    shown,
    time_of,
    whole_number,
)


@pytest.mark.parametrize(
    ("value", "number"),
    [(0, 0), (7, 7), ("7", 7), ("007", 7), (7.0, 7), (None, -1), ("", -1), (MAX_COUNT, MAX_COUNT)],
)
def test_whole_numbers(value, number):
    assert whole_number(value, "bytes") == number


@pytest.mark.parametrize("value", [-1, "-1", MAX_COUNT + 1, 10**30, str(MAX_COUNT + 1), -5.0])
def test_numbers_out_of_range(value):
    with pytest.raises(RowError, match=r"bytes is out of range; 0 to \d+ can be; found"):
        whole_number(value, "bytes")


@pytest.mark.parametrize(
    "value", [1.5, float("inf"), float("nan"), "1.5", "x", "1_0", " 1", "+1", "9" * 40, "-"]
)
def test_what_is_no_whole_number(value):
    with pytest.raises(RowError, match="bytes is no whole number; found"):
        whole_number(value, "bytes")


def test_missing_numbers_may_stand_for_another():
    assert whole_number(None, "port", 65535, 0) == 0
    with pytest.raises(RowError, match="0 to 65535"):
        whole_number(65536, "port", 65535, 0)


@pytest.mark.parametrize(
    ("text", "halves"),
    [
        ("192.0.2.7", (0, 0xFFFF_C000_0207)),
        ("2001:db8::1", (0x2001_0DB8 << 32, 1)),
        ("::ffff:192.0.2.7", (0, 0xFFFF_C000_0207)),
        ("fe80::1%eth0", (0xFE80 << 48, 1)),
    ],
)
def test_addresses(text, halves):
    assert address(text) == halves


@pytest.mark.parametrize(
    "text",
    ["", "x", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4\0", ":", "1.2.3.4/8", "::1%" + "x" * 99],
)
def test_no_address(text):
    with pytest.raises(RowError, match="no address; found"):
        address(text)


def test_times():
    assert time_of("1970-01-01T00:00:01Z", "start") == 10**9
    for text, reason in (
        ("1970-01-01T00:00:01", "start has no zone"),
        ("x", "start has no zone"),
        ("1970-13-01T00:00:01Z", "start is no time"),
        (None, "start is missing"),
    ):
        with pytest.raises(RowError, match=reason):
            time_of(text, "start")


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (1, 10**9, 10**9),
        ("1542110402", 10**9, 1542110402 * 10**9),
        (1663146003599, 10**6, 1663146003599 * 10**6),
        (1533196939.18745, 10**9, 1533196939187450000),
        (0, 10**9, 0),
    ],
)
def test_epoch_times(value, unit, expected):
    assert epoch_time(value, "time", unit) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "time is missing"),
        ("", "time is missing"),
        (-1, "time is out of range"),
        (-0.5, "time is out of range"),
        (1e300, "time is out of range"),
        (float("nan"), "time is out of range"),
        (9_000_000_001, "time is out of range"),
        ("x", "time is no whole number"),
    ],
)
def test_no_epoch_time(value, reason):
    with pytest.raises(RowError, match=reason):
        epoch_time(value, "time", 10**9)


@pytest.mark.parametrize(
    ("value", "number"), [(6, 6), ("TCP", 6), ("udp", 17), ("IPv6-ICMP", 58), ("058", 58), (0, 0)]
)
def test_protocols(value, number):
    assert protocol_number(value, "proto") == number


@pytest.mark.parametrize("value", [None, "", "tcpx", 256, -1, "1.0"])
def test_no_protocol(value):
    with pytest.raises(RowError, match="proto is"):
        protocol_number(value, "proto")


def test_what_is_shown_is_short_and_harmless():
    assert shown("a\x1b[31m\nb") == "'a\\x1b[31m\\nb'"
    assert shown("\u202e") == "'\\u202e'"
    assert len(shown("a" * 10_000)) < 70
