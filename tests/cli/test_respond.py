# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commands import runner_of
from minewatch.alerts.feedback import Judgement, add_judgement, labels_beside
from minewatch.cli import respond as module
from minewatch.cli import response_options as options
from minewatch.response.audit import AuditLog
from minewatch.response.checking import check_log
from minewatch.response.entries import Action, Deed
from namespaces import Hosts, Pool, is_dead, need, ran, wait_until
from some_alerts import some_alert as told_alert
from some_alerts import write_alerts

NOW = 1_700_000_000_000_000_000


def some_alert(host="10.0.0.5", **changed):
    return told_alert(host, **({"updated_ns": time.time_ns()} | changed))


@pytest.fixture
def log(tmp_path):
    return tmp_path / "response.jsonl"


@pytest.fixture
def do(log):
    run = runner_of(respond=module.app)
    return lambda verb, *arguments: run("respond", verb, *arguments, "--log", log)


@pytest.fixture
def alerts(tmp_path):
    weak = some_alert("10.0.0.6", detectors={"rhythm": 0.9})
    return write_alerts(tmp_path / "alerts.jsonl", some_alert(), weak)


def actions(log):
    return [entry.deed.action.value for _, entry in AuditLog(log).read()]


def test_a_plan_is_printed_and_kept_and_nothing_is_done(do, alerts, log):
    result = do("plan", alerts, "--with", "openvswitch:br0", "--seconds", 60)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    one = some_alert().id[:12]
    assert lines[0] == (
        f"planned    {one}  10.0.0.5 -> 203.0.113.9:3333  dry run: nothing was done"
    )
    assert "nw_src=10.0.0.5,nw_dst=203.0.113.9,tp_dst=3333,actions=drop" in lines[1]
    assert "hard_timeout=60," in lines[1]
    assert lines[3].startswith("refused    ")
    assert "too weak: only its shape" in lines[3]
    assert actions(log) == ["planned", "refused"]
    assert do("plan", alerts, "--with", "openvswitch:br0").stdout == "nothing to do\n"
    assert do("list").stdout == "nothing is in force\n"


def test_a_false_alarm_is_left_alone(do, alerts):
    one = some_alert()
    add_judgement(labels_beside(str(alerts)), Judgement(one.id, False, "backup", "alice", 5))
    result = do("plan", alerts, "--id", one.id)
    assert "alice found that it does not mine: backup" in result.stdout
    assert "planned" not in result.stdout


def test_a_plan_for_a_cloud_and_for_one_alert(do, alerts):
    result = do("plan", alerts, "--with", "gcp-firewall", "--id", some_alert().id[:10])
    assert "gcloud compute firewall-rules create" in result.stdout
    assert "refused" not in result.stdout


def test_a_plan_of_a_cloud_cannot_be_applied(do, alerts, log):
    result = do("apply", alerts, "--with", "azure-nsg")
    assert result.exit_code == 2
    assert "only a plan; use: minewatch respond plan" in result.stderr
    assert not log.exists()


@pytest.mark.namespace
def test_a_miner_is_cut_off_and_let_back(do, tmp_path, log):
    need("ip", "nft")
    hosts = Hosts()
    hosts.add("server", "pool")
    hosts.wire("server", "pool", ["10.0.0.5/24"], ["10.0.0.9/24"])
    pool = Pool(hosts, "pool", "10.0.0.9", 3333)
    alerts = write_alerts(tmp_path / "alerts.jsonl", some_alert(pool="10.0.0.9"))
    alert_id = some_alert(pool="10.0.0.9").id
    with hosts.inside("server"):
        mined = pool.connect("10.0.0.5")
        result = do("apply", alerts, "--seconds", 300)
        assert result.exit_code == 0, result.stdout
        assert result.stdout.startswith(f"applied    {alert_id[:12]}  10.0.0.5 -> 10.0.0.9:3333")
        assert is_dead(mined)
        assert is_dead(pool.taken[0])
        assert do("apply", alerts).stdout == "nothing to do\n"

        shown = do("list")
        assert shown.exit_code == 1
        assert "nftables  until " in shown.stdout
        data = json.loads(do("list", "--json").stdout)
        assert (data["host"], data["seconds"], data["is_over"]) == ("10.0.0.5", 300, False)

        result = do("undo", alert_id[:8], "--reason", "false alarm")
        assert result.exit_code == 0
        assert "false alarm" in result.stdout
        pool.connect("10.0.0.5").close()
    assert do("list").exit_code == 0
    assert actions(log) == ["applying", "applied", "undone"]
    assert check_log(log).problems == []
    for one in (mined, pool, hosts):
        one.close()


