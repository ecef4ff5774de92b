# SPDX-License-Identifier: Apache-2.0
"""Walks over blocks of nfdump's files."""

import numpy as np

import nfcapd_files as f
from minewatch.metering.nfcapd import ABSENT, find_elements, find_records


def records(octets, room=10):
    rows = np.zeros((room, 3), np.int64)
    n, at = find_records(np.frombuffer(octets, np.uint8), rows)
    return rows[:n].tolist(), at


def test_records_and_where_they_end():
    octets = f.exporter(1) + f.flow()
    assert records(octets) == ([[0, 7, 32], [32, 11, 76]], 108)
    assert records(octets, room=1) == ([[0, 7, 32]], 32)
    assert records(b"") == ([], 0)


def test_a_record_that_is_not_whole_ends_the_walk():
    octets = f.exporter(1)
    assert records(octets + octets[:31]) == ([[0, 7, 32]], 32)
    assert records(octets + b"\x07\x00\x03\x00" + bytes(8)) == ([[0, 7, 32]], 32)
    assert records(octets + b"\x07\x00") == ([[0, 7, 32]], 32)


def places(record, room=None):
    octets = np.frombuffer(record, np.uint8)
    rows = np.array([[0, 11, len(record) if room is None else room]], np.int64)
    columns = np.array([-1, 0, 1], np.int64)
    found = np.zeros((1, 2), np.int64)
    n_bad = find_elements(octets, rows, 12, columns, np.array([48, 8], np.int64), found)
    return n_bad, found[0].tolist()


def test_elements_and_those_that_nobody_asks_for():
    assert places(f.record(f.generic(), f.ipv4())) == (0, [16, 68])
    assert places(f.record(f.element(9, b"1234"), f.ipv4())) == (0, [ABSENT, 24])
    assert places(f.record()) == (0, [ABSENT, ABSENT])


def test_elements_that_do_not_fit_their_record():
    whole = f.record(f.generic(), f.ipv4())
    for end in range(4, len(whole)):
        assert places(whole, end)[0] == 1
        assert places(whole, end)[1][0] == -2
    too_short = f.record(f.element(1, bytes(47)))
    assert places(too_short) == (1, [-2, ABSENT])
    no_length = f.record(b"\x01\x00\x00\x00")
    assert places(no_length) == (1, [-2, ABSENT])


def test_more_elements_promised_than_there_are():
    record = bytearray(f.record(f.generic()))
    record[4:6] = b"\xff\xff"
    assert places(bytes(record)) == (1, [-2, ABSENT])
