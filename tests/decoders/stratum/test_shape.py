# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.decoders.stratum import shape


@pytest.mark.parametrize(
    ("value", "expected"),
    [("00fF", True), ("00f", False), ("00fg", False), ("", False), (1234, False), (None, False)],
)
def test_hex_of_a_length(value, expected):
    assert shape.is_hex(value, 4) is expected


@pytest.mark.parametrize(
    ("value", "expected"), [("ab", True), ("abc", False), ("abcdef01", False), (b"ab", False)]
)
def test_hex_of_whole_octets(value, expected):
    assert shape.is_hex_between(value, 2, 6) is expected


def test_hashes():
    assert shape.is_hash("ab" * 32)
    assert shape.is_hash("0x" + "ab" * 32)
    assert not shape.is_hash("0x" + "ab" * 31)
    assert not shape.is_prefixed_hex("ab" * 32, 62)
    assert shape.are_hashes([])
    assert not shape.are_hashes(["ab" * 32] * 65)
    assert not shape.are_hashes("ab")


def test_numbers_and_names():
    assert shape.is_number(0.5)
    assert not shape.is_number(True)
    assert shape.is_name("x")
    assert not shape.is_name("")
    assert not shape.is_name("x" * 9, 8)
    assert shape.item([1], 1) is None


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("XMRig/6.26.0 (Linux)", True),
        ("cgminer/4.10.0", True),
        ("a (X-Mining-Extensions)", True),
        ("MyOwnMiner", True),
        ("Mozilla/5.0 (X11)", False),
        ("python-requests/2.31", False),
        ("examiner", True),  # a price of the general rule: the name alone never decides
        ("", False),
        (7, False),
    ],
)
def test_mining_programs(agent, expected):
    assert shape.is_program(agent) is expected


@pytest.mark.parametrize(
    ("agent", "expected"),
    [("bmw/1.0", True), ("news", False), ("Mozilla/5.0", False), (None, False)],
)
def test_programs_with_a_version(agent, expected):
    assert shape.is_versioned(agent) is expected


@pytest.mark.parametrize(
    ("login", "password", "expected"),
    [
        ("ETC:0x58c8419264fff151bd64ce4e6e468d9e696fde50.rig2#abcd-1234", "x", "ETC"),
        ("http://user", "x", None),
        ("user.w", "c=LTC", "LTC"),
        ("user.w", "d=4096,c=DASH,stats", "DASH"),
        ("user.w", "abc=LTC", None),
        (None, None, None),
    ],
)
def test_the_coin_to_be_paid_in(login, password, expected):
    assert shape.coin_of(login, password) == expected
