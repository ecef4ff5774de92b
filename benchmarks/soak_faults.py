# SPDX-License-Identifier: Apache-2.0
"""Makes the faults of a soak happen, and writes down when they really did."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from measure import say
from soak_plan import DATABASE, DISK, KILL, LINK, STEP, WEBHOOK, Fault
from soak_servers import Database, Webhook
from soak_watch import Watch

MIB = 1 << 20
SECTOR = 512
FULL_AGAIN_S = 0.05
FILLER = "filler"


@dataclass
class Happened:
    """A fault as it was."""

    fault: Fault
    start_s: float
    end_s: float = 0.0
    note: str = ""


@dataclass
class Faults:
    """Whatever can go wrong.

    Parameters
    ----------
    watch : the one that is killed.
    webhook : a sink.
    database : another one.
    disk : folder of a small file system with all that the watch writes.
    interface : watched.
    clock : seconds after the start.
    """

    watch: Watch
    webhook: Webhook
    database: Database
    disk: Path
    interface: str
    clock: Callable[[], float]
    happened: list[Happened] = field(default_factory=list)
    _filler: Filler | None = field(default=None, init=False)

    def begin(self, fault: Fault) -> Happened:
        """Let a fault begin; those without a duration are over at once."""
        now = Happened(fault, self.clock())
        self.happened.append(now)
        say(f"{now.start_s:7.1f} s: {fault.kind}")
        if fault.kind == KILL:
            before = self.watch.lives[-1]
            self.watch.kill()
            self.watch.start()
            now.note = f"after {before.end_s - before.start_s:.0f} s"
        elif fault.kind == WEBHOOK:
            self.webhook.stop()
        elif fault.kind == DATABASE:
            self.database.stop()
        elif fault.kind == DISK:
            self._filler = Filler(self.disk / FILLER)
        elif fault.kind == LINK:
            self._set_link("down")
        elif fault.kind == STEP:
            now.note = f"{fault.step_s:+.0f} s"
        if not fault.seconds:
            now.end_s = self.clock()
        return now

    def end(self, now: Happened) -> None:
        """Let a fault be over."""
        if now.fault.kind == WEBHOOK:
            self.webhook.start()
        elif now.fault.kind == DATABASE:
            self.database.start()
        elif now.fault.kind == DISK and self._filler is not None:
            now.note = self._filler.stop()
        elif now.fault.kind == LINK:
            self._set_link("up")
        now.end_s = self.clock()
        say(f"{now.end_s:7.1f} s: {now.fault.kind} is over")

    def _set_link(self, state: str) -> None:
        subprocess.run(["ip", "link", "set", self.interface, state], check=True)


class Filler:
    """A file that takes whatever room there is on a disk, until it is stopped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stop = threading.Event()
        self._least_free = -1
        self._thread = threading.Thread(target=self._fill, daemon=True)
        self._thread.start()

    def _fill(self) -> None:
        with self._path.open("wb", buffering=0) as file:
            while not self._stop.is_set():
                for octets in (MIB, SECTOR * 8):
                    # Full: that is what it is for.
                    with contextlib.suppress(OSError):
                        while file.write(bytes(octets)) and not self._stop.is_set():
                            pass
                state = os.statvfs(self._path.parent)
                free = state.f_bavail * state.f_bsize
                self._least_free = free if self._least_free < 0 else min(self._least_free, free)
                self._stop.wait(FULL_AGAIN_S)

    def stop(self) -> str:
        """Give the room back; return what it was like."""
        self._stop.set()
        self._thread.join()
        octets = self._path.stat().st_size
        self._path.unlink()
        return f"{octets / MIB:.0f} MiB taken, {self._least_free} octets left"