@pytest.mark.namespace
def test_what_is_over_is_taken_back(do, alerts, log, tmp_path):
    """A route, for which the kernel keeps no time."""
    need("ip")
    hosts = Hosts()
    hosts.add("server")
    with hosts.inside("server"):
        do("apply", alerts, "--with", "route", "--seconds", 1)
        assert "blackhole" in ran("ip", "route", "show", "type", "blackhole")
        time.sleep(1.1)
        assert "over, and not taken back yet" in do("list").stdout
        result = do("undo", "--expired")
        assert result.stdout.startswith("expired ")
        assert ran("ip", "route", "show", "type", "blackhole") == ""
        assert do("undo", "--expired").stdout == "nothing to do\n"
        do("apply", alerts, "--with", "route", "--id", some_alert().id)
        assert do("undo", "--all").stdout.startswith("undone ")
    hosts.close()


def _following(tmp_path, log, *options, before=""):
    code = (
        "from minewatch.cli import respond\n"
        f"{before and f'respond.{before}'}\n"
        "import typer\n"
        "from minewatch.cli.errors import CommandGroup\n"
        "app = typer.Typer(cls=CommandGroup)\n"
        "app.callback()(lambda: None)\n"
        "app.add_typer(respond.app, name='respond')\n"
        "app()\n"
    )
    arguments = ["respond", "follow", f"{tmp_path}/alerts.jsonl", "--log", str(log), *options]
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(module.__file__).parents[2])},
    )


@pytest.mark.namespace
def test_alerts_are_followed_blocks_end_in_time_and_a_signal_ends_it(tmp_path, log):
    need("ip")
    hosts = Hosts()
    hosts.add("server")
    with hosts.inside("server"):
        process = _following(tmp_path, log, "--apply", "--with", "route", "--seconds", "1")
        path = tmp_path / "alerts.jsonl"
        old = some_alert("10.0.0.6", updated_ns=NOW)
        path.write_bytes(write_alerts(tmp_path / "one", old, some_alert()).read_bytes())
        try:
            wait_until(lambda: "expired" in actions(log), 30)
            with open(path, "ab") as file:
                file.write(write_alerts(tmp_path / "one", some_alert("10.0.0.7")).read_bytes())
            wait_until(lambda: actions(log).count("expired") == 2, 30)
            assert ran("ip", "route", "show", "type", "blackhole") == ""
        finally:
            process.terminate()
            said, errors = process.communicate(timeout=20)
    hosts.close()
    assert process.returncode == 143, errors
    assert "too old" in said
    wanted = ["refused", *("applying", "applied", "expired") * 2]
    assert actions(log) == wanted
    assert errors == ""


@pytest.mark.namespace
def test_files_that_cannot_be_read_cut_nobody_off_and_blocks_still_end(tmp_path, log):
    """A black hole ends only if somebody takes it back."""
    need("ip")
    hosts = Hosts()
    hosts.add("server")
    allow, path = tmp_path / "known.toml", tmp_path / "alerts.jsonl"
    allow.write_text("")
    with hosts.inside("server"):
        options = ("--with", "route", "--seconds", "2", "--allow", str(allow))
        process = _following(tmp_path, log, "--apply", *options)
        try:
            write_alerts(path, some_alert())
            wait_until(lambda: "applied" in actions(log), 30)
            allow.write_text("[[allow")
            with open(path, "ab") as file:
                file.write(write_alerts(tmp_path / "one", some_alert("10.0.0.7")).read_bytes())
            wait_until(lambda: "expired" in actions(log), 30)
            assert actions(log).count("applied") == 1
            allow.write_text("")
            wait_until(lambda: actions(log).count("applied") == 2, 30)
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=20)
    hosts.close()
    (told,) = errors.splitlines()
    assert "known.toml" in told
    assert told.endswith("nobody is cut off until it can be read")


