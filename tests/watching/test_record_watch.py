# SPDX-License-Identifier: Apache-2.0
"""A watch of flow records arrives at the alerts of a scan, in bounded memory, whoever lies."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_up_records import NS, START, record, talk
from minewatch.alert import Change, Severity
from minewatch.allow.entries import Entry, Known
from minewatch.metering import held_records as h
from minewatch.metering import record_ticks as ticks
from minewatch.records import DENIED, Names
from watched import last_words
from watched_records import (
    FEW,
    by_end,
    exported,
    ipv4,
    log_scanning,
    new_record_watch,
    of_log_scan,
    of_pair,
    of_scan_of,
    records_in,
    simulated,
    ticking,
    told_of,
    visits,
)

LAB = Path(__file__).parents[2] / "src" / "minewatch" / "lab"
FORMATS = {"ipfix": 8, "aws-v5": 5, "azure-vnet": 10, "zeek": 1, "gcp": 0}
"""How many alerts a scan raises: of Google Cloud none, for sampling hides miners."""
YEAR_S = 365 * 86_400


@pytest.fixture(scope="module")
def traffic(tmp_path_factory):
    return simulated(tmp_path_factory.mktemp("traffic"))


@pytest.fixture(scope="module")
def log(traffic, tmp_path_factory):
    return exported(traffic, tmp_path_factory.mktemp("log"), "ipfix", 60)


@pytest.fixture(scope="module")
def records(log):
    return records_in(log)


@pytest.fixture(scope="module")
def watched(records):
    """A watch that has seen all of them, and at the end a denied one; and what it told."""
    watch = new_record_watch()
    denied = record(firewall_event=DENIED)
    return watch, told_of(np.concatenate([records, denied]), watch=watch)


@pytest.fixture(scope="module")
def alerts(watched):
    return watched[1]


@pytest.fixture(scope="module")
def few(records):
    return records[:900]


@pytest.fixture(scope="module")
def of_few(few):
    """The alerts of a scan of them."""
    found = of_scan_of(few)
    assert len(found) == 2
    return found


@pytest.fixture(scope="module")
def told_of_few(few):
    return told_of(few)


@pytest.mark.parametrize("format", FORMATS)
def test_watching_ends_with_the_alerts_of_a_scan(traffic, tmp_path, format):
    log = exported(traffic, tmp_path, format)
    scanned = of_log_scan(log)
    assert len(scanned) == FORMATS[format]
    assert last_words(told_of(records_in(log))) == scanned


def test_of_long_records_too(traffic, tmp_path):
    log = exported(traffic, tmp_path, "ipfix", 1800)
    scanned = of_log_scan(log)
    assert len(scanned) == 6
    assert last_words(told_of(records_in(log))) == scanned


def test_the_demonstration_gives_the_same_alerts_too(tmp_path):
    log = exported(str(LAB / "demo.pcap"), tmp_path, "ipfix")
    scanned = of_log_scan(log)
    assert len(scanned) >= 1
    assert last_words(told_of(records_in(log))) == scanned


@pytest.mark.parametrize("sizes", [(1,), (7, 1, 100)])
def test_blocks_do_not_matter(few, told_of_few, sizes):
    assert told_of(few, sizes) == told_of_few


@pytest.fixture(scope="module")
def strongest(log):
    return max(of_log_scan(log), key=lambda one: one.mining_probability)


@pytest.fixture(scope="module")
def miner(records, strongest):
    """The records of one miner, which mines for an hour at least."""
    return of_pair(records, strongest)


def first_ns(records):
    return int(records["flow_start_nanoseconds"].min())


def last_ns(records):
    return int(records["flow_end_nanoseconds"].max())


def test_most_miners_are_told_within_minutes(alerts):
    new = [one for one in alerts if one.change is Change.NEW]
    delays = sorted((one.updated_ns - one.first_seen_ns) / 60 / NS for one in new)
    assert delays[0] <= 4
    assert delays[len(delays) // 2] <= 7


def test_revisions_count_from_one_without_a_gap(alerts):
    for alert_id in {one.id for one in alerts}:
        mine = [one for one in alerts if one.id == alert_id]
        assert [one.revision for one in mine] == list(range(1, len(mine) + 1))
        assert mine[0].change is Change.NEW
        times = [one.updated_ns for one in mine]
        assert times == sorted(times)


@pytest.mark.parametrize("late_s", [300, 100_000])
def test_records_that_come_late_or_in_any_order_give_the_same(records, log, late_s):
    late = np.random.default_rng(5).uniform(0, late_s * NS, len(records))
    order = np.argsort(records["flow_end_nanoseconds"] + late)
    assert last_words(told_of(records[order])) == of_log_scan(log)


def test_a_silent_conversation_gets_its_last_word_and_its_alert_ends(miner, strongest):
    watch = new_record_watch(replace(FEW, least_records=0))
    everything = by_end(miner, ticking(miner, 300))
    alerts = [one for part in watch.feed(everything) for one in part]
    assert alerts[0].change is Change.NEW
    assert alerts[-1].change is Change.ENDED
    assert 3600 <= (alerts[-1].updated_ns - alerts[-1].last_seen_ns) / NS <= 3600 + 120
    assert watch.held.count(h.HELD) == watch.held.count(h.OPEN) == 0
    assert watch.counters.gated == {"passed": 1}
    assert watch.judge.followed == {}
    assert watch.finish() == []
    assert last_words(alerts) == of_scan_of(miner)


def test_what_comes_again_after_hours_is_another_conversation(miner):
    again = miner.copy()
    for name in ("flow_start_nanoseconds", "flow_end_nanoseconds"):
        again[name] += 5 * 3600 * NS
    both = by_end(miner, again, ticking(miner, 700))
    assert len(of_scan_of(both)) == 2
    for least in (0, 1 << 20):
        alerts = told_of(both, watch=new_record_watch(replace(FEW, least_records=least)))
        # What would disprove it a scan works out for one alert of a host and pool.
        one, other = (
            [replace(one, disproof=()) for one in found]
            for found in (last_words(alerts), of_scan_of(both))
        )
        assert one == other
        new = [one.updated_ns - one.first_seen_ns for one in alerts if one.change is Change.NEW]
        assert len(new) == 2
        assert max(new) <= 10 * 60 * NS


@pytest.mark.parametrize("seconds", [700, 2 * 3600, YEAR_S])
def test_a_record_of_the_future_ends_nothing(few, of_few, seconds):
    """It comes in the middle, of an observer of its own; and once more for the same one."""
    middle = len(few) // 2
    at_s = (int(few["flow_end_nanoseconds"][middle]) - START) / NS
    wrong = record(at_s + seconds, 10, protocol_identifier=17, observation_point=77)
    watch = new_record_watch(replace(FEW, least_records=0))
    told = told_of(np.concatenate([few[:middle], wrong, wrong, few[middle:]]), watch=watch)
    assert last_words(told) == of_few
    assert watch.now_ns == last_ns(few)


def test_a_log_may_begin_with_one(few, of_few):
    wrong = record(YEAR_S, 10, protocol_identifier=17, observation_point=77)
    watch = new_record_watch()
    told = told_of(np.concatenate([wrong, few]), watch=watch)
    assert last_words(told) == of_few
    assert watch.now_ns == last_ns(few)
    assert watch.counters.strikes > 50


def test_an_exporter_whose_clock_runs_away_ends_nothing_of_others(few, of_few):
    ends = few["flow_end_nanoseconds"]
    wrong = np.repeat(record(protocol_identifier=17, observation_point=77), len(few))
    for name in ("flow_start_nanoseconds", "flow_end_nanoseconds"):
        wrong[name] = ends + np.arange(len(few)) * 500 * NS
    both = np.stack([few, wrong], axis=1).reshape(-1)
    watch = new_record_watch(replace(FEW, least_records=0))
    assert last_words(told_of(both, watch=watch)) == of_few
    assert watch.clock[ticks.REFUSED] > 500


def test_what_a_sampled_record_of_the_same_biflow_claims_hides_no_miner(miner, strongest):
    """Whoever may send records can invent some of the miner's own conversation."""
    wrong = miner[:2].copy()
    for name in ("flow_start_nanoseconds", "flow_end_nanoseconds"):
        wrong[name] += YEAR_S * NS
    alerts = told_of(np.concatenate([miner[:2], wrong, miner[2:]]))
    assert strongest.id in {one.id for one in alerts}


