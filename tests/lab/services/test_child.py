# SPDX-License-Identifier: Apache-2.0
import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from minewatch.lab.services import child


def runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition):
    for _ in range(2000):
        if condition():
            return
        subprocess.run(["sleep", "0.005"], check=True)
    pytest.fail("it has not come")


def test_it_reads_what_is_written_until_the_end(tmp_path):
    text = iter([(0.0, b"one\n"), (0.01, b"two\n")])
    asyncio.run(child.run_child(["tee", str(tmp_path / "read")], text))
    assert (tmp_path / "read").read_text() == "one\ntwo\n"


def test_it_may_end_before_all_is_written():
    text = ((0.0, b"x" * 100_000) for _ in range(100))
    asyncio.run(child.run_child(["true"], text))


def test_a_failure_is_a_broken_connection():
    with pytest.raises(ConnectionError, match="false: status 1"):
        asyncio.run(child.run_child(["false"]))


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
def test_it_ends_with_the_task_even_if_it_is_stubborn(tmp_path, monkeypatch, trap):
    monkeypatch.setattr(child, "_GRACE_S", 0.2)
    mark = tmp_path / "pid"

    async def play():
        script = f"{trap}echo $$ >{mark}.new; mv {mark}.new {mark}; while :; do sleep 0.1; done"
        task = asyncio.create_task(child.run_child(["sh", "-c", script]))
        while not mark.exists():
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(play())
    wait_for(lambda: not runs(int(mark.read_text())))


def test_it_ends_with_a_parent_that_is_killed(tmp_path):
    mark = tmp_path / "pid"
    script = f"echo $$ >{mark}.new; mv {mark}.new {mark}; exec sleep 60"
    program = (
        "import asyncio; from minewatch.lab.services.child import run_child;"
        f"asyncio.run(run_child(['sh', '-c', {script!r}]))"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as parent:
        wait_for(mark.exists)
        pid = int(mark.read_text())
        assert runs(pid)
        parent.kill()
    wait_for(lambda: not runs(pid))


def test_a_restarting_program_runs_again(tmp_path):
    log = tmp_path / "log"
    argv = child.restarting(["sh", "-c", f"echo $$ >>{log}; exit 3"], pause_s=0.01)
    with subprocess.Popen(argv) as process:
        wait_for(lambda: log.exists() and log.read_text().count("\n") >= 3)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(5) == -signal.SIGTERM
