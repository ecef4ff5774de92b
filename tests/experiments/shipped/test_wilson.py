# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.experiments.shipped.wilson import Share


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [  # Newcombe (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_that_of_the_literature(hits, total, low, high):
    assert Share(hits, total).interval == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("total", [1, 2, 10, 12_345, 10**9])
def test_it_is_the_same_from_either_end_and_exact_at_the_ends(total):
    none, all_of_them = Share(0, total), Share(total, total)
    assert none.interval[0] == 0.0
    assert all_of_them.interval[1] == 1.0
    assert all_of_them.interval[0] == pytest.approx(1 - none.interval[1])
    assert 0 < none.interval[1] < 1


def test_of_nothing_nothing_is_known():
    share = Share(0, 0)
    assert (share.value, share.interval, share.text) == (None, None, "none")


@pytest.mark.parametrize(("hits", "total"), [(-1, 3), (4, 3), (1, 0)])
def test_what_is_no_share_is_refused(hits, total):
    with pytest.raises(ValueError, match=f"{hits} of {total}"):
        Share(hits, total)


def test_a_share_is_never_rounded_to_all_or_none():
    assert Share(9_999, 10_000).text == "9,999 of 10,000: 99.99 % (99.943 to 99.9982)"
    assert Share(1, 1_000_000).text == "1 of 1,000,000: 0.0001 % (0.000018 to 0.00057)"
    assert Share(10, 10).text == "10 of 10: 100 % (72 to 100)"