def live(options=FEW):
    return new_record_watch(replace(options, has_own_clock=True))


def fed_live(watch, records, ahead_s=0.0):
    """Give records to a watch when they are over, by a clock that is another one than theirs."""
    alerts = []
    for end in np.unique(records["flow_end_nanoseconds"]).tolist():
        alerts += watch.advance(end - round(ahead_s * NS) + 1)
        for part in watch.feed(records[records["flow_end_nanoseconds"] == end]):
            alerts += part
    return alerts


def test_where_somebody_else_tells_the_time_it_gives_the_same(miner):
    watch = live()
    alerts = fed_live(watch, miner)
    assert alerts[0].change is Change.NEW
    assert last_words([*alerts, *watch.finish()]) == of_scan_of(miner)
    assert watch.counters.ahead == 0


def test_there_time_must_begin_first():
    with pytest.raises(ValueError, match="call advance first"):
        list(live().feed(talk(1)))


def test_an_exporter_that_is_days_ahead_is_heard_as_if_it_were_on_time(miner, strongest):
    watch = live()
    alerts = fed_live(watch, miner, ahead_s=3 * 86_400)
    assert watch.counters.ahead == len(miner)
    (alert,) = last_words([*alerts, *watch.finish()])
    assert (alert.host, alert.pool) == (strongest.host, strongest.pool)
    assert alert.last_seen_ns <= watch.now_ns


