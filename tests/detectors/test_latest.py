# SPDX-License-Identifier: Apache-2.0
import gc
import weakref

import polars as pl

from minewatch.detectors.latest import Latest


def counting():
    calls = []
    return calls, Latest(lambda frame: calls.append(frame.height) or frame.height)


def test_a_table_is_computed_once_and_another_one_anew():
    calls, latest = counting()
    one, two = pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1, 2]})
    assert [latest.of(one), latest.of(one), latest.of(two), latest.of(one)] == [1, 1, 2, 1]
    assert calls == [1, 2, 1]


def test_an_equal_table_is_another_one():
    calls, latest = counting()
    one = pl.DataFrame({"a": [1]})
    latest.of(one)
    latest.of(one.clone())
    assert calls == [1, 1]


def test_no_table_is_kept_alive():
    _, latest = counting()
    frame = pl.DataFrame({"a": [1]})
    seen = weakref.ref(frame)
    latest.of(frame)
    del frame
    gc.collect()
    assert seen() is None
