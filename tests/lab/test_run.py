# SPDX-License-Identifier: Apache-2.0
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from minewatch.errors import ConfigError, MinewatchError
from minewatch.lab.dialects import DIALECTS
from minewatch.lab.drawing import draw_plan
from minewatch.lab.labels import MINING, UNKNOWN
from minewatch.lab.plan import EVASIONS, read_plan, write_plan
from minewatch.lab.run import Outcome, _listen, run_lab
from minewatch.lab.services import SERVICES
from minewatch.pipeline import PipelineOptions, conversations
from minewatch.readers.finding import find_inputs
from minewatch.training.labels import read_labels

pytestmark = pytest.mark.namespace

RUN = """
import signal, sys
from pathlib import Path
from minewatch.lab.plan import read_plan
from minewatch.lab.run import run_lab

def stop(number, frame):
    raise SystemExit(143)

def hear(event):
    print(event["event"], flush=True)

signal.signal(signal.SIGTERM, stop)
outcome = run_lab(read_plan(Path(sys.argv[1])), Path(sys.argv[2]), hear=hear)
print(outcome, flush=True)
"""


@pytest.fixture
def quick(small_plan):
    return replace(small_plan, seconds=3.0)


def namespaces():
    return subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout


def processes_with(text):
    """Return the command lines of running processes in which a text occurs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line and int(path.parent.name) != os.getpid():
            found.append(line)
    return found


def files(out):
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())


def test_a_run_leaves_its_folder_and_nothing_else(quick, tmp_path, monkeypatch):
    before = namespaces()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    events = []
    outcome = run_lab(quick, tmp_path / "lab", hear=lambda event: events.append(event["event"]))
    assert outcome.captures == {"server-1": 0}
    assert not outcome.was_stopped
    assert list(dict.fromkeys(events)) == ["building", "starting", "running", "finished"]
    assert files(tmp_path / "lab") == [
        "captures/server-1.pcap",
        "counts.json",
        "labels.tsv",
        "plan.json",
    ]
    ran = read_plan(tmp_path / "lab" / "plan.json")
    assert replace(ran, started_s=0.0) == quick
    assert abs(time.time() - ran.started_s) < 60
    assert (tmp_path / "lab" / "captures" / "server-1.pcap").stat().st_size > 1000
    assert processes_with(str(tmp_path)) == []
    assert namespaces() == before
    assert not any((tmp_path / "temporary").iterdir())
    assert not Path("/run/lab").exists()


def start(plan, tmp_path):
    """Run a lab in a process of its own, up to where it runs."""
    write_plan(replace(plan, seconds=600.0), tmp_path / "plan.json")
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path / "plan.json"), str(tmp_path / "lab")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )
    assert "running\n" in iter(process.stdout.readline, "")
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_in_order(quick, tmp_path, number):
    with start(quick, tmp_path) as process:
        process.send_signal(number)
        said, complaint = process.communicate(timeout=60)
    assert "Outcome(captures={'server-1': 0}, was_stopped=True)" in said, complaint
    assert files(tmp_path / "lab") == [
        "captures/server-1.pcap",
        "counts.json",
        "labels.tsv",
        "plan.json",
    ]
    assert processes_with(str(tmp_path)) == []


def test_a_lab_that_does_not_end_in_order_is_killed(start_inside, monkeypatch):
    """Its process 1 is told to stop, and hangs."""
    process = start_inside(
        'import time\nprint(\'{"event": "running"}\', flush=True)\ntime.sleep(600)'
    )
    monkeypatch.setattr("minewatch.lab.run.END_S", 0.5)

    def interrupt(event):
        raise KeyboardInterrupt

    assert _listen(process, interrupt) == Outcome({}, was_stopped=True)
    assert process.returncode == -signal.SIGKILL


def test_a_killed_run_leaves_no_process_and_no_namespace(quick, tmp_path):
    before = namespaces()
    with start(quick, tmp_path) as process:
        assert len(processes_with(str(tmp_path))) > 5
        process.kill()
        process.wait(20)
        deadline = time.monotonic() + 20
        while processes_with(str(tmp_path)) and time.monotonic() < deadline:
            time.sleep(0.02)
    assert processes_with(str(tmp_path)) == []
    assert namespaces() == before
    assert not Path("/run/lab").exists()
    # Unfinished captures are hidden: nobody takes them for whole ones.
    assert files(tmp_path / "lab") == ["captures/.server-1.part", "plan.json"]


def test_a_program_that_fails_ends_the_lab_and_captures_stay(quick, tmp_path):
    wrong = replace(quick.pools[0], dialect="klingon")
    with pytest.raises(MinewatchError, match=r"host pool-1 ended early .* no dialect 'klingon'"):
        run_lab(replace(quick, pools=(wrong, quick.pools[1])), tmp_path / "lab")
    assert "captures/server-1.pcap" in files(tmp_path / "lab")
    assert processes_with(str(tmp_path)) == []


def test_a_network_that_cannot_be_built_leaves_nothing(quick, tmp_path):
    twice = (*quick.hosts, replace(quick.hosts[0], name="other"))
    with pytest.raises(MinewatchError, match=r"two hosts have the address 10\.86\.1\.1"):
        run_lab(replace(quick, hosts=twice), tmp_path / "lab")
    assert not (tmp_path / "lab").exists()


def test_a_folder_with_something_in_it_is_refused(quick, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(ConfigError, match="not an empty folder; give a new one"):
        run_lab(quick, tmp_path)
    assert files(tmp_path) == ["mine.txt"]


def test_a_folder_that_cannot_be_made_is_refused(quick, tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/lab")):
        with pytest.raises(ConfigError, match="give a folder that may be made and written to"):
            run_lab(quick, out)
    with pytest.raises(ConfigError, match="the lab has a /run of its own"):
        run_lab(quick, Path("/run/lab-test"))
    assert not Path("/run/lab-test").exists()


def test_a_folder_in_use_is_refused(quick, tmp_path):
    with start(quick, tmp_path) as process:
        with pytest.raises(ConfigError, match="in use by another lab"):
            run_lab(quick, tmp_path / "lab")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert "captures/server-1.pcap" in files(tmp_path / "lab")


def test_a_full_disk_ends_a_run_before_it_starts(quick, tmp_path):
    write_plan(quick, tmp_path / "plan.json")
    (tmp_path / "lab").mkdir()
    mount = 'mount -t tmpfs -o size=30m none "$0" && "$@"; ls -A "$0"'
    run = [sys.executable, "-c", RUN, str(tmp_path / "plan.json"), str(tmp_path / "lab")]
    done = subprocess.run(
        ["unshare", "--mount", "--", "sh", "-c", mount, str(tmp_path / "lab"), *run],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )
    assert done.stdout == "building\nfinished\nfailed\n"  # and no file is left
    assert f"MinewatchError: {tmp_path}/lab/captures: the disk is full" in done.stderr


def test_logs_are_kept_on_demand(quick, tmp_path):
    run_lab(quick, tmp_path / "lab", logs=True)
    logs = [name for name in files(tmp_path / "lab") if name.startswith("logs/")]
    assert "logs/001-the-switch.log" in logs
    assert len(logs) > 5


@pytest.mark.slow
def test_a_small_lab_of_everything(tmp_path):
    """Each dialect is heard, each miner finds shares, each conversation is in the plan."""
    plan = draw_plan(4, 40.0, 7, evasions=EVASIONS)
    out = tmp_path / "lab"
    outcome = run_lab(plan, out)
    assert outcome.captures == dict.fromkeys((f"server-{n}" for n in range(1, 5)), 0)
    counts = json.loads((out / "counts.json").read_text())
    lazy = [miner.name for miner in plan.miners if "throttle" in miner.evasions]
    for miner in plan.miners:
        assert counts[miner.name]["jobs"] >= 1, miner
        assert counts[miner.name]["accepted"] >= 1 or miner.name in lazy, miner
    told = labelled(out)
    assert told.filter(pl.col("service") == UNKNOWN).height == 0
    assert set(told["service"]) == {MINING, *SERVICES}
    mining = told.filter(pl.col("label") == "mining")
    assert set(mining["dialect"]) == set(DIALECTS)
    hidden = {name for names in mining["evasion"].drop_nulls() for name in names.split("+")}
    assert hidden == set(EVASIONS)
    done = subprocess.run(
        [sys.executable, "-m", "minewatch", "label", "--check", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def labelled(out):
    """Return what the labels tell of every conversation that was captured."""
    return pl.concat(
        capture.attributes(chunk.everything)
        for capture in read_labels(out / "labels.tsv")
        for chunk in conversations(find_inputs([str(capture.path)])[0][0], PipelineOptions())[1]
    )