@pytest.mark.parametrize(("ahead_s", "moved_s"), [(60, 0), (61, 61)])
def test_a_clock_may_be_a_minute_ahead(ahead_s, moved_s):
    watch = live()
    watch.advance(START)
    list(watch.feed(record(ahead_s - 50, 50)))
    assert watch.held.rows[0, [h.START_NS, h.END_NS]].tolist() == [
        START + (ahead_s - moved_s - 50) * NS,
        START + (ahead_s - moved_s) * NS,
    ]
    assert watch.counters.ahead == (moved_s > 0)


def test_an_exporter_that_is_days_behind_is_heard_too(miner):
    watch = live()
    alerts = fed_live(watch, miner, ahead_s=-3 * 86_400)
    assert not [one for one in alerts if one.change is Change.ENDED]
    assert last_words([*alerts, *watch.finish()]) == of_scan_of(miner)


def test_there_nothing_that_records_claim_ends_the_conversations_of_others(miner):
    watch = live(replace(FEW, least_records=0))
    alerts = []
    for i, end in enumerate(np.unique(miner["flow_end_nanoseconds"]).tolist()):
        alerts += watch.advance(end)
        wrong = visits(20, end + i * 86_400 * NS, 1, observation_point=77)
        list(watch.feed(np.concatenate([wrong, miner[miner["flow_end_nanoseconds"] == end]])))
    assert last_words([*alerts, *watch.finish()]) == of_scan_of(miner)


def test_time_passes_without_records_and_a_clock_that_is_set_back_goes_on(miner):
    watch = live(replace(FEW, least_records=0))
    alerts = fed_live(watch, miner)
    end = last_ns(miner)
    assert watch.advance(end - 1) == []
    alerts += watch.advance(end + 3_700 * NS)
    assert alerts[-1].change is Change.ENDED
    before = watch.counters.strikes
    watch.advance(end)  # an hour back
    assert watch.counters.strikes == before + 1
    assert watch.now_ns == end
    watch.advance(end + 3 * 3_600 * NS)
    assert watch.held.count(h.OPEN) == 0


def test_after_a_clock_was_set_back_silence_counts_from_then(miner):
    """It was ten hours ahead: what came by then is neither in the future nor told of too late."""
    watch = live(replace(FEW, least_records=0))
    assert fed_live(watch, miner, ahead_s=-36_000)[0].change is Change.NEW
    end = last_ns(miner)
    watch.advance(end)
    assert watch.held.count(h.OPEN) == 1
    assert watch.advance(end + 3_700 * NS)[-1].change is Change.ENDED
    watch.advance(end + 4_300 * NS)
    assert watch.held.count(h.OPEN) == 0


