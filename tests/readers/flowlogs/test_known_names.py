# SPDX-License-Identifier: Apache-2.0
"""Names are kept once, and not without end."""

import pytest

from minewatch.readers.flowlogs import known_names
from minewatch.readers.flowlogs.known_names import KnownNames
from minewatch.records import UNKNOWN, Names


@pytest.fixture
def names():
    return Names()


@pytest.fixture
def known(names):
    return KnownNames(names)


def test_a_server_has_one_place(known, names):
    assert [known.server(name) for name in ("a", "b", "a", None, "", "x" * 256)] == [
        0,
        1,
        0,
        UNKNOWN,
        UNKNOWN,
        UNKNOWN,
    ]
    assert names.servers == ["a", "b"]


def test_the_first_name_of_an_address_counts(known, names):
    known.answer("192.0.2.1", "a")
    known.answer("192.0.2.1", "b")
    known.answer("2001:db8::1", "c")
    for address, name in ((None, "d"), ("cname.example", "d"), ("192.0.2.9", None), (5, "d")):
        known.answer(address, name)
    known.answer("192.0.2.9", "x" * 256)
    assert names.answers == {(0, 0xFFFF_C000_0201): "a", (0x2001_0DB8 << 32, 1): "c"}
    assert known.note() is None


def test_names_without_end_are_left_out(known, names, monkeypatch):
    monkeypatch.setattr(known_names, "MAX_SERVERS", 2)
    monkeypatch.setattr(known_names, "MAX_ANSWERS", 1)
    assert [known.server(name) for name in "abca"] == [0, 1, UNKNOWN, 0]
    known.answer("192.0.2.1", "a")
    known.answer("192.0.2.2", "b")
    assert len(names.servers) == 2
    assert len(names.answers) == 1
    assert known.note().startswith("2 names ")
