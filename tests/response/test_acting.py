# SPDX-License-Identifier: Apache-2.0
import ipaddress

import pytest

from minewatch.alert import Severity
from minewatch.errors import ResponseError
from minewatch.response.acting import Response
from minewatch.response.audit import AuditLog
from minewatch.response.checking import check_log
from minewatch.response.entries import Action
from minewatch.response.networks import user_networks
from minewatch.response.nftables import NftablesResponder
from minewatch.response.policy import Limits, Policy
from namespaces import Pool, is_dead, need, ran

NOW = 1_700_000_000_000_000_000
S = 1_000_000_000


class Recorder:
    """Remembers what it was asked to do, and fails when told to."""

    name = "recorder"

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.fails = False

    def plan(self, block):
        return [f"close {block.pool}"]

    def apply(self, block):
        self._do("apply", block)

    def undo(self, block):
        self._do("undo", block)

    def _do(self, what, block):
        if self.fails:
            raise ResponseError("it is broken")
        self.done.append((what, block.host))


@pytest.fixture
def log(tmp_path):
    return AuditLog(tmp_path / "audit.jsonl")


@pytest.fixture
def recorder():
    return Recorder()


def told(log):
    return [(entry.deed.action.value, entry.deed.reason) for _, entry in log.read()]


def response(recorder, log, policy=None, dry_run=False):
    return Response(recorder, policy or Policy(), log, "root", dry_run=dry_run)


def test_it_is_dry_unless_told_otherwise(recorder, log, alert):
    (outcome,) = Response(recorder, Policy(), log, "root").consider([alert()], NOW)
    assert (outcome.action, outcome.steps) == (Action.PLANNED, ("close 203.0.113.9",))
    assert recorder.done == []
    assert told(log) == [("planned", "dry run: nothing was done")]
    (entry,) = [entry for _, entry in log.read()]
    assert entry.deed.steps == ("close 203.0.113.9",)


def test_a_dry_run_is_told_once(recorder, log, alert):
    dry = response(recorder, log, dry_run=True)
    for revision in range(5):
        dry.consider([alert(revision=revision + 1)], NOW + revision)
    assert len(told(log)) == 1


def test_a_host_is_cut_off_once_and_let_back_in_time(recorder, log, alert):
    acting = response(recorder, log)
    (outcome,) = acting.consider([alert()], NOW)
    assert outcome.action is Action.APPLIED
    assert acting.consider([alert(revision=2)], NOW + S) == []
    assert acting.expire(NOW + 3599 * S) == []
    (outcome,) = acting.expire(NOW + 3600 * S)
    assert outcome.action is Action.EXPIRED
    assert recorder.done == [("apply", "10.0.0.5"), ("undo", "10.0.0.5")]
    assert told(log) == [
        ("applying", "for 3600 s"),
        ("applied", "for 3600 s"),
        ("expired", "its time was over"),
    ]
    # If it still mines, it is cut off again.
    assert acting.consider([alert(revision=3)], NOW + 3601 * S)[0].action is Action.APPLIED
    assert check_log(log.path).problems == []


def test_another_process_knows_what_was_done(recorder, log, alert):
    response(recorder, log).consider([alert()], NOW)
    later = response(recorder, log)
    assert later.consider([alert()], NOW + S) == []
    (outcome,) = later.undo(alert().id, NOW + S, "false alarm")
    assert (outcome.action, outcome.reason) == (Action.UNDONE, "false alarm")
    assert later.undo(alert().id, NOW + S, "again") == []


def test_what_somebody_let_back_stays_so(recorder, log, alert):
    acting = response(recorder, log)
    acting.consider([alert()], NOW)
    acting.undo(alert().id, NOW, "backup job")
    (outcome,) = acting.consider([alert(revision=2)], NOW + S)
    assert (outcome.action, outcome.reason) == (Action.REFUSED, "somebody let it back: backup job")
    assert acting.consider([alert(revision=3)], NOW + 2 * S) == []
    # It reconnects, and has another alert.
    (outcome,) = acting.consider([alert(first_seen_ns=NOW + 2 * S)], NOW + 2 * S)
    assert (outcome.action, outcome.reason) == (Action.REFUSED, "somebody let it back: backup job")
    # Unless somebody asks for it by name; then it is as new.
    (outcome,) = acting.consider([alert()], NOW + 3 * S, even_if_let_back=True)
    assert outcome.action is Action.APPLIED
    acting.expire(NOW + 9_999 * S)
    assert acting.consider([alert()], NOW + 10_000 * S)[0].action is Action.APPLIED


