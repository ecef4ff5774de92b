# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.cli.checkup.clock import adjtimex, check_clock


@pytest.mark.parametrize(
    ("answer", "level", "said"),
    [
        ((0, 0, 2_000), "ok", "synchronised, wrong by 0.002 s at most"),
        ((0, 0x2001, 0), "ok", "synchronised"),
        ((5, 0, 0), "warn", "nothing keeps it"),
        ((0, 0x40, 0), "warn", "nothing keeps it"),
        ((0, 0, 16_000_000), "warn", "wrong by 16.0 s"),
    ],
)
def test_what_the_kernel_says(answer, level, said):
    (found,) = check_clock(lambda: answer)
    assert found.level == level
    assert said in found.text


def test_a_kernel_that_does_not_tell():
    def refuse():
        raise OSError(1, "Operation not permitted")

    (found,) = check_clock(refuse)
    assert found.level == "warn"
    assert "Operation not permitted" in found.text


def test_the_kernel_of_this_machine_agrees_with_itself():
    """The largest error grows by 500 us a second and is 16 s at most, by its own definition."""
    state, status, error_us = adjtimex()
    assert 0 <= state <= 5
    assert 0 <= status < 1 << 16
    assert 0 <= error_us <= 16_000_000
    # The state is TIME_ERROR whenever the bit for `not synchronised` is set.
    assert not status & 0x40 or state == 5
