# SPDX-License-Identifier: Apache-2.0
"""A network of its own for a test, that nobody outside can hear: it vanishes with the test."""

import ctypes
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from metered import rows_of
from minewatch.readers.live.opening import open_rings
from minewatch.readers.live.settings import LiveSettings
from minewatch.readers.live.source import LiveSource
from minewatch.types import PacketBatch

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


class Wires:
    """The network that this thread is in."""

    def __init__(self, outside: str) -> None:
        self._outside = outside

    def ip(self, *lines: str) -> None:
        self.check()
        for line in lines:
            subprocess.run(["ip", *line.split()], check=True)

    def check(self) -> None:
        assert os.readlink("/proc/thread-self/ns/net") != self._outside

    def make(self, *names: str) -> None:
        """Make interfaces, each with a wire to one of the same name and ``-far``."""
        for name in names:
            self.ip(
                f"link add {name} type veth peer name {name}-far",
                f"link set {name} up",
                f"link set {name}-far up",
            )

    def send(self, name: str, *frames: bytes) -> None:
        """Send frames from the far end, so that the interface receives them."""
        self.check()
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
            sender.bind((f"{name}-far", 0))
            for frame in frames:
                sender.send(frame)


@pytest.fixture
def wires() -> Iterator[Wires]:
    """Put this thread, and the processes it starts, into a new network namespace."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to make namespaces")
    outside = os.readlink("/proc/thread-self/ns/net")
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if _LIBC.unshare(_CLONE_NEWNET):
        os.close(before)
        pytest.skip(f"namespaces cannot be made: {os.strerror(ctypes.get_errno())}")
    try:
        made = Wires(outside)
        made.check()
        for name in ("all", "default"):  # no neighbour discovery among the packets of a test
            with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w") as f:
                f.write("1")
        made.ip("link set lo up")
        yield made
    finally:
        assert _LIBC.setns(before, _CLONE_NEWNET) == 0
        os.close(before)


@pytest.fixture
def watch() -> Iterator[Callable[..., LiveSource]]:
    """Open interfaces: ``watch("v0", filter="tcp")``; closed after the test."""
    opened: list[LiveSource] = []

    def open_them(*names: str, down_patience_s: float = 60.0, **settings: object) -> LiveSource:
        rings = open_rings(LiveSettings(names, **settings))
        opened.append(LiveSource(rings, down_patience_s=down_patience_s))
        return opened[-1]

    yield open_them
    for source in opened:
        source.close()


@pytest.fixture
def rows_until_stopped() -> Callable[[LiveSource], list[dict[str, object]]]:
    """Stop a source, and return the packets that it had."""

    def collect(source: LiveSource) -> list[dict[str, object]]:
        source.stop()
        batch, rows = PacketBatch(), []
        while source.read(batch):
            source.parse(batch)
            rows += rows_of(batch)
        source.finish()
        return rows

    return collect


@pytest.fixture
def later() -> Iterator[Callable[..., None]]:
    """Call something in a moment, from another thread: ``later(0.1, source.stop)``."""
    threads: list[threading.Thread] = []

    def call(seconds: float, work: Callable[[], None]) -> None:
        def run() -> None:
            time.sleep(seconds)
            work()

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield call
    for thread in threads:
        thread.join(20)
