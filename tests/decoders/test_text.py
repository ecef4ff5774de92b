# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.decoders.text import printable, shortened


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("XMRig/6.26.0", "XMRig/6.26.0"),
        ("\x1b]0;owned\x07", "?]0;owned?"),
        ("a\ud800b\u202ec", "a?b?c"),
        ("  ", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_only_printable_ascii_leaves(value, expected):
    assert printable(value, 64) == expected


def test_length_is_bounded():
    assert printable("x" * 10_000, 64) == "x" * 64


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("4AAAAAAABBBBBBBBBBwxyz", "4AAAAAAA…wxyz"),
        ("user.worker1", "user.worker1"),
        ("\x1b" * 40, "????????…????"),
        (None, None),
        ("", None),
    ],
)
def test_a_login_is_shortened(value, expected):
    assert shortened(value) == expected
