# SPDX-License-Identifier: Apache-2.0
"""Hosts without names: network namespaces that live as long as this process holds them open."""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

_NEW_NET = 0x4000_0000
PATIENCE_S = 10


class Hosts:
    """Network namespaces and the wires between them; nothing leads outside."""

    def __init__(self) -> None:
        self._files: dict[str, int] = {}
        self._n_wires = 0
        self._libc = ctypes.CDLL(None, use_errno=True)

    def add(self, *names: str) -> None:
        for name in names:
            with self._back():
                self._check(self._libc.unshare(_NEW_NET))
                self._files[name] = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
                ip("link set lo up")

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Let this thread, and what it starts, be in a host."""
        with self._back():
            self._check(self._libc.setns(self._files[name], _NEW_NET))
            yield

    def wire(self, one: str, other: str, addresses: Sequence[str], others: Sequence[str]) -> str:
        """Join two hosts; return the name that the interface has in both."""
        self._n_wires += 1
        name = f"wire{self._n_wires}"
        target = f"/proc/{os.getpid()}/fd/{self._files[other]}"
        with self.inside(one):
            ip(f"link add {name} type veth peer name {name} netns {target}")
        for host, texts in ((one, addresses), (other, others)):
            with self.inside(host):
                for text in texts:
                    ip(f"address add {text} dev {name} {'nodad' if ':' in text else ''}")
                ip(f"link set {name} up")
        return name

    def close(self) -> None:
        for file in self._files.values():
            os.close(file)

    @contextlib.contextmanager
    def _back(self) -> Iterator[None]:
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            yield
        finally:
            self._check(self._libc.setns(before, _NEW_NET))
            os.close(before)

    def _check(self, result: int) -> None:
        if result:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def ip(arguments: str) -> str:
    return ran("ip", *arguments.split())


def ran(*argv: str, told: str | None = None) -> str:
    done = subprocess.run(argv, input=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout


def need(*programs: str) -> None:
    """Skip without root or a program."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to make namespaces")
    for program in programs:
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            pytest.skip(f"needs {program}")


class Pool:
    """A server that waits in a host, keeps what connects, and can speak first."""

    def __init__(self, hosts: Hosts, name: str, address: str, port: int) -> None:
        self.address, self.port = address, port
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with hosts.inside(name):
            self._server = socket.create_server((address, port), family=family)
        self._server.settimeout(PATIENCE_S)
        self.taken: list[socket.socket] = []

    def connect(self, source: str) -> socket.socket:
        """Connect from the host that this thread is in; both ends exist when this returns."""
        ours = socket.create_connection(
            (self.address, self.port), timeout=PATIENCE_S, source_address=(source, 0)
        )
        theirs, _ = self._server.accept()
        theirs.settimeout(PATIENCE_S)
        self.taken.append(theirs)
        return ours

    def close(self) -> None:
        for one in (self._server, *self.taken):
            one.close()


def talks(ours: socket.socket, theirs: socket.socket) -> bool:
    """Return whether words pass both ways."""
    ours.sendall(b"share\n")
    theirs.sendall(b"job\n")
    return theirs.recv(100) == b"share\n" and ours.recv(100) == b"job\n"


def is_dead(one: socket.socket) -> bool:
    """Return whether a connection dies when something is said on it."""
    deadline = time.monotonic() + PATIENCE_S
    one.settimeout(0.1)
    while time.monotonic() < deadline:
        try:
            one.sendall(b"more\n")
            one.recv(100)
        except TimeoutError:
            continue
        except (ConnectionResetError, BrokenPipeError):
            return True
    return False


def wait_until(condition, seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        threading.Event().wait(0.05)