def flood(n, miner, begin_ns, seconds):
    """Visits that the miner's own exporter tells of, so that no share of the memory protects it."""
    point = int(miner["observation_point"][0])
    return visits(n, first_ns(miner) + begin_ns, seconds, observation_point=point)


def test_a_flood_of_conversations_costs_no_suspect(miner, strongest):
    """Six times more records than there is room for, while a host mines; all pass the gate."""
    small = replace(FEW, most_records=6_000, most_biflows=2_000, most_of_one=1_000)
    noise = flood(9_000, miner, 300 * NS, 300)
    watch = new_record_watch(small)
    told = told_of(by_end(miner, noise), watch=watch)
    assert watch.counters.evicted > 7_000
    assert watch.counters.refused == 0
    assert watch.held.count(h.SLOTS) <= 6_000
    assert last_words(told) == of_scan_of(miner)
    assert strongest.id in {one.id for one in told}


def test_a_miner_that_begins_in_the_middle_of_a_flood_is_found(miner):
    """Memory has room for little more than a minute of it."""
    small = replace(FEW, most_records=6_000, most_biflows=2_000, most_of_one=1_000)
    noise = flood(7_000, miner, -100 * NS, 400)
    watch = new_record_watch(small)
    assert last_words(told_of(by_end(miner, noise), watch=watch)) == of_scan_of(miner)
    assert watch.counters.evicted > 5_000


def test_what_is_to_make_room_is_judged_before(miner):
    """Nothing else judges meanwhile, and the miner has been silent for longest."""
    small = replace(FEW, tick_s=3_600, most_records=3_000, most_biflows=1_000, most_of_one=500)
    watch = new_record_watch(small)
    list(
        watch.feed(
            np.concatenate([miner, flood(1_500, miner, last_ns(miner) - first_ns(miner), 300)])
        )
    )
    assert watch.counters.evicted > 200
    assert watch.counters.strikes == 0
    suspects = watch.held.rows[watch.held.rows[:, h.FLAGS] & h.SUSPECT != 0]
    assert len(miner) in suspects[:, h.COUNT]


def test_a_scan_of_ports_goes_before_anything_that_talks():
    small = replace(FEW, most_records=600, most_biflows=300, most_of_one=100)
    knocks = np.repeat(record(), 5_000)
    knocks["source_transport_port"] = np.arange(5_000)
    watch = new_record_watch(small)
    list(watch.feed(np.concatenate([talk(20), knocks])))
    rows = watch.held.rows
    assert rows[:, h.COUNT].max() == 40
    assert watch.counters.evicted >= 4_600


def test_an_exporter_that_floods_loses_its_own():
    """Another one's conversations stay although they have fewer records and are no suspects."""
    small = replace(FEW, most_records=3_000, most_biflows=1_000, most_of_one=500)
    mine = visits(100, START, 10, observation_point=5)
    noise = visits(2_000, START + 200 * NS, 600, minutes=3, observation_point=6)
    watch = new_record_watch(small)
    list(watch.feed(by_end(mine, noise)))
    assert watch.counters.evicted > 1_000
    assert (watch.held.rows[:, h.OBSERVER][watch.held.rows[:, h.COUNT] > 0] == 5).sum() == 100


def test_when_all_is_followed_by_alerts_what_is_new_is_not_kept(miner):
    small = replace(FEW, most_records=4_000, most_biflows=1, most_of_one=1_000)
    watch = new_record_watch(small)
    told = told_of(by_end(miner, visits(50, last_ns(miner) - 600 * NS, 300)), watch=watch)
    assert watch.counters.refused == 200
    assert watch.held.count(h.TAKEN) == watch.taken
    assert last_words(told) == of_scan_of(miner)