@pytest.mark.namespace
def test_a_block_that_something_took_away_is_made_anew(tmp_path, log):
    need("ip")
    hosts = Hosts()
    hosts.add("server")
    write_alerts(tmp_path / "alerts.jsonl", some_alert())
    with hosts.inside("server"):
        process = _following(tmp_path, log, "--apply", "--with", "route", before="_RENEW_S = 0.1")
        try:
            wait_until(lambda: "applied" in actions(log), 30)
            ran("ip", "route", "flush", "type", "blackhole")
            wait_until(lambda: "renewed" in actions(log), 30)
            wait_until(lambda: "203.0.113.9" in ran("ip", "route", "show", "type", "blackhole"))
        finally:
            process.terminate()
            process.communicate(timeout=20)
    hosts.close()


@pytest.mark.namespace
def test_following_is_dry_unless_told_otherwise(tmp_path, log, alerts):
    need("ip")
    hosts = Hosts()
    hosts.add("server")
    with hosts.inside("server"):
        process = _following(tmp_path, log, "--with", "route")
        try:
            wait_until(lambda: "planned" in actions(log), 30)
            assert ran("ip", "route", "show", "type", "blackhole") == ""
        finally:
            process.terminate()
            process.communicate(timeout=20)
    hosts.close()


@pytest.mark.namespace
def test_a_responder_that_fails_is_status_2(do, alerts, log):
    need("ip", "ovs-ofctl")
    result = do("apply", alerts, "--with", "openvswitch:none", "--id", some_alert().id)
    assert result.exit_code == 2
    assert "failed " in result.stdout
    assert actions(log) == ["applying", "failed"]


def test_the_log_is_checked(do, alerts, log):
    do("plan", alerts)
    result = do("verify")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first == "2 entries, none changed, none missing"
    kept = second.rpartition(" ")[2]
    assert do("verify", "--expect", kept).exit_code == 0

    log.write_bytes(log.read_bytes().replace(b"planned", b"applied", 1))
    result = do("verify", "--expect", kept)
    assert result.exit_code == 1
    assert "line 2: does not follow line 1: one of them was changed" in result.stderr
    assert "none changed" not in result.stdout
    assert do("verify", "--expect", "nonsense").exit_code == 2


def test_a_crash_is_a_note_and_no_fault(do, alerts, log):
    do("plan", alerts)
    log.write_bytes(log.read_bytes() + b'{"number"')
    result = do("verify")
    assert result.exit_code == 0
    assert "note: line 3: cut off while it was written" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("undo",), "give an id, --all or --expired"),
        (("undo", "abcdefgh", "--all"), "give an id, --all or --expired"),
        (("undo", "abcdefgh"), "0 blocks of such an alert are in force"),
        (("plan", "ALERTS", "--with", "iptables"), "one of nftables, route"),
        (("plan", "ALERTS", "--id", "ffffffff"), "no alert with an id"),
        (("plan", "ALERTS", "--seconds", 0), "block of 0 s"),
        (("plan", "ALERTS", "--never", "x"), "--never x"),
        (("plan", "none.jsonl"), "none.jsonl"),
        (("verify",), "cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line_and_status_2(do, alerts, arguments, said):
    result = do(*(alerts if one == "ALERTS" else one for one in arguments))
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_folder_of_the_services_log_is_made(alerts, tmp_path, monkeypatch):
    place = tmp_path / "minewatch-respond" / "response.jsonl"
    monkeypatch.setattr(options, "DEFAULT_LOG", str(place))
    run = runner_of(respond=module.app)
    arguments = ("respond", "plan", alerts, "--with", "openvswitch:br0", "--log")
    assert run(*arguments, place).exit_code == 0
    assert place.parent.stat().st_mode & 0o007 == 0
    # Of no other: a wrong name would make folders anywhere.
    result = run(*arguments, tmp_path / "other" / "response.jsonl")
    assert result.exit_code == 2
    assert "name another file by --log" in result.stderr


def test_an_id_must_be_clear(do, log):
    for alert_id in ("abcdef11", "abcdef22"):
        block = module_block(alert_id)
        AuditLog(log).append(Deed(time.time_ns(), Action.APPLYING, "nftables", "root", block, ""))
    assert "2 blocks" in do("undo", "abcdef").stderr
    assert "0 blocks" in do("undo", "abcdee").stderr


def module_block(alert_id):
    from minewatch.alert import Block

    return Block(alert_id, "10.0.0.5", "203.0.113.9", 3333, 6, 60)


def test_nothing_from_an_alert_acts_on_the_terminal(do, tmp_path):
    path = write_alerts(tmp_path / "a.jsonl", some_alert(pool="\x1b[2J"))
    assert "\x1b" not in do("plan", path).stdout
