# SPDX-License-Identifier: Apache-2.0
"""An observer has one number, in every run."""

from minewatch.readers.flowlogs.observers import observation_point


def test_the_number_is_the_same_in_every_run():
    assert observation_point("eni-0a1b") == 3_973_426_521


def test_parts_do_not_run_together():
    assert observation_point("ab", "c") != observation_point("a", "bc")
    assert observation_point("a", "") != observation_point("", "a")


def test_nothing_known_is_zero():
    assert observation_point() == observation_point("") == 0
