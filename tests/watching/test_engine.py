# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import runs
from minewatch.alert import Change, Severity
from minewatch.allow.entries import Entry, Known
from minewatch.cli.simulate import simulate
from minewatch.metering import state as st
from minewatch.metering import ticks
from minewatch.metering.state import MeteringOptions
from minewatch.pipeline import PipelineOptions
from minewatch.scanning import Scorer
from packets import NS, START, pcap
from watched import (
    HOST,
    OTHER_HOST,
    OTHER_POOL,
    POOL,
    batches,
    capture,
    closed,
    flood,
    in_order,
    last_words,
    mining,
    new_watch,
    of_scan,
    port_scan,
    scanning,
    ticking,
    told,
    web,
)

LAB = Path(__file__).parents[2] / "src" / "minewatch" / "lab"
GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*/capture.pcap"))


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """Four miners among visits: one is closed and comes again, two mine at the same time."""
    return capture(
        tmp_path_factory.mktemp("busy") / "a.pcap",
        closed(mining(3, 6)),
        mining(400, 30, port=41_001),
        mining(50, 20, host=OTHER_HOST, pool=OTHER_POOL, port=42_000),
        mining(52, 40, host=OTHER_HOST, pool=OTHER_POOL, port=42_001),
        *(web(20 * i, 33_000 + i) for i in range(40)),
        ticking(1_000, every_s=3.0),
    )


@pytest.fixture(scope="module")
def busy_alerts(busy):
    return told(busy)


def test_a_miner_is_told_within_its_first_minute(busy_alerts):
    first = [one for one in busy_alerts if one.change is Change.NEW]
    assert {(one.host, one.pool) for one in first} == {(HOST, POOL), (OTHER_HOST, OTHER_POOL)}
    for one in first:
        assert 30 * NS <= one.updated_ns - one.first_seen_ns <= 36 * NS
        assert one.severity is not Severity.LOW


def test_watching_ends_with_the_alerts_of_a_scan(busy, busy_alerts):
    assert last_words(busy_alerts) == of_scan(busy)
    assert {one.conversations for one in of_scan(busy)} == {2}


def test_the_demonstration_gives_the_same_alerts_too():
    path = str(LAB / "demo.pcap")
    assert last_words(told(path)) == of_scan(path)
    assert len(of_scan(path)) == 2


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.parent.name)
def test_golden_captures_give_the_same_alerts_too(path):
    assert last_words(told(str(path), (50,))) == of_scan(str(path))


@pytest.mark.parametrize(("composition", "seed"), [("wild", 3), ("paper", 7)])
def test_simulated_traffic_gives_the_same_alerts_too(tmp_path, composition, seed):
    """Miners in the clear and in TLS, some that hide, among services of all kinds: two hours."""
    simulate(
        out=str(tmp_path / "made"),
        conversations=400,
        mining=15,
        days=0.08,
        seed=seed,
        composition=composition,
        quiet=True,
    )
    path, watch = str(tmp_path / "made" / "simulated.pcap"), new_watch()
    alerts = told(path, (5_000,), watch)
    assert last_words(alerts) == of_scan(path)
    assert watch.meter.counters.evicted_biflows == watch.book.forgotten == 0
    assert len(last_words(alerts)) > 5


@pytest.mark.parametrize("sizes", [(1,), (7, 1, 100), (64,)])
def test_batches_do_not_matter(busy, busy_alerts, sizes):
    assert told(busy, sizes) == busy_alerts


def test_revisions_count_from_one_without_a_gap(busy_alerts):
    for alert_id in {one.id for one in busy_alerts}:
        mine = [one for one in busy_alerts if one.id == alert_id]
        assert [one.revision for one in mine] == list(range(1, len(mine) + 1))
        assert mine[0].change is Change.NEW
        assert len(mine) <= 4
        times = [one.updated_ns for one in mine]
        assert times == sorted(times)


def test_a_look_sees_what_a_scan_of_the_packets_so_far_sees(tmp_path, monkeypatch):
    """Cut at the time of a look, the capture gives the same score to what was looked at."""
    frames = in_order(mining(0, 12), mining(7, 9, host=OTHER_HOST, port=42_000), ticking(300))
    path = capture(tmp_path / "a.pcap", frames)
    looks = {}
    score = Scorer.score

    def spied(self, chunk, report):
        scanned = score(self, chunk, report)
        for flow_id, p in zip(
            scanned.conversations.frame["flow_id"], scanned.probability, strict=True
        ):
            looks.setdefault(watch.looked_ns, {})[flow_id] = p
        return scanned

    monkeypatch.setattr(Scorer, "score", spied)
    watch = new_watch()
    told(path, watch=watch)
    moments = [moment for moment in looks if moment < watch.looked_ns]
    assert len(moments) >= 6
    seen = {moment: dict(looks[moment]) for moment in moments}
    for moment in moments:
        cut = capture(tmp_path / "cut.pcap", [one for one in frames if one.time_ns < moment])
        looks.clear()
        of_scan(cut)
        (final,) = looks.values()
        assert seen[moment] == {flow_id: final[flow_id] for flow_id in seen[moment]}


