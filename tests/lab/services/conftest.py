# SPDX-License-Identifier: Apache-2.0
"""A stage on loopback: a service's real programs and actors, played until a condition holds."""

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from minewatch.lab.plan import Host, Plan, Service
from minewatch.lab.services import SERVICES, Command, actor

SERVER, CLIENTS = "server-1", ("client-1", "client-2")
_ADDRESSES = {SERVER: "127.0.0.2", "client-1": "127.0.0.3", "client-2": "127.0.0.4"}
_PATIENCE_S = 30
_GRACE_S = 5
_PR_SET_CHILD_SUBREAPER = 36


@dataclass
class Stage:
    """What a test sees while the service runs."""

    folder: Path
    plan: Plan
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def service(self) -> Service:
        return self.plan.services[0]

    @property
    def place(self) -> tuple[str, int]:
        return self.plan.host(self.service.host).address, self.service.port

    def text(self, name: str) -> str:
        """Return a file of the service's folder; empty if there is none yet."""
        path = self.folder / self.service.name / name
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def said(self) -> str:
        """What programs said."""
        return "\n".join(p.read_text(errors="replace") for p in self.folder.glob("*.log"))

    def connections(self) -> int:
        """Return how many clients are connected to the service."""
        port = f":{self.service.port:04X}"
        return sum(f[1].endswith(port) and f[3] == "01" for f in _sockets())

    def play(self, until: Callable[["Stage"], bool]) -> None:
        """Run servers, clients and actors until the condition holds, and end them."""
        try:
            folders = {}
            for service in self.plan.services:
                own = folders[service.name] = self.folder / service.name
                own.mkdir()
                commands = SERVICES[service.kind].servers(service, self.plan, own)
                self._start(commands)
            for service in self.plan.services:
                commands = SERVICES[service.kind].clients(service, self.plan, folders[service.name])
                self._start(commands)
            asyncio.run(self._act(until))
            self._all_run()
        finally:
            self._end()

    async def _act(self, until: Callable[["Stage"], bool]) -> None:
        acts = [
            asyncio.create_task(act)
            for service in self.plan.services
            for host in self.plan.hosts
            for act in SERVICES[service.kind].actors(
                service, self.plan, host.name, Random(f"{service.name} {host.name}")
            )
        ]
        end = time.monotonic() + _PATIENCE_S
        try:
            while not await asyncio.to_thread(until, self):
                for act in acts:
                    if act.done():
                        await act
                        pytest.fail("an actor has ended")
                self._all_run()
                assert time.monotonic() < end, f"not used: {self.said[-2000:]}"
                await asyncio.sleep(0.05)
        finally:
            for act in acts:
                act.cancel()
            ends = await asyncio.gather(*acts, return_exceptions=True)
        assert {type(end) for end in ends} <= {asyncio.CancelledError}, ends

    def _start(self, commands: Sequence[Command]) -> None:
        for command in commands:
            log = (self.folder / f"{len(self.running)}.log").open("wb")
            with log:
                process = subprocess.Popen(
                    command.argv,
                    env={**os.environ, **command.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                )
            self.running.append(process)
        for command in commands:
            end = time.monotonic() + _PATIENCE_S
            while command.ready_port and not is_listening(command.ready_port):
                self._all_run()
                assert time.monotonic() < end, f"{command.argv[0]} does not listen: {self.said}"
                time.sleep(0.02)

    def _all_run(self) -> None:
        for process in self.running:
            assert process.poll() is None, f"{process.args} has ended: {self.said}"

    def _end(self) -> None:
        for process in reversed(self.running):
            process.terminate()
        for process in self.running:
            try:
                process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        end = time.monotonic() + _GRACE_S
        while (left := _living_children()) and time.monotonic() < end:
            time.sleep(0.02)
        for child in left:
            os.kill(child, signal.SIGKILL)
        assert not left, f"processes remain: {list(left.values())}"


def is_listening(port: int) -> bool:
    return any(f[1].endswith(f":{port:04X}") and f[3] == "0A" for f in _sockets())


def _sockets() -> list[list[str]]:
    # A program that opens a socket for both families has it in the second table.
    tables = [Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6")]
    return [line.split() for table in tables for line in table.splitlines()[1:]]


def free_port(address: str = "127.0.0.2") -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _living_children() -> dict[int, str]:
    """Reap what has ended; orphans come to us (see ``stage``).

    The helper of ``multiprocessing`` that another test has started stays as long as we do.
    """
    found = {}
    for path in Path("/proc/self/task").glob("*/children"):
        for word in path.read_text().split():
            child = int(word)
            try:
                if os.waitpid(child, os.WNOHANG)[0] == 0:
                    command = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
                    if "multiprocessing.resource_tracker" not in command:
                        found[child] = command
            except (ChildProcessError, FileNotFoundError):
                continue
    return found


def make_plan(*services: Service) -> Plan:
    hosts = tuple(
        Host(name, "server" if name == SERVER else "client", address)
        for name, address in _ADDRESSES.items()
    )
    return Plan(7, 60.0, hosts, (), (), services)


def make_service(kind: str, **options: float | str) -> Service:
    return Service(f"{kind}-1", kind, SERVER, free_port(), CLIENTS, options)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stage]]:
    """Return what makes a stage for a kind and its options, or for services ready made."""
    monkeypatch.setattr(actor, "START_S", 0.3)
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def make(*services: Service | str, **options: float | str) -> Stage:
        made = [make_service(s, **options) if isinstance(s, str) else s for s in services]
        return Stage(tmp_path, make_plan(*made))

    yield make
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
