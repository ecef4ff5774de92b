# SPDX-License-Identifier: Apache-2.0
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minewatch.metering.octets import be16, be32, be64, le32, octet, word16, word32


@given(st.binary(min_size=8, max_size=24), st.data())
def test_numbers_are_those_of_python(data, draw):
    at = draw.draw(st.integers(0, len(data) - 8))
    array = np.frombuffer(data, np.uint8)

    def number(size, order, signed=False):
        return int.from_bytes(data[at : at + size], order, signed=signed)

    assert octet(array, at) == data[at]
    assert be16(array, at) == word16(array, at, True) == number(2, "big")
    assert word16(array, at, False) == number(2, "little")
    assert be32(array, at) == word32(array, at, True) == number(4, "big")
    assert le32(array, at) == word32(array, at, False) == number(4, "little")
    assert be64(array, at) == number(8, "big", signed=True)
