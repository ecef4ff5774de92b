# SPDX-License-Identifier: Apache-2.0
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minewatch
from minewatch.lab.inside import reason
from minewatch.lab.plan import write_plan


def test_it_runs_nowhere_but_in_a_sandbox(small_plan, tmp_path):
    write_plan(small_plan, tmp_path / "plan.json")
    argv = [sys.executable, "-m", "minewatch.lab.inside", str(tmp_path / "plan.json"), "out"]
    source = str(Path(minewatch.__file__).parents[1])
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    ) as process:
        told = json.loads(process.stdout.readline())
    assert told == {"event": "failed", "reason": "only process 1 of a sandbox may change mounts"}
    assert process.returncode == 1


def test_a_full_disk_is_told_in_words():
    assert reason(OSError(errno.ENOSPC, "No space left", "labels.tsv"), Path("lab")) == (
        "labels.tsv: the disk is full: free some space, or choose another folder"
    )
    assert reason(OSError(errno.EACCES, "Permission denied", "x"), Path("lab")) == (
        "[Errno 13] Permission denied: 'x'"
    )


@pytest.mark.namespace
@pytest.mark.parametrize("stop_at", ["building", "running"])
def test_it_stops_in_order_when_its_input_ends(start_inside, small_plan, tmp_path, stop_at):
    plan_file, out = tmp_path / "plan.json", tmp_path / "out"
    write_plan(small_plan, plan_file)
    (out / "captures").mkdir(parents=True)
    code = "import os, sys\nfrom minewatch.lab.inside import main\nos._exit(main(sys.argv[1:]))\n"
    process = start_inside(code, str(plan_file), str(out))
    events = []
    for line in process.stdout:
        events.append(json.loads(line)["event"])
        if events[-1] == stop_at and not process.stdin.closed:
            process.stdin.close()
    assert process.wait(20) == 1
    process.stdout.close()
    assert events[0] == "building"
    assert events[-2:] == ["finished", "stopped"]
    kept = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    if stop_at == "running":
        assert kept == ["captures/server-1.pcap", "counts.json", "labels.tsv", "plan.json"]
    else:
        assert ".server-1.part" not in str(kept)