def test_undo_of_one_and_of_all(recorder, log, alert):
    acting = response(recorder, log)
    hosts = [f"10.0.0.{number}" for number in range(1, 5)]
    acting.consider([alert(host=host) for host in hosts], NOW)
    acting.undo(alert(host="10.0.0.2").id, NOW, "one")
    assert [one.block.host for one in acting.book.active()] == ["10.0.0.1", "10.0.0.3", "10.0.0.4"]
    assert len(acting.undo(None, NOW, "all")) == 3
    assert acting.book.active() == []
    assert acting.undo("unknown", NOW, "none") == []


def test_what_the_policy_refuses_is_told_once_with_its_reason(recorder, log, alert):
    never = user_networks([ipaddress.ip_network("203.0.113.9/32")])
    acting = response(recorder, log, Policy((never,)))
    for revision in range(3):
        acting.consider([alert(revision=revision)], NOW)
    ((action, reason),) = told(log)
    assert action == "refused"
    assert reason == "203.0.113.9 is in 203.0.113.9/32, which is never to be cut off"
    assert recorder.done == []
    # Another reason is told again.
    acting.consider([alert(detectors={"rhythm": 0.9})], NOW)
    assert len(told(log)) == 2


def test_another_policy_may_take_over(recorder, log, alert):
    never = user_networks([ipaddress.ip_network("203.0.113.9/32")])
    acting = response(recorder, log, Policy((never,)))
    acting.consider([alert()], NOW)
    acting.use(Policy())
    assert acting.consider([alert()], NOW)[0].action is Action.APPLIED


def test_the_rate_is_limited_and_the_hour_slides(recorder, log, alert):
    acting = response(recorder, log, Policy(limits=Limits(per_hour=2, at_once=10)))
    alerts = [alert(host=f"10.0.0.{number}") for number in range(1, 6)]
    outcomes = acting.consider(alerts, NOW)
    assert [one.action for one in outcomes] == [Action.APPLIED] * 2 + [Action.REFUSED] * 3
    assert "within an hour" in outcomes[2].reason
    assert len(acting.consider(alerts, NOW + 3_601 * S)) == 2


def test_so_is_the_number_at_once(recorder, log, alert):
    acting = response(recorder, log, Policy(limits=Limits(per_hour=10, at_once=2)))
    alerts = [alert(host=f"10.0.0.{number}") for number in range(1, 4)]
    assert acting.consider(alerts, NOW)[2].action is Action.REFUSED
    acting.undo(alerts[0].id, NOW, "make room")
    assert [one.block.host for one in acting.consider(alerts[2:], NOW)] == ["10.0.0.3"]


def test_a_responder_that_fails_stops_nobody_else(recorder, log, alert):
    recorder.fails = True
    acting = response(recorder, log)
    outcomes = acting.consider([alert(), alert(host="10.0.0.6")], NOW)
    assert [(one.action, one.reason) for one in outcomes] == [(Action.FAILED, "it is broken")] * 2
    assert acting.book.active() == []
    recorder.fails = False
    assert acting.consider([alert()], NOW)[0].action is Action.APPLIED


def test_what_cannot_be_let_back_is_tried_again(recorder, log, alert):
    acting = response(recorder, log)
    acting.consider([alert()], NOW)
    recorder.fails = True
    assert acting.expire(NOW + 9_999 * S)[0].action is Action.NOT_UNDONE
    recorder.fails = False
    assert acting.expire(NOW + 9_999 * S)[0].action is Action.EXPIRED


def test_nothing_is_done_without_the_audit_log(recorder, tmp_path, alert):
    acting = response(recorder, AuditLog(tmp_path / "none" / "audit.jsonl"))
    with pytest.raises(ResponseError, match="nothing is done without an audit log"):
        acting.consider([alert()], NOW)
    assert recorder.done == []


def test_a_crash_while_it_acts_leaves_a_block_that_is_known(recorder, log, alert):
    def dies(block):
        recorder.done.append(("apply", block.host))
        raise KeyboardInterrupt

    recorder.apply = dies
    with pytest.raises(KeyboardInterrupt):
        response(recorder, log).consider([alert()], NOW)
    (outcome,) = response(recorder, log).undo(None, NOW, "tidy up")
    assert outcome.action is Action.UNDONE
    assert recorder.done == [("apply", "10.0.0.5"), ("undo", "10.0.0.5")]