def test_a_conversation_of_many_records_is_summed_up(miner):
    watch = new_record_watch(replace(FEW, most_of_one=60))
    (alert,) = last_words(told_of(miner, watch=watch))
    (whole,) = of_scan_of(miner)
    assert watch.held.held.counts[h.SLOTS] <= 61
    same = ("id", "first_seen_ns", "last_seen_ns", "conversations", "community_ids")
    assert all(getattr(alert, name) == getattr(whole, name) for name in same)


def test_everything_is_counted(records, watched):
    watch, alerts = watched
    counters = watch.counters
    assert counters.records == len(records) + 1 == watch.held.count(h.TAKEN) == watch.taken
    assert watch.held.count(h.TCP) == int((records["protocol_identifier"] == 6).sum())
    assert watch.held.count(h.DENIED_RECORDS) == 1
    assert counters.tellings == len(alerts)
    assert counters.gated["passed"] == 32
    assert counters.looks > 100
    assert counters.strikes > 100
    assert watch.size_of(records) == len(records)


def test_what_is_allowed_is_told_as_such_and_another_list_holds_from_then_on(miner, strongest):
    known = Known(
        (Entry("ops", "a test", 1 << 62, "late", "a.toml:1", host=(0, ipv4(strongest.host))),)
    )
    watch = new_record_watch(scan=replace(log_scanning(), known=known))
    half = len(miner) // 2
    alerts = [one for part in watch.feed(miner[:half]) for one in part]
    assert {one.severity for one in alerts} == {Severity.LOW}
    watch.know(None)
    alerts = [one for part in watch.feed(miner[half:]) for one in part]
    assert [*alerts, *watch.finish()][-1].allowed_by is None


def test_names_that_no_record_names_any_more_are_forgotten(monkeypatch):
    monkeypatch.setattr("minewatch.watching.record_names.MOST_SERVERS", 3)
    watch = new_record_watch()
    watch.names.hear(Names(["a", "b", "c", "d"]))
    first, then = talk(2, server_name=1), talk(10)
    first["server_name"][:2] = 0, 2
    for side in ("source", "destination"):
        then[f"{side}_transport_port"][then[f"{side}_transport_port"] == 3333] = 4444
    list(watch.feed(first))
    assert watch.names.servers == ["a", "b", "c"]
    watch.held.drop(watch.held.everything())
    list(watch.feed(then[:4]))
    then["server_name"][4:] = 3
    list(watch.feed(then[4:]))
    told = watch.held.held.records["server_name"][: watch.held.count(h.SLOTS)]
    assert "d" in watch.names.servers
    assert len(watch.names.servers) <= 3
    assert {watch.names.servers[place] for place in told[told >= 0].tolist()} <= {*"abcd"}
    (chunk,) = watch.held.parts(watch.held.everything())
    names = [watch.names.servers[p] if p >= 0 else None for p in chunk[1]["server_name"].tolist()]
    assert names == [None] * 4 + ["d"] * 16


def test_records_keep_their_names_when_others_are_forgotten(monkeypatch):
    monkeypatch.setattr("minewatch.watching.record_names.MOST_SERVERS", 2)
    watch = new_record_watch()
    watch.names.hear(Names(["a", "b", "c"]))
    gone, stays = record(server_name=0), talk(1, server_name=1)
    gone["source_transport_port"] = 50_000
    list(watch.feed(np.concatenate([gone, stays, ticking(stays, 3)])))
    watch.held.drop(np.array([0]))
    list(watch.feed(record(server_name=2, back=True)))
    (chunk,) = watch.held.parts(watch.held.everything())
    assert [watch.names.servers[place] for place in chunk[1]["server_name"].tolist()] == [*"bbc"]


def test_what_plug_ins_cannot_do_is_told(miner):
    class Broken:
        name, requires, uses = "broken", (), ()

        def score(self, given):
            raise ZeroDivisionError("oops")

        def explain(self, given, row):
            return []

    scan = replace(log_scanning(), detectors=[*log_scanning().detectors, Broken()])
    watch = new_record_watch(scan=scan)
    assert len(last_words(told_of(miner, watch=watch))) == 1
    assert watch.report.failures == {"broken": "ZeroDivisionError: oops"}
