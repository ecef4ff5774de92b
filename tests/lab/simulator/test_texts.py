# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.lab.simulator.texts import NOTHING, Texts


def test_texts_are_stored_once_and_found_by_number():
    texts = Texts()
    first, again = texts.add(b"abc"), texts.add(b"abc")
    each = texts.add_each([b"de", b"de"])
    assert first == again
    assert each.tolist() == [2, 3]
    assert texts.add(b"") == NOTHING
    assert texts.lengths().tolist() == [0, 3, 2, 2]
    assert texts.blob().tobytes() == b"abcdede"


def test_pick_draws_all_of_them():
    texts = Texts()
    numbers = texts.pick([b"a", b"b", b"c"], np.random.default_rng(1), 100)
    assert set(numbers.tolist()) == {1, 2, 3}
