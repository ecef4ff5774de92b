# SPDX-License-Identifier: Apache-2.0
"""Texts as numbers, times and addresses."""

import ipaddress

import numpy as np
import polars as pl
import pytest

from minewatch.address import halves_of
from minewatch.readers.flowlogs import columns
from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.records import RecordCounters


def faults_of(n):
    return RowFaults(np.arange(1, n + 1), "a:{}".format)


def reasons(faults):
    counters = RecordCounters()
    faults.settle(counters, strict=False)
    return dict(counters.faulty)


def test_whole_numbers_of_texts():
    texts = pl.Series(["0", "65535", None, "65536", "-1", "1.5", "x", "9" * 30])
    faults = faults_of(8)
    numbers = columns.whole_numbers(texts, faults, "port", 65_535)
    assert numbers[:3].tolist() == [0, 65_535, -1]
    assert faults.fine.tolist() == [True] * 3 + [False] * 5
    assert reasons(faults) == {"port is out of range": 2, "port is no number": 3}


def test_whole_numbers_of_numbers():
    faults = faults_of(3)
    numbers = columns.whole_numbers(pl.Series([5, None, 1 << 62]), faults, "bytes", missing=0)
    assert numbers[:2].tolist() == [5, 0]
    assert reasons(faults) == {"bytes is out of range": 1}


def test_nanoseconds_are_rounded():
    texts = pl.Series(["1.0000019", "1.0000011"])
    found = columns.nanoseconds(texts, RowFaults(np.arange(2), str), "ts").tolist()
    assert found == [1_000_002_000, 1_000_001_000]


def test_nanoseconds_are_exact_to_the_microsecond():
    texts = pl.Series(["1379288667.706265", "1700828217.313984", "0", None, "4102444799.999999"])
    faults = faults_of(5)
    assert columns.nanoseconds(texts, faults, "ts").tolist() == [
        1379288667706265000,
        1700828217313984000,
        0,
        0,
        4102444799999999000,
    ]
    assert faults.fine.all()


def test_milliseconds():
    faults = faults_of(2)
    times = columns.nanoseconds(pl.Series(["1700828217313", "1"]), faults, "t", unit_ns=10**6)
    assert times.tolist() == [1700828217313000000, 1000000]
    assert faults.fine.all()


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1e300", "1700828217000", "x", ""])
def test_what_is_no_time(text):
    faults = faults_of(1)
    assert columns.nanoseconds(pl.Series([text]), faults, "ts").tolist() == [0]
    assert not faults.fine.any()


def test_an_end_after_all_time():
    faults = faults_of(2)
    start = np.array([9 * 10**18, 5])
    assert columns.ends(start, np.array([9 * 10**18, 2]), faults).tolist() == [9 * 10**18, 7]
    assert faults.fine.tolist() == [False, True]


ADDRESSES = [
    "0.0.0.0",
    "255.255.255.255",
    "10.200.3.4",
    "2001:db8::1",
    "::",
    "::ffff:10.0.0.1",
    "fe80::1%eth0",
]


def test_addresses_are_those_of_the_standard_library():
    faults = faults_of(len(ADDRESSES))
    high, low = columns.addresses(pl.Series(ADDRESSES), faults, "source")
    assert faults.fine.all()
    assert list(zip(high.tolist(), low.tolist(), strict=True)) == [halves_of(a) for a in ADDRESSES]
    assert columns.is_ipv6((high, low)).tolist() == [False] * 3 + [True, True, False, True]


BAD = ["256.1.1.1", "01.2.3.4", "1.2.3", "1.2.3.4.5", "1.2.3.4 ", "+1.2.3.4", "x", "", "1::2::3"]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_address(text):
    with pytest.raises(ValueError, match=r".*"):
        ipaddress.ip_address(text)
    faults = faults_of(3)
    high, low = columns.addresses(pl.Series(["10.0.0.1", text, "::1"]), faults, "source")
    assert faults.fine.tolist() == [True, False, True]
    assert (high[1], low[1]) == (0, 0)
    assert low[2] == 1


def test_a_missing_address():
    faults = faults_of(2)
    columns.addresses(pl.Series([None, "10.0.0.1"], dtype=pl.String), faults, "source")
    assert reasons(faults) == {"source is missing": 1}


def test_mapped():
    texts = pl.Series(["a", None, "b", "c"])
    assert columns.mapped(texts, {"a": 1, "b": 2}, 0).tolist() == [1, 0, 2, 0]
    assert columns.mapped(texts, {}).tolist() == [-1] * 4
