# SPDX-License-Identifier: Apache-2.0
"""The watches of a soak: started, killed, started again; their memory and counters all the time."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

START_S = 120.0
END_S = 120.0
SCRAPE_S = 5.0
LINE = re.compile(r"^(minewatch_\w+?)(?:_total)?(\{[^}]*\})? (\S+)$", re.MULTILINE)


@dataclass
class Sample:
    """One look at a watch."""

    at_s: float
    rss_mib: float
    measures: dict[str, float]

    def value(self, name: str) -> float:
        """Return a measure, all its labels together."""
        return sum(n for key, n in self.measures.items() if key.partition("{")[0] == name)


@dataclass
class Life:
    """One process, from its start to its end."""

    start_s: float
    ready_s: float = 0.0
    end_s: float = 0.0
    end: str = ""
    peak_mib: float = 0.0
    samples: list[Sample] = field(default_factory=list)

    def first(self, name: str) -> float:
        """Return the first value that was seen of a measure, all its labels together."""
        return self.samples[0].value(name) if self.samples else 0.0

    def last(self, name: str) -> float:
        """Return the last one."""
        return self.samples[-1].value(name) if self.samples else 0.0


class Watch:
    """A watch, and what was seen of it.

    Parameters
    ----------
    name : for people.
    arguments : of ``minewatch watch``.
    port : where it serves its counters.
    log : of what it says.
    clock : seconds after the start of the soak.
    source : a program whose standard output it reads, if any.
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        port: int,
        log: Path,
        clock: Callable[[], float],
        source: list[str] | None = None,
    ) -> None:
        self.name = name
        self.lives: list[Life] = []
        self._command = [sys.executable, "-m", "minewatch", "watch", *arguments]
        self._command += ["--sink", f"prometheus://127.0.0.1:{port}"]
        self._port = port
        self._log = log
        self._clock = clock
        self._source = source
        self._feeder: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when it serves its counters."""
        self.lives.append(Life(self._clock()))
        with self._log.open("ab") as log:
            stdin: int | IO[bytes] | None = subprocess.DEVNULL
            if self._source is not None:
                self._feeder = subprocess.Popen(
                    self._source, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
                )
                stdin = self._feeder.stdout
            self._process = subprocess.Popen(self._command, stdin=stdin, stdout=log, stderr=log)
            if self._feeder is not None and self._feeder.stdout is not None:
                self._feeder.stdout.close()
        deadline_s = time.monotonic() + START_S
        while not self.sample():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise SystemExit(f"{self.name} does not start; see {self._log}")
            time.sleep(0.2)
        self.lives[-1].ready_s = self._clock()

    def sample(self) -> bool:
        """Look at memory and counters; return whether it answered."""
        if self._process is None:
            return False
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            url = f"http://127.0.0.1:{self._port}/metrics"
            with urllib.request.urlopen(url, timeout=SCRAPE_S) as answer:
                text = answer.read().decode()
            rss_mib = _kib(status, "VmRSS") / 1024
            self.lives[-1].peak_mib = _kib(status, "VmHWM") / 1024
        except (OSError, urllib.error.URLError, ValueError):
            return False
        measures = {name + labels: float(value) for name, labels, value in LINE.findall(text)}
        self.lives[-1].samples.append(Sample(self._clock(), rss_mib, measures))
        return True

    def waiting(self) -> float:
        """Return how many tellings have not arrived somewhere."""
        self.sample()
        return self.lives[-1].last("minewatch_sink_waiting")

    def died(self) -> bool:
        """Return whether it ended although nobody asked for it."""
        if self._process is None or self._process.poll() is None:
            return False
        self._ended(f"BY ITSELF, status {self._process.returncode}")
        return True

    def kill(self) -> None:
        """Do ``kill -9``."""
        if self._process is not None:
            self.sample()
            self._process.kill()
            self._process.wait()
            self._ended("killed")

    def stop(self) -> None:
        """End as a service is ended; if it reads from a program, that one first."""
        if self._process is None:
            return
        self.sample()
        (self._process if self._feeder is None else self._feeder).terminate()
        try:
            status = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            self._ended(f"DID NOT END in {END_S:.0f} s")
            return
        self._ended("ended" if status == 0 else f"ENDED WITH STATUS {status}")

    def _ended(self, how: str) -> None:
        self.lives[-1].end_s, self.lives[-1].end = self._clock(), how
        self._process = None
        if self._feeder is not None:
            self._feeder.terminate()
            self._feeder.wait()
            self._feeder = None

    def kill_quietly(self) -> None:
        """Leave nothing behind."""
        for process in (self._process, self._feeder):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


def _kib(status: str, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
    if found is None:
        raise ValueError(name)
    return float(found[1])
