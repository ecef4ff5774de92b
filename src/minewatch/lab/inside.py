# SPDX-License-Identifier: Apache-2.0
"""Process 1 of a lab: builds the network, starts everything, waits, and ends everything in order.

``python -m minewatch.lab.inside`` is started by ``minewatch.lab.run`` in a sandbox. It tells what
happens as lines of JSON on standard output, and stops early when its standard input ends.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, Final

from minewatch.errors import MinewatchError
from minewatch.lab import network, sandbox, staff
from minewatch.lab.capture import Captures
from minewatch.lab.labels import CAPTURES, write_labels
from minewatch.lab.plan import Plan, read_plan, write_plan
from minewatch.lab.processes import Processes, Program
from minewatch.lab.services.names import name_table
from minewatch.lab.switch import Wiring

TICK_S: Final = 0.25
END_S: Final = 4.0
"""How long programs may take to end before they are killed [s]."""

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Stopped(Exception):  # noqa: N818  it is no error
    """The user wants the lab to end now."""


class Lab:
    """One run.

    Parameters
    ----------
    plan : what to run.
    out : where captures, labels and plan go.
    xmrig : the user's XMRig, if it plays a miner.
    logs : where the output of programs is kept; None if nowhere.
    """

    def __init__(
        self, plan: Plan, out: Path, xmrig: Path | None = None, logs: Path | None = None
    ) -> None:
        self._plan = plan
        self._out = out
        self._xmrig = xmrig
        self._hosts = sandbox.WORK / "hosts"
        logs = logs or sandbox.WORK / "logs"
        for folder in (self._hosts, logs, sandbox.WORK / "tmp"):
            folder.mkdir(exist_ok=True)
        # Temporary files of whatever runs here go when the sandbox goes.
        os.environ["TMPDIR"] = str(sandbox.WORK / "tmp")
        self._processes = Processes(logs)
        self._players: list[Program] = []
        self._captures = Captures(self._processes, out / CAPTURES)

    def run(self) -> None:
        """Build, run for the plan's time, and end; finished captures stay whatever happens."""
        try:
            self._build()
            self._start()
            self._wait()
        finally:
            _ignore_signals()
            self._finish()

    def _build(self) -> None:
        tell("building", hosts=len(self._plan.hosts))
        hosts = self._plan.hosts
        files = network.build(hosts)
        wiring = Wiring(
            self._plan.seed,
            files,
            {host.name: host.address for host in hosts},
            {host.name: host.link for host in hosts},
        )
        self._processes.start(
            "the switch",
            [sys.executable, "-m", "minewatch.lab.switch"],
            files=list(files.values()),
            told=wiring.to_json(),
        )
        for file in files.values():
            os.close(file)
        self._captures.start([host.name for host in hosts if host.role == "server"])

    def _start(self) -> None:
        tell("starting", services=len(self._plan.services), miners=len(self._plan.miners))
        folders = staff.service_folders(self._plan, sandbox.WORK / "services")
        staff.start_servers(self._processes, self._plan, folders)
        self._plan = replace(self._plan, started_s=time.time())
        plan_file = self._out / "plan.json"
        write_plan(self._plan, plan_file)
        self._players = staff.start_hosts(self._processes, self._plan, plan_file, self._hosts)
        staff.start_clients(self._processes, self._plan, folders)
        if self._xmrig is not None:
            staff.start_xmrig(self._processes, self._plan, self._xmrig)

    def _wait(self) -> None:
        began_s = time.monotonic()
        while (passed_s := time.monotonic() - began_s) < self._plan.seconds:
            self._captures.check()
            self._processes.check()
            tell(
                "running",
                passed_s=passed_s,
                seconds=self._plan.seconds,
                octets=self._captures.octets(),
            )
            time.sleep(min(TICK_S, self._plan.seconds - passed_s))

    def _finish(self) -> None:
        """End captures first, so that the end of the scenario is in none of them."""
        finished = self._captures.finish()
        counts: dict[str, Any] = {}
        try:
            if finished:
                write_labels(self._plan, self._out / "labels.tsv", sorted(finished))
        finally:
            # They say what they counted; the others need no time, nothing of theirs is kept.
            self._processes.stop(self._players, seconds=END_S)
        for path in sorted(self._hosts.glob("*.json")):
            counts |= json.loads(path.read_text(encoding="utf-8"))
        if finished and counts:
            text = json.dumps(counts, indent=1) + "\n"
            (self._out / "counts.json").write_text(text, encoding="utf-8")
        tell("finished", captures=finished)


def tell(event: str, **members: object) -> None:
    """Tell the command what happens."""
    sys.stdout.write(json.dumps({"event": event, **members}) + "\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Run a lab; return the exit status: 0 done, 1 failed or stopped."""
    parser = argparse.ArgumentParser(description="Run a lab in a sandbox.")
    parser.add_argument("plan", type=Path, help="what it consists of")
    parser.add_argument("out", type=Path, help="where captures, labels and plan go")
    parser.add_argument("--xmrig", type=Path, help="the user's XMRig")
    parser.add_argument("--logs", type=Path, help="folder to keep the programs' output in")
    options = parser.parse_args(arguments)
    try:
        _stop_when_told()
        plan = read_plan(options.plan)
        sandbox.enter(name_table(plan))
        Lab(plan, options.out, options.xmrig, options.logs).run()
    except Stopped:
        tell("stopped")
    except (MinewatchError, OSError) as error:
        tell("failed", reason=reason(error, options.out))
    except Exception:  # noqa: BLE001  a defect: the command shows it
        tell("failed", reason="a defect in minewatch", traceback=traceback.format_exc())
    else:
        return 0
    return 1


def reason(error: Exception, out: Path) -> str:
    """Return what an error says, and the cure if the disk is full.

    Parameters
    ----------
    error : what was raised.
    out : where the lab writes.

    Examples
    --------
    >>> reason(OSError(28, "No space left on device"), Path("lab"))
    'lab: the disk is full: free some space, or choose another folder'
    """
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        where = error.filename or out
        return f"{where}: the disk is full: free some space, or choose another folder"
    return str(error)


def _stop_when_told() -> None:
    """Raise Stopped in the main thread when standard input ends."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=watch, daemon=True).start()


def _ignore_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    # Without taking the interpreter apart: a thread still reads standard input.
    status = main()
    sys.stdout.flush()
    os._exit(status)
