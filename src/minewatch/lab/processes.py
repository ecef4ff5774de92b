# SPDX-License-Identifier: Apache-2.0
"""The programs of a running lab: started in their hosts' namespaces, watched, and stopped.

Runs in process 1 of the sandbox, so it also buries what others leave behind.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from minewatch.errors import MinewatchError
from minewatch.lab import network

POLL_S: Final = 0.05
MAX_QUOTED: Final = 600
"""Characters of a program's own words in an error."""

_LISTEN: Final = "0A"


@dataclass(frozen=True, slots=True)
class Program:
    """A program that was started."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    may_end: bool = False

    def said(self) -> str:
        """Return the last of what it wrote, on one line; empty if nothing."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return " ".join(text[-MAX_QUOTED:].split())

    def has_ended(self) -> bool:
        """Return whether it has ended."""
        return self.process.poll() is not None

    def is_listening(self, port: int) -> bool:
        """Return whether something in its namespace listens on a TCP port."""
        wanted = f":{port:04X}"
        for table in ("tcp", "tcp6"):
            try:
                lines = Path(f"/proc/{self.process.pid}/net/{table}").read_text().splitlines()[1:]
            except OSError:  # it has ended, or there is no IPv6
                continue
            for columns in map(str.split, lines):
                if columns[1].endswith(wanted) and columns[3] == _LISTEN:
                    return True
        return False


class Processes:
    """All programs of a lab.

    Parameters
    ----------
    logs : folder for what they write to standard output and standard error.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[Program] = []
        self._number = 0

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        host: str = "",
        environment: Mapping[str, str] | None = None,
        may_end: bool = False,
        files: Sequence[int] = (),
        told: str = "",
    ) -> Program:
        """Start a program.

        Parameters
        ----------
        name : what errors call it.
        argv : the program and its arguments.
        host : namespace to run it in; empty: here.
        environment : added to this process's own.
        may_end : its end is normal.
        files : open files that it keeps.
        told : written to its standard input, which is empty otherwise.
        """
        self._number += 1
        file_name = re.sub(r"[^\w.-]+", "-", name)
        log = self._logs / f"{self._number:03d}-{file_name}.log"
        command = network.command_in(host, argv) if host else list(argv)
        with open(log, "wb") as out:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if told else subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                pass_fds=tuple(files),
                start_new_session=True,
            )
        if process.stdin is not None:
            process.stdin.write(told.encode())
            process.stdin.close()
        program = Program(name, process, log, may_end)
        self._running.append(program)
        return program

    def check(self) -> None:
        """Bury the dead.

        Raises
        ------
        MinewatchError : a program has ended that should not have; with its last words.
        """
        ended = [program for program in self._running if program.has_ended()]
        for program in ended:
            self._running.remove(program)
        self._bury_orphans()
        for program in ended:
            if not program.may_end:
                status = program.process.returncode
                how = f"signal {-status}" if status < 0 else f"status {status}"
                raise MinewatchError(
                    f"{program.name} ended early with {how}: {program.said() or 'no message'}"
                )

    def wait_for_ports(self, wanted: Iterable[tuple[Program, int]], seconds: float) -> None:
        """Wait until programs listen.

        Parameters
        ----------
        wanted : programs and their TCP ports.
        seconds : at most so long.

        Raises
        ------
        MinewatchError : one ended, or does not listen in time.
        """
        waiting = list(wanted)
        deadline = time.monotonic() + seconds
        while True:
            self.check()
            waiting = [
                (program, port) for program, port in waiting if not program.is_listening(port)
            ]
            if not waiting:
                return
            if time.monotonic() > deadline:
                program, port = waiting[0]
                raise MinewatchError(
                    f"{program.name} does not listen on port {port} after {seconds:.0f} s: "
                    f"{program.said() or 'no message'}"
                )
            time.sleep(POLL_S)

    def stop(
        self, programs: Sequence[Program], how: signal.Signals = signal.SIGTERM, seconds: float = 5
    ) -> None:
        """Stop programs and their children, gently and then by force.

        Parameters
        ----------
        programs : what to stop.
        how : the gentle signal.
        seconds : patience before the force.
        """
        _signal(programs, how)
        deadline = time.monotonic() + seconds
        while any(not program.has_ended() for program in programs) and time.monotonic() < deadline:
            time.sleep(POLL_S / 5)
        _signal(programs, signal.SIGKILL)
        for program in programs:
            program.process.wait()
            if program in self._running:
                self._running.remove(program)

    def _bury_orphans(self) -> None:
        """Take the exit status of processes whose parents have gone: nobody else can."""
        own = {program.process.pid for program in self._running}
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None or ended.si_pid in own:
                return  # Popen wants to hear of its own; the next call comes to the others
            os.waitpid(ended.si_pid, 0)


def _signal(programs: Sequence[Program], how: signal.Signals) -> None:
    """Signal groups: each program was started as the leader of its own."""
    for program in programs:
        if not program.has_ended():
            try:
                os.killpg(program.process.pid, how)
            except ProcessLookupError:
                continue
