# SPDX-License-Identifier: Apache-2.0
"""Real servers on loopback for the tests of sinks."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from minewatch.lab.services.programs import find_program

PATIENCE_S = 30.0


def program(name):
    """The path of a program; without it the test is skipped."""
    if (found := find_program(name)) is None:
        pytest.skip(f"needs {name}: .ci/run installs it")
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A program that can be stopped and started again.

    Parameters
    ----------
    argv : of the program.
    is_ready : whether it serves.
    log : file of what it says.
    """

    def __init__(self, argv, is_ready, log):
        self.argv = [str(part) for part in argv]
        self._is_ready = is_ready
        self._log = log
        self._process = None

    def start(self):
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self._is_ready():
            said = self._log.read_text(errors="replace")[-2_000:]
            assert self._process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)

    def stop(self, kill=False):
        if self._process is None:
            return
        (self._process.kill if kill else self._process.terminate)()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


@contextmanager
def running(argv, is_ready, log) -> Iterator[Server]:
    server = Server(argv, is_ready, log)
    server.start()
    try:
        yield server
    finally:
        server.stop()
