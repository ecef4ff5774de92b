# SPDX-License-Identifier: Apache-2.0
import pytest

from made_up_records import talk
from minewatch.watching.saving import load_any, save_any
from watched import new_watch
from watched_records import new_record_watch


@pytest.mark.parametrize("make", [new_watch, new_record_watch])
def test_each_kind_of_watch_comes_back(make):
    head, arrays = save_any(make(), ["a", 1])
    assert load_any(make(), head, arrays) == ["a", 1]


def test_a_watch_of_packets_does_not_go_on_from_one_of_records():
    watch = new_record_watch()
    list(watch.feed(talk(3)))
    with pytest.raises((ValueError, KeyError)):
        load_any(new_watch(), *save_any(watch, []))
    with pytest.raises((ValueError, KeyError)):
        load_any(new_record_watch(), *save_any(new_watch(), []))
