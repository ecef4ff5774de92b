# SPDX-License-Identifier: Apache-2.0
"""Runs a lab from outside: prepares the folder, starts the sandbox, hears what happens in it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from minewatch.errors import ConfigError, MinewatchError
from minewatch.lab import requirements, sandbox
from minewatch.lab.labels import CAPTURES
from minewatch.lab.plan import Plan, write_plan

Event: TypeAlias = dict[str, Any]
"""``event`` names it: ``building``, ``starting``, ``running`` (with ``passed_s``, ``seconds`` and
``octets``), ``finished``, ``stopped`` or ``failed`` (with ``reason``)."""

FILES: Final = ("plan.json", "labels.tsv", "counts.json")
"""What lies in a lab's folder, besides the captures."""

END_S: Final = 30.0
"""How long a lab may take to end in order before it is killed [s]."""


@dataclass(slots=True)
class Outcome:
    """How a lab ended."""

    captures: dict[str, int] = field(default_factory=dict)
    """Servers whose captures are whole, and packets that the kernel dropped in each."""
    was_stopped: bool = False
    """The user stopped it."""


def run_lab(
    plan: Plan,
    out: Path,
    *,
    xmrig: Path | None = None,
    logs: bool = False,
    hear: Callable[[Event], None] = lambda event: None,
) -> Outcome:
    """Run a lab; afterwards nothing of it is left but the folder.

    Parameters
    ----------
    plan : what to run.
    out : folder for captures, labels and plan; made, or empty.
    xmrig : the user's XMRig, if it plays a miner.
    logs : keep what the programs wrote in ``logs``, too.
    hear : called with what happens. If it is interrupted (Ctrl-C, SIGTERM), the lab is ended in
        order, and what it has captured stays.

    Raises
    ------
    ConfigError : something is missing here, or the folder cannot be used; nothing was started.
    MinewatchError : the lab failed; the text says why.
    """
    requirements.require(plan, xmrig)
    with _folder(out):
        plan_file = out / "plan.json"
        _write(plan, plan_file)
        arguments = [str(plan_file.resolve()), str(out.resolve())]
        arguments += ["--xmrig", str(xmrig.resolve())] if xmrig is not None else []
        if logs:
            (out / "logs").mkdir()
            arguments += ["--logs", str((out / "logs").resolve())]
        return _listen(sandbox.start("minewatch.lab.inside", arguments), hear)


def _write(plan: Plan, path: Path) -> None:
    try:
        write_plan(plan, path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; choose another folder") from error


def _listen(process: subprocess.Popen[str], hear: Callable[[Event], None]) -> Outcome:
    outcome = Outcome()
    failure: Event | None = None
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        try:
            for line in process.stdout:
                event = json.loads(line)
                failure = _note(event, outcome) or failure
                hear(event)
        except (KeyboardInterrupt, SystemExit):
            outcome.was_stopped = True
            process.stdin.close()  # which tells it
            with _killed_after(END_S, process):
                for line in process.stdout:
                    failure = _note(json.loads(line), outcome) or failure
        status = process.wait(END_S)
    finally:
        process.kill()  # and with it all that runs inside
        process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    if failure is not None:
        raise MinewatchError(_told(failure, outcome))
    if status and not outcome.was_stopped:
        raise MinewatchError(f"the lab ended with status {status}")
    return outcome


@contextlib.contextmanager
def _killed_after(seconds: float, process: subprocess.Popen[str]) -> Iterator[None]:
    alarm = threading.Timer(seconds, process.kill)
    alarm.start()
    try:
        yield
    finally:
        alarm.cancel()


def _note(event: Event, outcome: Outcome) -> Event | None:
    """Keep what is told; return the event if it is a failure."""
    if event["event"] == "finished":
        outcome.captures = event["captures"]
    outcome.was_stopped |= event["event"] == "stopped"
    return event if event["event"] == "failed" else None


def _told(failure: Event, outcome: Outcome) -> str:
    text = str(failure["reason"])
    if "traceback" in failure:
        text += ": " + str(failure["traceback"])
    if outcome.captures:
        text += f" ({len(outcome.captures)} captures up to then were kept)"
    return text


@contextlib.contextmanager
def _folder(out: Path) -> Iterator[None]:
    """Make the folder and hold it; take away what was made if no capture came of it."""
    made = not out.exists()
    lock = _hold(out)
    try:
        if any(out.iterdir()):
            raise ConfigError(f"{out}: not an empty folder; give a new one")
        try:
            (out / CAPTURES).mkdir()
            yield
        finally:
            if not any((out / CAPTURES).glob("*.pcap")):
                _clear(out)
    finally:
        os.close(lock)
        if made:
            with contextlib.suppress(OSError):  # something of use is in it
                out.rmdir()


def _hold(out: Path) -> int:
    """Make a folder if need be and return a lock on it, which goes with this process."""
    if Path(os.path.realpath(out)).is_relative_to("/run"):
        raise ConfigError(f"{out}: the lab has a /run of its own; give a folder elsewhere")
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigError(
            f"{out}: {error.strerror}; give a folder that may be made and written to"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise ConfigError(f"{out}: in use by another lab; give a new folder") from error
    return lock


def _clear(out: Path) -> None:
    """Remove what a lab without a capture left; not the logs, which say why."""
    shutil.rmtree(out / CAPTURES)
    for name in FILES:
        (out / name).unlink(missing_ok=True)
