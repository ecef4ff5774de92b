# SPDX-License-Identifier: Apache-2.0
"""Run whole processes and measure them: time, processor time, peak memory.

No numpy here: the peak memory that Linux reports for a child starts at what its parent held.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

Counter = Callable[[str, Path], int | None]


class ProgramError(Exception):
    """A measured program ended with a status that is not one of the accepted ones."""


@dataclass
class Program:
    """A program to measure.

    Words of ``command`` may name {capture}, {out} (a file it may write), {dir} (of the compiled
    helpers), {port} (a discarding UDP port of the loopback) and {room} (for flows, ample).
    ``count`` gets what the program printed and its ``out``, and returns the records it made.
    """

    name: str
    command: list[str]
    how_to_get: str
    count: Counter
    accepted: tuple[int, ...] = (0,)


@dataclass
class Timing:
    """What one run took."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    counted: int | None = None


@dataclass
class Result:
    """All runs of one program."""

    name: str
    runs: list[Timing] = field(default_factory=list)

    @property
    def wall_s(self) -> float:
        return statistics.median(run.wall_s for run in self.runs)

    @property
    def cpu_s(self) -> float:
        return statistics.median(run.cpu_s for run in self.runs)

    @property
    def peak_mib(self) -> float:
        return max(run.peak_mib for run in self.runs)

    @property
    def spread(self) -> float:
        """Slowest minus fastest run, as a part of the median: how noisy the machine was."""
        walls = [run.wall_s for run in self.runs]
        return (max(walls) - min(walls)) / self.wall_s

    @property
    def counted(self) -> int | None:
        return self.runs[-1].counted


def say(text: str) -> None:
    """Report progress, apart from the tables on the standard output."""
    print(text, file=sys.stderr, flush=True)


def run_timed(command: list[str], accepted: tuple[int, ...] = (0,)) -> tuple[Timing, str]:
    """Run a command; return what it took and all that it printed."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode not in accepted:
        raise ProgramError(f"{' '.join(command)}: status {process.returncode}\n{text[-2000:]}")
    cpu_s = usage.ru_utime + usage.ru_stime
    return Timing(wall_s, cpu_s, usage.ru_maxrss / 1024), text


def run_program(program: Program, capture: Path, directory: Path, room: int) -> Timing:
    """Run a program once over the capture, with the page cache warm."""
    warm_page_cache(capture)
    out = directory / f"out-{program.name}"
    with discarding_port() as port:
        values = {"capture": capture, "out": out, "dir": directory, "port": port, "room": room}
        command = [word.format(**values) for word in program.command]
        timing, printed = run_timed(command, program.accepted)
    timing.counted = program.count(printed, out)
    for written in directory.glob(f"{out.name}*"):
        written.unlink()
    return timing


def run_interleaved(
    programs: list[Program], runs: int, capture: Path, directory: Path, room: int
) -> list[Result]:
    """Run A B C A B C, so that a noisy minute hits all programs alike."""
    results = [Result(program.name) for program in programs]
    for number in range(1, runs + 1):
        for program, result in zip(programs, results, strict=True):
            timing = run_program(program, capture, directory, room)
            result.runs.append(timing)
            say(f"run {number} of {runs}: {program.name} {timing.wall_s:.2f} s")
    return results


def warm_page_cache(path: Path) -> None:
    """Read the whole file, so that no measured run waits for the disk."""
    buffer = bytearray(1 << 20)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


@contextmanager
def discarding_port() -> Iterator[int]:
    """Bind a UDP port of the loopback that nobody reads; the kernel drops what does not fit."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        yield sink.getsockname()[1]
