# SPDX-License-Identifier: Apache-2.0
import zlib

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minewatch.metering.text_checksum import MAX_TEXT, checksum, checksum_of_pair, checksum_table

TABLE = checksum_table()


@settings(deadline=None)
@given(st.binary(max_size=MAX_TEXT), st.binary(max_size=9))
@example(b"", b"")
@example(b"x" * MAX_TEXT, b"y")
def test_it_is_the_checksum_of_zlib(text, other):
    data = np.frombuffer(other + text + other, np.uint8)
    assert checksum(data, len(other), len(other) + len(text), TABLE) == zlib.crc32(text)


@settings(deadline=None)
@given(st.binary(max_size=40), st.binary(max_size=MAX_TEXT - 41), st.binary(max_size=9))
def test_a_pair_has_a_zero_octet_between(first, second, other):
    data = np.frombuffer(first + other + second, np.uint8)
    start = len(first) + len(other)
    found = checksum_of_pair(data, 0, len(first), start, start + len(second), TABLE)
    assert found == zlib.crc32(first + b"\0" + second)
