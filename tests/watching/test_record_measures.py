# SPDX-License-Identifier: Apache-2.0
from made_up_records import START, talk
from minewatch.watching.record_measures import measures_of_records
from watched_records import NS, new_record_watch, told_of


class Kept:
    written = 3


def by_name(watch, kept=None):
    found = {
        (one.name, *one.labels.values()): one.value for one in measures_of_records(watch, kept)
    }
    assert len(found) == len(list(measures_of_records(watch, kept)))
    return found


def test_a_new_watch_has_no_time():
    found = by_name(new_record_watch())
    assert ("data_timestamp_seconds",) not in found
    assert ("checkpoints",) not in found
    assert found["records",] == 0


def test_what_it_did_and_holds_is_told():
    watch = new_record_watch()
    list(watch.feed(talk(10)))
    found = by_name(watch, Kept)
    assert (found["records",], found["tcp_records",], found["held_records",]) == (20, 20, 20)
    assert (found["open_biflows",], found["record_room",]) == (1, watch.options.most_records)
    assert found["looks",] == watch.counters.looks > 0
    assert found["data_timestamp_seconds",] == START / NS + 590
    assert found["checkpoints",] == 3
    watch.finish()
    assert by_name(watch)["conversations", "passed"] == 1


def test_every_number_is_the_one_that_its_text_tells():
    watch = new_record_watch()
    told_of(talk(3), watch=watch)
    watch.counters.evicted, watch.counters.refused, watch.counters.ahead = 5, 6, 7
    found = by_name(watch)
    assert [found[name,] for name in ("evicted_biflows", "refused_records", "records_ahead")] == [
        *(5, 6, 7)
    ]