def test_what_a_crash_left_half_done_is_done_again(recorder, log, alert):
    def dies(block):
        raise KeyboardInterrupt

    works, recorder.apply = recorder.apply, dies
    with pytest.raises(KeyboardInterrupt):
        response(recorder, log).consider([alert()], NOW)
    recorder.apply = works
    later = response(recorder, log)
    (outcome,) = later.consider([alert(revision=2)], NOW + S)
    assert outcome.action is Action.APPLIED
    assert later.consider([alert(revision=3)], NOW + 2 * S) == []
    assert len(later.book.active()) == 1
    assert recorder.done == [("apply", "10.0.0.5")]


def test_a_pool_stays_closed_for_another_alert(recorder, log, alert):
    """Two alerts of one host and pool, or two hosts to a route: one block to the responder."""
    acting = response(recorder, log)
    first, second = alert(), alert(first_seen_ns=NOW + 9)
    acting.consider([first, second], NOW)
    (outcome,) = acting.undo(first.id, NOW, "mistake")
    assert outcome.reason == f"mistake; stays closed for alert {second.id}"
    assert ("undo", "10.0.0.5") not in recorder.done
    acting.undo(second.id, NOW, "mistake")
    assert recorder.done[-1] == ("undo", "10.0.0.5")


def test_what_a_responder_covers_counts(recorder, log, alert):
    recorder.covers = lambda block: block.pool
    acting = response(recorder, log)
    acting.consider([alert(), alert(host="10.0.0.6")], NOW)
    acting.undo(alert().id, NOW, "mistake")
    assert not any(what == "undo" for what, _ in recorder.done)


def test_a_plan_that_cannot_be_made_is_told(log, alert, recorder):
    def refuses(block):
        raise ResponseError("no plan")

    recorder.plan = refuses
    acting = response(recorder, log)
    (outcome,) = acting.consider([alert()], NOW)
    assert (outcome.action, outcome.reason) == (Action.REFUSED, "no plan")
    assert acting.consider([alert(revision=2)], NOW) == []


def test_an_alert_without_a_port_is_passed_over(recorder, log, alert):
    odd = alert(pool_port=0, severity=Severity.HIGH)
    assert response(recorder, log).consider([odd], NOW) == []


def test_what_is_gone_before_its_time_is_made_anew_for_the_rest(recorder, log, alert):
    acting = response(recorder, log)
    acting.consider([alert()], NOW)
    assert acting.renew(NOW + S) == []  # this responder cannot tell
    there = []
    recorder.is_in_force = lambda block: block.host in there
    there.append("10.0.0.5")
    assert acting.renew(NOW + S) == []
    there.clear()
    asked = []
    recorder.apply = asked.append
    (outcome,) = acting.renew(NOW + 600 * S)
    assert (outcome.action, outcome.reason) == (Action.RENEWED, "for 3000 s")
    assert [one.seconds for one in asked] == [3000]
    # It ends when it would have ended, and counts once.
    (one,) = acting.book.active()
    assert one.until_ns == NOW + 3600 * S
    assert acting.book.applied_since(0) == 1
    assert response(recorder, log, dry_run=True).renew(NOW + 600 * S) == []
    assert acting.renew(NOW + 3600 * S) == []
    assert check_log(log.path).problems == []


def test_what_cannot_be_made_anew_is_no_longer_in_force(recorder, log, alert):
    acting = response(recorder, log)
    acting.consider([alert()], NOW)
    recorder.is_in_force = lambda block: False
    recorder.fails = True
    assert [one.action for one in acting.renew(NOW + S)] == [Action.FAILED]
    assert acting.renew(NOW + 2 * S) == []
    assert acting.book.active() == []


@pytest.mark.namespace
def test_for_real_with_nftables(hosts, log, alert):
    need("nft")
    hosts.add("server", "pool")
    hosts.wire("server", "pool", ["10.0.0.5/24"], ["10.0.0.9/24"])
    pool = Pool(hosts, "pool", "10.0.0.9", 3333)
    with hosts.inside("server"):
        mined = pool.connect("10.0.0.5")
        acting = Response(NftablesResponder(), Policy(), log, "root", dry_run=False)
        (outcome,) = acting.consider([alert(pool="10.0.0.9")], NOW)
        assert outcome.action is Action.APPLIED
        assert is_dead(mined)
        assert is_dead(pool.taken[0])
        ran("nft", "flush", "ruleset")
        again = pool.connect("10.0.0.5")
        (outcome,) = acting.renew(NOW + S)
        assert outcome.action is Action.RENEWED
        assert is_dead(again)
        again.close()
        acting.undo(None, NOW, "test is over")
        pool.connect("10.0.0.5").close()
    mined.close()
    pool.close()
