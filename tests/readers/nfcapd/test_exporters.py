# SPDX-License-Identifier: Apache-2.0
"""Exporters and samplers."""

import numpy as np
import pytest

import nfcapd_files as f
from minewatch.readers.flowlogs.observers import observation_point
from minewatch.readers.nfcapd import exporters
from minewatch.readers.nfcapd.exporters import Exporters

ADDRESS = (0x2001_0DB8 << 96) | 1


def points(known, number, high=0, low=0):
    halves = (np.array([value], np.uint64) for value in (high, low))
    return int(known.points(np.array([number]), *halves)[0])


def interval(known, number, selector=-1, is_sampled=True):
    found = known.intervals(np.array([number]), np.array([selector]), np.array([is_sampled]))
    return int(found[0])


def test_who_saw_it():
    known = Exporters()
    assert known.learn(exporters.EXPORTER, f.exporter(3))
    assert known.learn(exporters.EXPORTER, f.exporter_ipv6(4, ADDRESS))
    assert known.learn(exporters.EXPORTER, f.exporter(5, domain=8))
    assert points(known, 3) == observation_point("192.0.2.1", "7", "")
    assert points(known, 4) == observation_point("2001:db8::1", "7", "")
    assert points(known, 5) == observation_point("192.0.2.1", "8", "")
    assert points(known, 6) == 0


def test_the_address_that_sent_it_where_the_exporter_is_not_told():
    known = Exporters()
    mapped = 0xFFFF_C000_0201
    assert points(known, 0, low=mapped) == observation_point("192.0.2.1", "", "")
    assert points(known, 0, ADDRESS >> 64, 1) == observation_point("2001:db8::1", "", "")
    known.learn(exporters.EXPORTER, f.exporter(3))
    assert points(known, 3, low=mapped + 1) == observation_point("192.0.2.1", "7", "")


def test_newer_files_have_the_address_in_network_order():
    known = Exporters()
    record = bytearray(f.exporter_ipv6(1, 0))
    record[8:24] = bytes(10) + b"\xff\xff\xc0\x00\x02\x01"
    record[24:26] = b"\0\0"
    assert known.learn(exporters.EXPORTER, bytes(record))
    assert points(known, 1) == observation_point("192.0.2.1", "7", "")


def test_sampling_by_its_number_and_by_default():
    known = Exporters()
    assert interval(known, 3) == 0
    assert known.learn(exporters.SAMPLER, f.sampler(3, 17, 100))
    assert interval(known, 3) == 100  # the only one
    assert known.learn(exporters.OLD_SAMPLER, f.old_sampler(3, -1, 50))
    assert interval(known, 3) == 50
    assert interval(known, 3, selector=17) == 100
    assert interval(known, 3, selector=18) == 50
    assert interval(known, 4) == 0
    assert known.learn(exporters.SAMPLER, f.sampler(3, -3, 7))
    assert interval(known, 3) == 7  # what the user forced
    assert interval(known, 3, is_sampled=False) == 1


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        (exporters.EXPORTER, f.exporter(1)[:31]),
        (exporters.SAMPLER, f.sampler(1, 1, 1)[:20]),
        (exporters.OLD_SAMPLER, f.old_sampler(1, 1, 1)[:12]),
        (exporters.OLD_SAMPLER, f.old_sampler(1, 1, 0)),
        (exporters.SAMPLER, f.sampler(1, 1, 1)[:16] + bytes(8)),
    ],
)
def test_records_that_tell_nothing(kind, record):
    assert not Exporters().learn(kind, record)


def test_no_more_samplers_than_are_remembered(monkeypatch):
    monkeypatch.setattr(exporters, "MAX_SAMPLERS", 2)
    known = Exporters()
    told = [known.learn(exporters.SAMPLER, f.sampler(n, 1, 10)) for n in (1, 2, 3, 1)]
    assert told == [True, True, False, True]
    assert interval(known, 3) == 0
