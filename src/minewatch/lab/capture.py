# SPDX-License-Identifier: Apache-2.0
"""One tcpdump on each server; a capture gets its name when it is whole."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from minewatch.errors import MinewatchError
from minewatch.lab.network import DEVICE
from minewatch.lab.processes import POLL_S, Processes, Program

PROGRAMS: Final = {"tcpdump": "tcpdump"}

START_S: Final = 20.0
"""Until tcpdump must listen."""

STOP_S: Final = 10.0
"""Until it must have written the rest, before it is killed."""

MIN_FREE_OCTETS: Final = 32 << 20
"""Room on the disk below which the lab ends: tcpdump goes on when it is full, and says nothing."""

SETTLE_S: Final = 0.3
"""It says that it listens a moment before it is true."""


@dataclass(frozen=True, slots=True)
class Capture:
    """One server's capture."""

    host: str
    program: Program
    part: Path
    """Where it is written."""
    whole: Path
    """What it is called in the end."""


class Captures:
    """The captures of a lab.

    Parameters
    ----------
    processes : where tcpdump is started.
    folder : where ``<host>.pcap`` will lie.
    """

    def __init__(self, processes: Processes, folder: Path) -> None:
        self._processes = processes
        self._folder = folder
        self._running: list[Capture] = []

    def start(self, hosts: Sequence[str]) -> None:
        """Begin to capture, and return when all do.

        Raises
        ------
        MinewatchError : tcpdump does not start, or cannot write.
        """
        self.check_room()
        for host in hosts:
            part, whole = self._folder / f".{host}.part", self._folder / f"{host}.pcap"
            argv = ["tcpdump", "-n", "-i", DEVICE, "-s", "0", "-U", "-Z", "root", "-w", str(part)]
            # Ours to watch: its end is told here, with the file's name.
            program = self._processes.start(f"tcpdump on {host}", argv, host=host, may_end=True)
            self._running.append(Capture(host, program, part, whole))
        deadline = time.monotonic() + START_S
        while not all("listening on" in capture.program.said() for capture in self._running):
            self.check()
            if time.monotonic() > deadline:
                raise MinewatchError("tcpdump does not begin to listen")
            time.sleep(POLL_S)
        time.sleep(SETTLE_S)

    def check(self) -> None:
        """Look after every capture.

        Raises
        ------
        MinewatchError : one has ended, or the disk is nearly full; the text names the file.
        """
        for capture in self._running:
            if capture.program.has_ended():
                said = capture.program.said() or "no message"
                raise MinewatchError(f"{capture.part}: tcpdump has ended: {said}")
        self.check_room()

    def check_room(self) -> None:
        """Look whether the disk has room, while what was captured is still whole.

        Raises
        ------
        MinewatchError : it has not.
        """
        room = os.statvfs(self._folder)
        if room.f_bavail * room.f_frsize < MIN_FREE_OCTETS:
            raise MinewatchError(
                f"{self._folder}: the disk is full (less than {MIN_FREE_OCTETS >> 20} MiB are "
                "free): free some space, or choose another folder"
            )

    def octets(self) -> int:
        """Return how much has been written [octets]."""
        return sum(c.part.stat().st_size for c in self._running if c.part.exists())

    def finish(self) -> dict[str, int]:
        """Stop, and give whole captures their names; return packets that the kernel dropped.

        A capture whose tcpdump failed is removed, for it may end within a packet. May be called
        again: the second time does nothing.

        Returns
        -------
        Hosts of finished captures, and the packets that are missing in each.
        """
        running, self._running = self._running, []
        failed = {c.host for c in running if c.program.has_ended()}
        self._processes.stop([c.program for c in running], signal.SIGINT, STOP_S)
        dropped: dict[str, int] = {}
        for capture in running:
            if capture.host in failed or capture.program.process.returncode:
                capture.part.unlink(missing_ok=True)
                continue
            capture.part.rename(capture.whole)
            count = re.search(r"(\d+) packets? dropped by kernel", capture.program.said())
            dropped[capture.host] = int(count[1]) if count else 0
        return dropped
