# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.exporting.drawing import drawn


def test_bits_are_those_of_splitmix64():
    """The first numbers of SplitMix64 from state 0, as its authors' C code prints them."""
    golden = 0x9E37_79B9_7F4A_7C15
    states = np.array([0, golden], np.uint64)
    assert [hex(bits) for bits in drawn(0, states)] == ["0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4"]


def test_every_key_and_the_seed_count():
    a, b = np.arange(1000), np.arange(1000)[::-1]
    rows = [drawn(0, a, b), drawn(1, a, b), drawn(0, b, a), drawn(0, a, a)]
    assert all((one != other).all() for i, one in enumerate(rows) for other in rows[i + 1 :])


def test_draws_are_even():
    shares = np.bincount(drawn(9, np.arange(100_000)) % np.uint64(10), minlength=10)
    assert shares.min() > 9_600
    assert shares.max() < 10_400


def test_negative_keys_and_seeds_are_bits_too():
    assert drawn(-1, np.array([-1]))[0] == drawn((1 << 64) - 1, np.array([-1]))[0]
