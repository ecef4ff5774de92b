# SPDX-License-Identifier: Apache-2.0
import itertools

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minewatch.metering.text_scan import SCAN_OCTETS, count_ones, index_lines, lowest_one


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1))
@example(0)
@example(2**64 - 1)
def test_bits(number):
    assert count_ones(np.uint64(number)) == number.bit_count()
    lowest = (number & -number).bit_length() - 1 if number else 64
    assert lowest_one(np.uint64(number)) == lowest


def indexed(text, start):
    """The lines of ``text`` as lists of fields, found behind ``start`` octets of something else."""
    data = np.frombuffer(b"\n" * start + text + b"\n \n" * SCAN_OCTETS, np.uint8)
    field_ends, line_ends = np.full((2, len(text) + 2), -1, np.int32)
    n = index_lines(data, start, start + len(text), field_ends, line_ends)
    lines = []
    for k in range(n):
        ends = field_ends[line_ends[k] : line_ends[k + 1] + 1].tolist()
        assert data[ends[-1]] == ord("\n")
        lines.append([data[a + 1 : b].tobytes() for a, b in itertools.pairwise(ends)])
    return lines


texts = st.lists(st.sampled_from([b" ", b"\n", b"\t", b"\r", b"\0", b"ab", b"-", b"\xff" * 70]))


@settings(deadline=None)
@given(texts.map(b"".join), st.integers(0, 130))
@example(b"a b\nc\n", 0)
@example(b"\n" * 200, 64)
def test_fields_and_lines_are_those_of_python(text, start):
    text += b"\n"
    spaces = bytes(32 if octet < 32 and octet != 10 else octet for octet in range(256))
    expected = [line.split(b" ") for line in text.translate(spaces).split(b"\n")[:-1]]
    assert indexed(text, start) == expected


def test_what_follows_the_last_line_feed_is_no_line():
    assert indexed(b"a b\nc d", 3) == [[b"a", b"b"]]
    assert indexed(b"", 3) == []
