# SPDX-License-Identifier: Apache-2.0
import ipaddress

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minewatch.metering.text_numbers import decimal, ipv4_number, is_text, word_before


def placed(text, before, behind):
    """The text among others, and where it starts and ends."""
    start = 16 + len(before)
    return np.frombuffer(bytes(16) + before + text + behind, np.uint8), start, start + len(text)


neighbours = st.binary(max_size=20)


@settings(deadline=None)
@given(st.binary(min_size=8, max_size=8), neighbours)
def test_words(text, other):
    data, _, end = placed(text, other, other)
    assert word_before(data, end) == int.from_bytes(text, "little")


@settings(deadline=None)
@given(st.integers(1, 8), neighbours)
def test_texts_are_compared_whole(length, other):
    text = b"SKIPDATA"[:length]
    data, _, end = placed(text, other, other)
    packed = np.uint64(int.from_bytes(text, "little"))
    assert is_text(data, end, length, packed)
    assert not is_text(data, end, length, packed ^ np.uint64(1))
    assert not is_text(data, end, length, packed ^ np.uint64(1 << 8 * length - 1))


@settings(deadline=None)
@given(st.from_regex(r"[0-9]{1,16}", fullmatch=True), neighbours, neighbours)
@example("0", b"9", b"9")
@example("99999999", b"1", b"1")
@example("100000000", b"1", b"1")
@example("9999999999999999", b"1", b"1")
def test_numbers(text, before, behind):
    assert decimal(*placed(text.encode(), before, behind)) == int(text)


@settings(deadline=None)
@given(st.binary(max_size=20), neighbours)
@example(b"", b"1")
@example(b"12345678901234567", b"1")
@example(b"-1", b"1")
@example(b"1:", b"1")
@example(b"/1", b"1")
@example(b"\xb11", b"1")
@example(b"1\x8a0", b"1")
def test_what_is_no_number(text, other):
    found = decimal(*placed(text, other, other))
    assert found == (int(text) if text.isdigit() and len(text) <= 16 else -1)


@settings(deadline=None)
@given(st.ip_addresses(v=4), neighbours, neighbours)
@example(ipaddress.IPv4Address("0.0.0.0"), b"1.1.1.1", b"1.1.1.1")
@example(ipaddress.IPv4Address("255.255.255.255"), b"1", b"1")
@example(ipaddress.IPv4Address("1.22.255.4"), b".", b".")
def test_addresses(address, before, behind):
    assert ipv4_number(*placed(str(address).encode(), before, behind)) == int(address)


wrong = "1.2.3 1.2.3.4.5 01.2.3.4 1.2.3.00 256.1.1.1 1.1.1.999 1..2.3 .1.2.3.4 1.2.3.4. 1.2.3.x"
wrong += " 1.2.3./ 1234.1.1.1 1.2.3.-1 1.2.3.4/8 1.2.3.\xae ....... 0.0.0.000"
# A letter more than eight octets before the end, where its mark could look like a dot's.
wrong += " 1a.0.10.10 a1.10.10.10 1x0.10.100.1 10a10.100.10 1.2a.100.100"


@pytest.mark.parametrize("text", [*wrong.split(), "", "1.2.3. 4", "1.2.3.\0", "1,2,3,4"])
def test_what_is_no_address(text):
    assert ipv4_number(*placed(text.encode("latin-1"), b"1.", b".1")) == -1


@settings(deadline=None)
@given(st.text("0123456789./", max_size=17))
def test_an_address_is_one_exactly_where_python_says_so(text):
    try:
        expected = int(ipaddress.IPv4Address(text))
    except ValueError:
        expected = -1
    assert ipv4_number(*placed(text.encode(), b"1", b"1")) == expected
