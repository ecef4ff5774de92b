# SPDX-License-Identifier: Apache-2.0
import json
import os
import random
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from alert_sinks import Memory, down, keys, wait_for
from dying import dies_at
from made_up_alerts import PLAIN, numbered
from minewatch.alerts.courier import Patience
from minewatch.alerts.delivery import Delivery
from minewatch.alerts.forms.named import FORMS
from minewatch.alerts.forms.stored import read
from minewatch.alerts.sinks.lines import LineSink
from minewatch.errors import SinkError

ROOT = Path(__file__).parents[2]
SOON = Patience(0.001, 0.02)


@pytest.fixture
def deliver(tmp_path):
    made = []

    def make(*sinks, folder=tmp_path / "spool", **options):
        made.append(Delivery(sinks, folder, patience=SOON, **options))
        return made[-1]

    yield make
    for one in made:
        one.close(1.0)


def told(alerts):
    """Some of each alert's revisions, in order."""
    return {alert_id: [r for i, r in alerts if i == alert_id] for alert_id, _ in alerts}


def without_repeats(revisions):
    """What a receiver keeps who drops what is not newer."""
    kept = []
    for revision in revisions:
        if not kept or revision > kept[-1]:
            kept.append(revision)
    return kept


def test_every_sink_gets_every_alert_in_order(deliver):
    sinks = [Memory(f"sink {i}") for i in range(3)]
    delivery = deliver(*sinks)
    alerts = [numbered(i % 5, 1 + i // 5) for i in range(200)]
    for alert in alerts:
        delivery.put([alert])
    delivery.close()
    for sink in sinks:
        assert sink.got == alerts
        assert sink.is_closed
    counters = delivery.counters()
    assert [(c.delivered, c.waiting, c.dropped) for c in counters.values()] == [(200, 0, 0)] * 3


def test_a_sink_that_hangs_blocks_neither_put_nor_another_sink_nor_the_end(deliver):
    hold = threading.Event()
    said = []
    slow = Memory("slow", fault=lambda _: hold.wait(30))
    quick = Memory("quick")
    delivery = deliver(slow, quick, tell=said.append)
    start = time.monotonic()
    for i in range(50):
        delivery.put([numbered(i)])
    assert time.monotonic() - start < 5
    wait_for(lambda: len(quick.got) == 50)
    assert slow.got == []
    delivery.close(0.2)
    assert time.monotonic() - start < 10
    assert said == ["slow: takes too long and is left alone"]
    hold.set()


def test_down_for_a_while_then_up_and_a_restart_between(deliver):
    alerts = [numbered(i % 7, 1 + i // 7) for i in range(70)]
    sink = Memory(fault=down())
    first = deliver(sink)
    first.put(alerts[:40])
    wait_for(lambda: sink.tries > 3)
    first.close()
    assert sink.got == []
    assert first.counters()["memory"].waiting == 40

    sink = Memory(fault=down())
    second = deliver(sink)
    second.put(alerts[40:])
    wait_for(lambda: sink.tries > 3)
    sink.fault = None
    wait_for(lambda: len(sink.got) == 70)
    assert sink.got == alerts


def test_a_sink_that_fails_half_way_gets_them_again_in_order(deliver):
    chance = random.Random(1)

    def fail_half_way(alerts):
        if chance.random() < 0.7:
            sink.got += alerts[: chance.randrange(len(alerts))]
            raise down()

    sink = Memory(fault=fail_half_way)
    delivery = deliver(sink)
    alerts = [numbered(i % 3, 1 + i // 3) for i in range(90)]
    for alert in alerts:
        delivery.put([alert])
    wait_for(lambda: delivery.counters()["memory"].waiting == 0)
    for revisions in told(sink.keys()).values():
        assert without_repeats(revisions) == list(range(1, 31))


def test_a_new_sink_gets_what_comes_after_it(deliver):
    old = Memory("old")
    first = deliver(old)
    first.put([numbered(1)])
    first.close()
    new = Memory("new")
    second = deliver(Memory("old"), new)
    second.put([numbered(2)])
    second.close()
    assert keys(new.got) == keys([numbered(2)])


def test_one_delivery_a_folder(deliver, tmp_path):
    deliver(Memory())
    with pytest.raises(SinkError, match="another minewatch"):
        Delivery([], tmp_path / "spool")


def test_a_folder_that_cannot_be_used(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="Not a directory"):
        Delivery([], tmp_path / "file" / "spool")


def test_arguments_are_checked(tmp_path):
    with pytest.raises(ValueError, match="one name"):
        Delivery([Memory(), Memory()], tmp_path)
    with pytest.raises(ValueError, match="limit_mib"):
        Delivery([], tmp_path, 0)


def test_nothing_is_put_after_the_end(deliver):
    delivery = deliver(Memory())
    delivery.close()
    delivery.close()
    with pytest.raises(ValueError, match="closed"):
        delivery.put([PLAIN])


def test_a_number_that_is_not_finite_is_refused_and_nothing_put(deliver):
    sink = Memory()
    delivery = deliver(sink)
    with pytest.raises(ValueError, match="JSON compliant"):
        delivery.put([PLAIN, replace(PLAIN, mining_probability=float("nan"))])
    delivery.close()
    assert sink.got == []


def test_an_alert_too_long_to_keep_is_counted(deliver):
    sink = Memory()
    delivery = deliver(sink)
    delivery.put([replace(PLAIN, pool_name="x" * (1 << 20)), PLAIN])
    delivery.close()
    assert sink.got == [PLAIN]
    assert delivery.counters()["memory"].dropped == 1


def test_measures_tell_of_each_sink(deliver):
    sink = Memory(fault=down())
    delivery = deliver(sink)
    delivery.put([PLAIN])
    wait_for(lambda: sink.tries > 1)
    found = {measure.name: measure for measure in delivery.measures()}
    assert found["sink_waiting"].value == 1
    assert found["sink_up"].value == 0
    assert found["sink_up"].labels == {"sink": "memory"}
    assert found["sink_retried"].value >= 1
    assert found["spool_octets"].value > 100
    sink.fault = None
    wait_for(lambda: sink.got)
    found = {measure.name: measure.value for measure in delivery.measures()}
    assert (found["sink_delivered"], found["sink_waiting"], found["sink_up"]) == (1, 0, 1)


WRITER = """
import sys, time
sys.path[:0] = {path!r}
from alert_sinks import Memory
from made_up_alerts import numbered
from minewatch.alerts.courier import Patience
from minewatch.alerts.delivery import Delivery
from minewatch.alerts.forms.named import FORMS
from minewatch.alerts.sinks.lines import LineSink

class Slow(LineSink):
    def send(self, alerts):
        super().send(alerts)
        time.sleep(0.002)

folder, out, first = sys.argv[1:]
sinks = [Slow("lines", out, FORMS["json"], 1 << 30, 0), Memory("down", ConnectionError("down"))]
with Delivery(sinks, folder, patience=Patience(0.001, 0.01)) as delivery:
    for number in range(int(first), int(first) + 2000):
        delivery.put([numbered(number % 5, 1 + number // 5)])
        print(number, flush=True)
"""


def killed_after(seconds, folder, out, first):
    """Put alerts in another process until it is killed; return the number of the last one put."""
    path = [str(ROOT / "src"), str(ROOT / "tests")]
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER.format(path=path), folder, out, str(first)],
        stdout=subprocess.PIPE,
        text=True,
    )
    last = int(process.stdout.readline())
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read().splitlines(keepends=True)
    assert process.wait(10) == -signal.SIGKILL
    process.stdout.close()
    whole = [int(line) for line in rest if line.endswith("\n")]
    return whole[-1] if whole else last


def test_kill_9_loses_nothing_that_was_put(deliver, tmp_path):
    folder, out = tmp_path / "spool", tmp_path / "out.jsonl"
    first, unsure = 0, set()
    for seconds in (0.05, 0.2, 0.33):
        last = killed_after(seconds, folder, out, first)
        # The next one may have been put or not: it is in no expectation, and not used again.
        unsure.add(last + 1)
        first = last + 2
    put = set(range(first - 1)) - unsure
    assert len(put) > 20

    lines, late = LineSink("lines", str(out), FORMS["json"], 1 << 30, 0), Memory("down")
    deliver(lines, late).close()

    written = [json.loads(line) for line in out.read_text().splitlines()]
    for found in ([(w["id"], w["revision"]) for w in written], late.keys()):
        numbers = [int(alert_id, 16) + 5 * (revision - 1) for alert_id, revision in found]
        assert put <= set(numbers) <= put | unsure
        for revisions in told(found).values():
            newest = without_repeats(revisions)
            assert newest == sorted(set(revisions))


def test_death_at_any_step_loses_nothing_that_was_put(tmp_path):
    """Alerts so large that two fill a segment: files are made and deleted all the time."""
    alerts = [replace(numbered(n), pool_name="x" * 60_000) for n in range(6)]

    def lines(folder):
        return LineSink("lines", str(folder / "out.jsonl"), FORMS["json"], 1 << 30, 0)

    died, step = True, 0
    while died:
        step += 1
        folder = tmp_path / str(step)
        folder.mkdir()

        def work(say, folder=folder):
            sinks = [lines(folder), Memory("down", down())]
            with Delivery(sinks, folder / "spool", 1, patience=SOON) as delivery:
                for number, alert in enumerate(alerts):
                    delivery.put([alert])
                    say(number)

        put, died = dies_at(step, work)
        late = Memory("down")
        with Delivery([lines(folder), late], folder / "spool", 1, patience=SOON) as delivery:
            delivery.put([numbered(99)])
        written = [
            json.loads(line)["id"] for line in (folder / "out.jsonl").read_text().splitlines()
        ]
        for found in (written, [alert.id for alert in late.got]):
            assert {alerts[number].id for number in put} <= set(found), step
            assert found[-1] == numbered(99).id, step
        assert [c.dropped for c in delivery.counters().values()] == [0, 0], step
    assert put == list(range(6))
    assert step > 25


def test_a_sink_that_was_away_misses_nothing_when_it_is_named_again(deliver, tmp_path):
    large = [replace(numbered(n), pool_name="x" * 40_000) for n in range(9)]
    first = deliver(Memory("a"), Memory("b"))
    first.put(large)
    first.close()
    assert list((tmp_path / "spool").glob("*.alerts")) == []
    # Nothing waits; only the cursor of the other sink tells how far numbers have got.
    second = deliver(Memory("c", down()))
    second.put([numbered(10)])
    second.close()
    a, c = Memory("a"), Memory("c")
    third = deliver(a, c)
    third.put([numbered(11)])
    third.close()
    assert keys(a.got) == keys([numbered(10), numbered(11)])
    assert keys(c.got) == keys([numbered(10), numbered(11)])
    assert [one.dropped for one in third.counters().values()] == [0, 0]


def test_a_listener_that_is_gone_ends_neither_detection_nor_delivery(deliver):
    def gone(line):
        raise BrokenPipeError(line)

    sink = Memory(fault=down())
    delivery = deliver(sink, tell=gone)
    delivery.put([numbered(1)])
    wait_for(lambda: sink.tries > 2)
    sink.fault = None
    wait_for(lambda: sink.got)
    delivery.put([numbered(2)])
    delivery.close()
    assert keys(sink.got) == keys([numbered(1), numbered(2)])


def test_a_real_full_disk_is_counted_told_and_recovered_from(tmp_path):
    """A file system of 256 KiB in a mount namespace of its own."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    code = textwrap.dedent(f"""
        import sys, os
        sys.path[:0] = {[str(ROOT / "src"), str(ROOT / "tests")]!r}
        from alert_sinks import Memory, down, wait_for
        from made_up_alerts import numbered
        from minewatch.alerts.courier import Patience
        from minewatch.alerts.delivery import Delivery
        folder = {str(tmp_path)!r}
        said = []
        sink = Memory(fault=down())
        soon = Patience(0.001, 0.01)
        delivery = Delivery([sink], folder + "/spool", tell=said.append, patience=soon)
        with open(folder + "/ballast", "wb") as ballast:
            ballast.write(bytes(100_000))
        for i in range(300):
            delivery.put([numbered(i)])
        unsaved = {{m.name: m.value for m in delivery.measures()}}["spool_unsaved"]
        assert 100 < unsaved < 300, unsaved
        assert any("No space left on device: alerts are kept in memory alone" in s for s in said)
        sink.fault = None
        wait_for(lambda: len(sink.got) == 300)
        assert [a.id for a in sink.got] == [numbered(i).id for i in range(300)]
        sink.fault = down()
        for i in range(300, 700):
            delivery.put([numbered(i)])
        os.unlink(folder + "/ballast")
        os.system("mount -o remount,size=8m " + folder)
        wait_for(lambda: any("takes alerts again" in s for s in said if "spool" in s))
        delivery.close(0.5)
        again = Memory()
        second = Delivery([again], folder + "/spool", patience=soon)
        second.close()
        assert [a.id for a in again.got] == [numbered(i).id for i in range(300, 700)]
        print("well")
    """)
    script = tmp_path.parent / f"{tmp_path.name}.py"
    script.write_text(code)
    mount = f"mount -t tmpfs -o size=256k tmpfs '{tmp_path}' && exec '{sys.executable}' '{script}'"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("well\n", 0), done.stderr


def test_a_limit_on_the_size_of_files_is_like_a_full_disk(deliver):
    sink = Memory(fault=down())
    said = []
    delivery = deliver(sink, tell=said.append)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        delivery.put([numbered(i) for i in range(30)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert any("File too large: alerts are kept in memory" in line for line in said)
    sink.fault = None
    wait_for(lambda: len(sink.got) == 30)
    assert keys(sink.got) == keys(map(numbered, range(30)))


def test_the_spool_holds_alerts_and_no_secret_is_on_disk_readable_by_others(deliver, tmp_path):
    delivery = deliver(Memory(fault=down()))
    delivery.put([PLAIN])
    folder = tmp_path / "spool"
    assert folder.stat().st_mode & 0o077 == 0
    files = [path for path in folder.iterdir() if path.suffix == ".alerts"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    assert [read(line.split(b" ", 2)[2]) for line in files[0].read_bytes().splitlines()] == [PLAIN]
