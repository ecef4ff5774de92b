# SPDX-License-Identifier: Apache-2.0
"""From end to end, with the real commands in namespaces: found, told, cut off, let back.

Not part of `make test`, for it takes as long as life does (four to five minutes): `make e2e`.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from e2e import scene
from e2e.figures import Run, are_rising
from e2e.stage import BLOCK_S
from minewatch.lab import run, sandbox
from minewatch.lab.plan import write_plan
from namespaces import need

pytestmark = pytest.mark.namespace

TESTS = Path(__file__).parents[1]
PLAIN_S, TLS_S = 60.0, 180.0
"""What is promised: an alert at most so long after a miner's first packet [s]."""
UNHARMED_S = 0.25
"""A median so much longer is harm, even on a machine with other work [s]."""
ALONE = """
import signal, sys
from pathlib import Path
from e2e.live import begin
from minewatch.lab.plan import read_plan

def hear(event):
    print(event["event"], flush=True)

begin(read_plan(Path(sys.argv[1])), Path(sys.argv[2]), hear)
"""


def begin(plan, out, hear=lambda event: None):
    """Run a lab as `run_lab` does, with a process 1 of our own."""
    need("ip", "nft")
    start = sandbox.start
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS))
        patch.setattr(run.sandbox, "start", lambda module, words: start("e2e.stage", words))
        return run.run_lab(plan, out, logs=True, hear=hear)


def warm():
    """Watch the demo: a watch that is the first on its machine compiles for half a minute."""
    argv = [sys.executable, "-m", "minewatch", "watch", "-q", "--from"]
    subprocess.run([*argv, str(Path(run.__file__).with_name("demo.pcap"))], check=True)


def left(text):
    """Return what runs with a text in its command line, and our hosts that can be seen here."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line and int(path.parent.name) != os.getpid():
            found.append(line)
    names = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    return found + [host.name for host in scene.hosts() if host.name in names.split()]


@pytest.fixture(scope="module")
def end_to_end(tmp_path_factory, request):
    """Everything happens once; the tests look at it."""
    folder = tmp_path_factory.mktemp("e2e")
    warm()
    outcome = begin(scene.plan(), folder / "run")
    if outcome.was_stopped:
        raise KeyboardInterrupt
    found = Run(folder / "run")
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n\n{found.table()}\n")
    assert left(str(folder)) == []
    return found


def test_nothing_is_told_before_a_miner_starts_nor_of_a_service(end_to_end):
    for telling in end_to_end.tellings:
        assert telling["first_seen_ns"] / 1e9 >= end_to_end.started_s + scene.QUIET_S - 1
        assert telling["pool"] in end_to_end.address.values()
    assert end_to_end.visits_in(0, end_to_end.started_s + scene.QUIET_S).answered > 100


def test_a_plain_miner_is_told_within_a_minute_and_once(end_to_end):
    told = end_to_end.tellings_of(scene.WATCHED, scene.PLAIN)
    assert 0 < end_to_end.delay_s(scene.WATCHED, scene.PLAIN) <= PLAIN_S
    assert (told[0]["change"], told[0]["host"], told[0]["pool_port"]) == ("new", "10.86.1.11", 3333)
    assert len({one["id"] for one in told}) == 1
    assert are_rising([one["revision"] for one in told])
    # It is told again only after it has come back to its pool.
    assert all(one["conversations"] > 1 for one in told[1:])
    assert all(one["seen_s"] > end_to_end.mined_again_s for one in told[1:])


def test_a_tls_miner_is_told_within_three_minutes_and_once(end_to_end):
    told = end_to_end.tellings_of(scene.WATCHED, scene.HIDDEN)
    assert 0 < end_to_end.delay_s(scene.WATCHED, scene.HIDDEN) <= TLS_S
    assert (told[0]["change"], told[0]["pool_port"]) == ("new", 443)
    assert [one["change"] for one in told[1:]] == ["updated"] * (len(told) - 1)
    assert len({one["id"] for one in told}) == 1
    assert are_rising([one["revision"] for one in told])


def test_the_pool_sees_the_connection_die_and_a_new_one_fails(end_to_end):
    assert end_to_end.applied_s < end_to_end.died_s < end_to_end.applied_s + BLOCK_S
    refused = [at_s for at_s, what in end_to_end.knocks if what != "reached"]
    assert {what for _, what in end_to_end.knocks} == {"ConnectionRefusedError", "reached"}
    assert len(refused) > 10
    assert refused[-1] - end_to_end.applied_s > BLOCK_S - 5


def test_after_its_time_the_pool_is_reached_and_mined_at_again(end_to_end):
    assert BLOCK_S - 2 < end_to_end.again_s - end_to_end.applied_s < BLOCK_S + 10
    assert end_to_end.mined_again_s < end_to_end.again_s + 10
    actions = [one["action"] for one in end_to_end.deeds_of(scene.WATCHED, scene.PLAIN)]
    assert actions[:3] == ["applying", "applied", "expired"]


@pytest.mark.parametrize("service", ["site", "cache", "books", "shell"])
def test_the_services_on_the_same_host_never_notice(end_to_end, service):
    before = end_to_end.visits_in(0, end_to_end.applied_s, service)
    during = end_to_end.visits_in(end_to_end.applied_s, end_to_end.again_s, service)
    assert end_to_end.visits_in(0, float("inf"), service).failed == 0
    assert min(before.answered, during.answered) > 20
    assert during.median_s < before.median_s + UNHARMED_S


def test_a_miner_that_is_allowed_is_told_so_and_nothing_is_cut_off(end_to_end):
    (told,) = end_to_end.tellings_of(scene.LET_ALONE, scene.PLAIN)
    assert told["allowed_by"].startswith("research computing until 2999-01-01: a course")
    assert told["severity"] == "low"
    deeds = end_to_end.deeds_of(scene.LET_ALONE, scene.PLAIN)
    assert [one["action"] for one in deeds] == ["refused"]
    assert deeds[0]["reason"].startswith("it is let alone: research computing")
    ((_, end_s),) = end_to_end.lives(scene.LET_ALONE, scene.PLAIN)
    assert end_s == float("inf")


def test_the_commands_end_in_order_and_the_audit_log_is_whole(end_to_end):
    assert end_to_end.statuses == {
        f"{what} on {server}": status
        for what, status in (("watch", 0), ("respond", 128 + signal.SIGTERM))
        for server in (scene.WATCHED, scene.LET_ALONE)
    }
    log = scene.folder_of(end_to_end.out, scene.WATCHED) / "response.jsonl"
    argv = [sys.executable, "-m", "minewatch", "respond", "verify", "--log", str(log)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "none changed, none missing" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_it_nothing_is_left(tmp_path, number):
    need("ip", "nft")
    write_plan(scene.small_plan(), tmp_path / "plan.json")
    argv = [sys.executable, "-c", ALONE, str(tmp_path / "plan.json"), str(tmp_path / "run")]
    path = os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        try:
            assert "running\n" in iter(process.stdout.readline, "")
            lines = left(str(tmp_path))
            assert sum(" -m minewatch watch " in line for line in lines) == 2
            assert sum(" -m minewatch respond " in line for line in lines) == 2
            process.send_signal(number)
            process.communicate(timeout=60)
        finally:
            process.kill()
        deadline = time.monotonic() + 20
        while left(str(tmp_path)) and time.monotonic() < deadline:
            time.sleep(0.1)
    assert left(str(tmp_path)) == []