def test_one_that_was_closed_is_judged_without_waiting_for_the_end(tmp_path):
    """It lived for less than the first age, and long enough for a minute's sweep to see."""
    path = capture(tmp_path / "a.pcap", closed(mining(0, 0)), ticking(200))
    watch = new_watch()
    times = [
        (one.updated_ns - START) / NS
        for batch in batches(path)
        for alerts in watch.feed(batch)
        for one in alerts
    ]
    assert len(times) == 1
    assert times[0] <= 70


def test_an_alert_ends_when_its_conversations_are_over_for_an_hour(tmp_path):
    path = capture(tmp_path / "a.pcap", closed(mining(0, 6)), ticking(3_900, every_s=20.0))
    changes = [(one.change, (one.updated_ns - START) // NS) for one in told(path)]
    assert changes[0][0] is Change.NEW
    assert changes[-1][0] is Change.ENDED
    assert 3_600 + 131 <= changes[-1][1] <= 3_600 + 131 + 25


def test_what_is_allowed_is_told_as_such_and_again_when_that_ends(tmp_path):
    path = capture(tmp_path / "a.pcap", mining(0, 120), ticking(4_000, every_s=10.0))
    until = START + 1_000 * NS
    host = (0, 0xFFFF_0A00_0001)
    known = Known((Entry("ops", "a test", until, "soon", "a.toml:1", host=host),))
    alerts = told(path, watch=new_watch(replace(scanning(), known=known)))
    allowed = [one for one in alerts if one.allowed_by]
    assert {one.severity for one in allowed} == {Severity.LOW}
    assert alerts[0] in allowed
    assert alerts[-1].allowed_by is None
    assert alerts[-1].severity is Severity.HIGH


def test_another_list_of_what_may_mine_holds_from_then_on(tmp_path):
    path = capture(tmp_path / "a.pcap", mining(0, 60))
    host = (0, 0xFFFF_0A00_0001)
    known = Known((Entry("ops", "a test", START + 10**15, "late", "a.toml:1", host=host),))
    watch = new_watch(replace(scanning(), known=known))
    told_so = []
    for i, batch in enumerate(batches(path, [50])):
        if i == 1:
            watch.know(None)
        told_so += [bool(one.allowed_by) for part in watch.feed(batch) for one in part]
    assert told_so[0] is True
    assert told_so[-1] is False


SMALL = MeteringOptions(max_biflows=2048, max_chunks=4096, max_rings=256)


@pytest.mark.parametrize(("noise", "most"), [(flood, 60_000), (port_scan, 0)])
def test_noise_costs_no_suspect(tmp_path, noise, most):
    """Thirty times more than there is room for, while two hosts mine.

    What a scan knocks at is refused, so that room is made by what has ended.
    """
    path = capture(
        tmp_path / "a.pcap",
        mining(0, 15),
        mining(1, 15, host=OTHER_HOST, pool=OTHER_POOL, port=42_000),
        noise(40, 200, 60_000),
        ticking(330),
    )
    scan = replace(scanning(), pipeline=PipelineOptions(SMALL))
    watch = new_watch(scan)
    alerts = told(path, watch=watch)
    assert 0.8 * most <= watch.meter.counters.evicted_biflows <= most
    assert not set(watch.meter.counters.evicted_by_rank) - {"silent", "not-tcp"}
    assert len(watch.meter._pools.rows) == 2048
    undisturbed = told(
        capture(
            tmp_path / "b.pcap",
            mining(0, 15),
            mining(1, 15, host=OTHER_HOST, pool=OTHER_POOL, port=42_000),
            ticking(330),
        )
    )
    assert last_words(alerts) == last_words(undisturbed)
    assert [one.conversations for one in last_words(alerts)] == [1, 1]


@pytest.mark.parametrize(("threshold", "suspects"), [(0.5, [1]), (1.0, [1]), (1e-9, [1, 3])])
def test_what_may_be_mining_is_marked_as_suspect(tmp_path, threshold, suspects):
    talk = runs.conversation(OTHER_HOST, 42_000, OTHER_POOL, 443, runs.web() * 4, 1)
    path = capture(tmp_path / "a.pcap", mining(0, 8), talk, ticking(60))
    watch = new_watch(replace(scanning(), threshold=threshold))
    for batch in batches(path):
        for _ in watch.feed(batch):
            pass
    rows = watch.meter._pools.rows
    is_suspect = (rows[:, st.STATUS] & st.SUSPECT != 0) & (rows[:, st.STATUS] != st.FREE)
    assert sorted(rows[is_suspect, st.FLOW_ID]) == suspects


def test_suspects_outlive_a_flood_of_talks(tmp_path):
    """Conversations that talk like any other, and more of them than there is room for."""
    talks = [one for i in range(2_500) for one in web(40 + i * 0.05, 20_000 + i)]
    path = capture(tmp_path / "a.pcap", mining(0, 15), talks, ticking(330))
    watch = new_watch(
        replace(scanning(), pipeline=PipelineOptions(MeteringOptions(max_biflows=1024)))
    )
    (alert,) = last_words(told(path, watch=watch))
    assert watch.meter.counters.evicted_biflows > 500
    assert alert.conversations == 1
    assert alert.last_seen_ns - alert.first_seen_ns > 300 * NS


def test_time_passes_without_packets(tmp_path):
    path = capture(tmp_path / "a.pcap", mining(0, 0))  # half a minute at most, and silence
    watch = new_watch()
    assert watch.advance(START) == []  # before the first packet there is no time
    (batch,) = batches(path)
    alerts = [one for part in watch.feed(batch) for one in part]
    assert 0 < watch.now_ns - START < 30 * NS
    assert watch.advance(watch.now_ns + 1) == []
    alerts += watch.advance(START + 36 * NS)
    assert [(one.change, one.updated_ns) for one in alerts] == [(Change.NEW, START + 35 * NS)]
    strikes = watch.counters.strikes
    assert watch.advance(START + 36 * NS) == []
    assert (watch.now_ns, watch.counters.strikes) == (START + 36 * NS, strikes)


def test_a_clock_that_was_set_back_does_not_blind_it(tmp_path):
    path = tmp_path / "a.pcap"
    ahead = in_order(mining(100_000, 3))
    behind = in_order(mining(60, 6, host=OTHER_HOST, port=42_000), ticking(300, 55))
    path.write_bytes(pcap([*ticking(50), *ahead, *behind], nano=True))
    watch = new_watch()
    alerts = [one for batch in batches(str(path)) for alerts in watch.feed(batch) for one in alerts]
    new = [one for one in alerts if one.change is Change.NEW]
    assert [one.host for one in new] == [HOST, OTHER_HOST]
    assert new[1].updated_ns - new[1].first_seen_ns < 50 * NS


def test_a_conversation_in_which_the_clock_was_set_back_is_judged_all_the_same(tmp_path):
    """It began under a clock that went a day ahead, as at a start before the time is known."""
    frames = in_order(mining(0, 12))
    path = tmp_path / "a.pcap"
    earlier = [replace(one, time_ns=one.time_ns - 86_400 * NS) for one in frames[5:]]
    path.write_bytes(pcap([*frames[:5], *earlier], nano=True))
    watch = new_watch()
    alerts = [one for batch in batches(str(path)) for alerts in watch.feed(batch) for one in alerts]
    assert alerts[0].change is Change.NEW
    assert alerts[0].updated_ns - earlier[0].time_ns < 90 * NS
    assert watch.meter.counted().biflows == 2


def test_what_plug_ins_cannot_do_is_told(tmp_path):
    class Broken:
        name, requires, uses = "broken", (), ()

        def score(self, given):
            raise ZeroDivisionError("oops")

        def explain(self, given, row):
            return []

    path = capture(tmp_path / "a.pcap", mining(0, 3))
    scan = replace(scanning(), detectors=[*scanning().detectors, Broken()])
    watch = new_watch(scan)
    assert len(last_words(told(path, watch=watch))) == 1
    assert watch.report.failures == {"broken": "ZeroDivisionError: oops"}


def test_everything_is_counted(busy):
    watch = new_watch()
    alerts = told(busy, watch=watch)
    counters = watch.counters
    assert counters.packets == sum(batch.n_packets for batch in batches(busy))
    assert counters.tellings == len(alerts)
    assert counters.gated["passed"] == 4
    assert sum(counters.gated.values()) == watch.meter.counters.biflows
    assert counters.looks > 10
    assert counters.strikes >= 190
    assert watch.clock[ticks.TICK_NS] == 5 * NS


def test_a_conversation_that_the_gate_stops_in_the_end_is_withdrawn(tmp_path, monkeypatch):
    path = capture(tmp_path / "a.pcap", mining(0, 6), ticking(200))
    watch = new_watch()
    alerts = []
    for batch in batches(path, [40]):
        alerts += [one for part in watch.feed(batch) for one in part]
    assert {one.conversations for one in alerts} == {1}
    stopped = pl.lit("bulk-transfer").alias("gate_reason")
    monkeypatch.setattr("minewatch.gate.gate_reason", lambda: stopped)
    (last,) = watch.finish()
    assert (last.conversations, last.severity) == (0, Severity.LOW)
    assert [item.text for item in last.evidence] == [
        "Not scored: 1 MiB or more at over 256 kbit/s: mining is a trickle."
    ]
    assert last_words([*alerts, last]) == []
    assert last.mining_probability == watch.scan.fusion.prior
