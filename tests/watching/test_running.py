# SPDX-License-Identifier: Apache-2.0
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import runs
from minewatch.errors import SourceError
from minewatch.types import PacketBatch
from minewatch.watching import running
from minewatch.watching.checkpoint import CheckpointFolder
from minewatch.watching.running import CHECKPOINT_S, Run
from packets import NS, START
from watched import (
    OTHER_HOST,
    OTHER_POOL,
    batches,
    capture,
    closed,
    last_words,
    mining,
    new_watch,
    of_scan,
    ticking,
    told,
    web,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return capture(
        tmp_path_factory.mktemp("run") / "a.pcap",
        closed(mining(0, 6)),
        mining(300, 12, port=41_001),
        mining(30, 25, host=OTHER_HOST, pool=OTHER_POOL, port=42_000),
        *(web(15 * i, 33_000 + i) for i in range(40)),
        ticking(700, every_s=2.0),
    )


def run(path, folder=None, size=40, after=None, until=None):
    """Watch some batches, each checkpoint as soon as it can be; return what was told."""
    given, kept = [], None
    if folder is not None:
        kept = CheckpointFolder(folder)
    one = Run(new_watch(), given.extend, kept, checkpoint_s=0.0)
    try:
        one.restore()
        some = list_of_batches(path, size)[after:until]
        one.over(some, lambda: until is not None)
    finally:
        if kept is not None:
            kept.close()
    return given


def list_of_batches(path, size):
    found = []
    for batch in batches(path, [size]):
        mine = PacketBatch()
        mine.data[:] = batch.data
        mine.columns[: batch.n_packets] = batch.columns[: batch.n_packets]
        mine.n_packets = batch.n_packets
        found.append(mine)
    return found


def test_it_tells_what_the_watch_tells(path):
    assert run(path) == told(path)


def test_stopped_and_gone_on_it_tells_the_same(tmp_path, path):
    """Stopped after each batch that comes: each run reads one, leaves a checkpoint and ends."""
    given, n = [], len(list_of_batches(path, 200))
    for i in range(n):
        kept = CheckpointFolder(tmp_path / "kept")
        one = Run(new_watch(), given.extend, kept, checkpoint_s=0.0)
        one.restore()
        one.over(list_of_batches(path, 200)[i:], lambda: True)
        kept.close()
    kept = CheckpointFolder(tmp_path / "kept")
    one = Run(new_watch(), given.extend, kept)
    one.restore()
    one.over([], lambda: False)
    kept.close()
    unique = {(alert.id, alert.revision): alert for alert in given}
    assert list(unique.values()) == told(path)
    assert n >= 4


def test_stopped_without_checkpoints_its_conversations_are_over(path):
    given = run(path, None, 100, None, 3)
    assert {one.host for one in given} == {"10.0.0.1", OTHER_HOST}
    assert given[-1].last_seen_ns > START + 60 * NS


def test_what_ends_by_itself_is_read_to_its_end(path):
    given = []
    one = Run(new_watch(), given.extend)
    one.over(list_of_batches(path, 100), lambda: True, ends_by_itself=True)
    assert given == told(path)


def test_what_is_given_was_written_down_before(tmp_path, path):
    """Killed between the two, it would not know that it told somebody."""
    kept, given = CheckpointFolder(tmp_path), []

    def give(alerts):
        lines = [line for one in tmp_path.glob("told-*") for line in one.read_text().splitlines()]
        known = {(one["id"], one["revision"]) for one in (json.loads(x)["alert"] for x in lines)}
        assert known >= {(one.id, one.revision) for one in alerts}
        given.extend(alerts)

    Run(new_watch(), give, kept).over(list_of_batches(path, 100)[:3], lambda: False)
    kept.close()
    assert len(given) >= 3


def test_checkpoints_are_left_on_the_way_and_no_more_often_than_asked(tmp_path, path, monkeypatch):
    def written(folder, checkpoint_s):
        kept = CheckpointFolder(folder)
        save = kept.save  # one at a time, so that none is left out because another is written yet
        monkeypatch.setattr(kept, "save", lambda watch, wait=True: save(watch, wait=True))
        one = Run(new_watch(), lambda alerts: None, kept, checkpoint_s)
        one.over(list_of_batches(path, 100)[:2], lambda: False)
        kept.close()
        return kept.written, one.watch.counters.strikes

    often, strikes = written(tmp_path / "often", 0.0)
    assert often == strikes + 1 > 10
    assert written(tmp_path / "seldom", 3600)[0] == 2


@pytest.mark.parametrize(("apart_s", "wanted"), [(4.9, 10), (2.6, 5)])
def test_a_strike_that_is_a_moment_early_leaves_a_checkpoint_too(apart_s, wanted, monkeypatch):
    """Else there would be one every ten seconds, and a kill would lose so much."""
    saved, now_s = [], iter(i * apart_s for i in range(1, 11))
    kept = SimpleNamespace(save=lambda watch: saved.append(watch) or True)
    monkeypatch.setattr(running, "time", SimpleNamespace(monotonic=lambda: next(now_s)))
    one = Run(new_watch(), lambda alerts: None, kept, CHECKPOINT_S)
    for _ in range(10):
        one._save_if_due()
    assert len(saved) == wanted


@pytest.mark.parametrize("keeps", [False, True])
def test_a_fault_of_the_input_loses_nothing(tmp_path, path, keeps):
    """An interface that is gone: what was seen of it is told, or kept for the next run."""

    def until_gone(some):
        yield from some
        raise SourceError("eth0", "the interface is gone")

    given, all_of_it = [], list_of_batches(path, 100)
    kept = CheckpointFolder(tmp_path / "kept") if keeps else None
    one = Run(new_watch(), given.extend, kept, checkpoint_s=3600)
    with pytest.raises(SourceError, match="is gone"):
        one.over(until_gone(all_of_it[:3]), lambda: False)
    if kept is None:
        watch = new_watch()
        fed = [one for batch in all_of_it[:3] for part in watch.feed(batch) for one in part]
        assert given == [*fed, *watch.finish()]
        return
    kept.close()
    kept = CheckpointFolder(tmp_path / "kept")
    one = Run(new_watch(), given.extend, kept)
    one.restore()
    one.over(all_of_it[3:], lambda: False)
    kept.close()
    unique = {(alert.id, alert.revision): alert for alert in given}
    assert list(unique.values()) == told(path)


def test_time_passes_when_no_packets_come(path):
    given, now = [], [None]
    one = Run(new_watch(), given.extend, data_time_ns=lambda: now[0])
    first = list_of_batches(
        capture(
            Path(path).with_name("b.pcap"),
            runs.conversation("10.0.0.1", 41_000, "203.0.113.9", 3333, runs.cryptonote(shares=0)),
        ),
        100,
    )

    def some():
        yield PacketBatch()
        yield from first
        now[0] = START + 36 * NS
        yield PacketBatch()
        assert len(given) == 1

    one.over(some(), lambda: False)
    assert given[0].updated_ns == START + 35 * NS


CHILD = """
import os, sys, time
sys.path[:0] = {paths}
from minewatch.watching.checkpoint import CheckpointFolder
from minewatch.watching.running import Run
from watched import batches, new_watch
path, folder, told = sys.argv[1:]
kept = CheckpointFolder(folder, ["a", 1])
out = open(told, "a")
def give(alerts):
    for one in alerts:
        words = (one.id, one.revision, one.change, one.conversations, one.updated_ns)
        print(*words, file=out, flush=True)
def slowly():
    print("reading", flush=True)
    for batch in batches(path, [20]):
        yield batch
        time.sleep(0.02)
one = Run(new_watch(), give, kept, checkpoint_s=0.0)
one.restore()
one.over(slowly(), lambda: False)
print("over", flush=True)
"""


def start(path, folder, told_path):
    tests = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", CHILD.format(paths=[tests]), path, str(folder), str(told_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_killed_again_and_again_it_ends_with_the_same_alerts(tmp_path, path):
    """SIGKILL, four times in the middle; each run goes on where the last checkpoint was."""
    folder, told_path = tmp_path / "kept", tmp_path / "told"
    for wait_s in (0.2, 0.5, 0.9, 0.4):
        child = start(path, folder, told_path)
        assert child.stdout.readline() == "reading\n", child.stderr.read()
        time.sleep(wait_s)
        child.send_signal(signal.SIGKILL)
        child.wait(30)
        child.stdout.close()
        child.stderr.close()
    child = start(path, folder, told_path)
    output, errors = child.communicate(timeout=120)
    assert output.endswith("over\n"), errors
    lines = [line.split() for line in told_path.read_text().splitlines()]
    unique = {(line[0], int(line[1])): line[2:] for line in lines}
    # Told twice it says the same; and no revision is left out.
    assert all(unique[line[0], int(line[1])] == line[2:] for line in lines)
    undisturbed = told(path)
    assert unique == {
        (one.id, one.revision): [str(one.change), str(one.conversations), str(one.updated_ns)]
        for one in undisturbed
    }
    assert {alert.id for alert in of_scan(path)} == {alert_id for alert_id, _ in unique}
    assert last_words(undisturbed) == of_scan(path)
