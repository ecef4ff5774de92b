# SPDX-License-Identifier: Apache-2.0
"""Namespaces, the wires between them and the processes inside; all of it goes away on exit.

::

    web-1 --\
    web-2 ---+-- bridge (captured) -- relay (delays) -- internet
    web-3 --/   |<------- switch namespace ------->|

No wire leads to the namespace that the script runs in, no route leads outside, nothing forwards.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from demo_capture import scenario

SETUP_S = 60
"""Seconds beyond the capture after which a process ends by itself, should this script be killed."""

_SYSCTLS = """
for each in all default; do
    echo 1 > /proc/sys/net/ipv6/conf/$each/disable_ipv6
    echo 2 > /proc/sys/net/ipv4/conf/$each/arp_announce
done
"""
"""No IPv6, so no neighbour discovery; ARP asks in the name of the address on the wire."""

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends the script early, and cleanly."""

RESOLVER_FOLDER = Path("/etc/netns")
"""Where ``ip netns exec`` looks for a namespace's own resolv.conf."""


class Network:
    """The five namespaces of one capture.

    Parameters
    ----------
    lifetime_s : no process started here outlives this many seconds.
    environment : environment of the processes.
    """

    def __init__(self, lifetime_s: int, environment: dict[str, str]) -> None:
        self._prefix = f"mwdemo{os.getpid()}-"
        self._lifetime_s = lifetime_s
        self._environment = environment
        self._made: list[str] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    def build(self) -> None:
        """Make the namespaces and the wires."""
        for host in ["switch", "internet", *scenario.SERVERS]:
            self._add_namespace(host)
        switch = self._prefix + "switch"
        _ip(switch, "link add bridge0 type bridge mcast_snooping 0 stp_state 0")
        _ip(switch, "link set bridge0 up")
        for host, address in scenario.SERVERS.items():
            self._wire(host, switch)
            self._join_bridge(switch, host)
            namespace = self._prefix + host
            _ip(namespace, f"address add {address}/24 dev eth0")
            for network in scenario.INTERNET_NETWORKS:
                _ip(namespace, f"route add {network} via {scenario.GATEWAY}")
        self._wire("internet", switch)
        # The relay sits between the port of "internet" and this pair; the bridge has its far end.
        _ip(switch, "link add relay type veth peer name uplink")
        _ip(switch, "link set relay up")
        self._join_bridge(switch, "uplink")
        internet = self._prefix + "internet"
        _ip(internet, f"address add {scenario.GATEWAY}/24 dev eth0")
        for address in scenario.INTERNET:
            _ip(internet, f"address add {address}/32 dev eth0")

    def start(self, host: str, command: Sequence[str], *, log: Path) -> subprocess.Popen[bytes]:
        """Start a program on a host; what it says goes to `log`."""
        limit = ["timeout", "--kill-after=5", str(self._lifetime_s)]
        inside = ["ip", "netns", "exec", self._prefix + host, *limit, *command]
        with log.open("ab") as said:
            process = subprocess.Popen(
                inside,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=self._environment,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def ended(self) -> list[str]:
        """Return the commands that ended although nobody stopped them."""
        return [
            " ".join(map(str, process.args)) if isinstance(process.args, list) else "?"
            for process in self._processes
            if process.poll() is not None
        ]

    def stop(self, process: subprocess.Popen[bytes], how: signal.Signals) -> None:
        """End one program and wait for it."""
        _signal_group(process, how)
        process.wait(10)
        self._processes.remove(process)

    def close(self) -> None:
        """End every program, then remove every namespace."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            for process in self._processes:
                _signal_group(process, how)
            _wait_all(self._processes, seconds=3)
        self._processes.clear()
        for namespace in reversed(self._made):
            subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True)
            shutil.rmtree(RESOLVER_FOLDER / namespace, ignore_errors=True)
        with contextlib.suppress(OSError):
            RESOLVER_FOLDER.rmdir()  # only if it is empty, that is, ours
        self._made.clear()

    def _add_namespace(self, host: str) -> None:
        namespace = self._prefix + host
        self._made.append(namespace)
        _run(["ip", "netns", "add", namespace])
        folder = RESOLVER_FOLDER / namespace
        folder.mkdir(parents=True)
        (folder / "resolv.conf").write_text(f"nameserver {scenario.NAME_SERVER}\n")
        _run(["ip", "netns", "exec", namespace, "sh", "-c", _SYSCTLS])
        _ip(namespace, "link set lo up")

    def _wire(self, host: str, switch: str) -> None:
        namespace = self._prefix + host
        _ip(switch, f"link add {host} type veth peer name eth0 netns {namespace}")
        _ip(switch, f"link set {host} up")
        _ip(namespace, "link set eth0 up")
        # A virtual wire leaves checksums blank unless told otherwise: the relay would pass them on.
        offload = [sys.executable, "-m", "demo_capture.offload", "eth0"]
        _run(["ip", "netns", "exec", namespace, *offload], self._environment)

    @staticmethod
    def _join_bridge(switch: str, port: str) -> None:
        _ip(switch, f"link set {port} master bridge0")
        _ip(switch, f"link set {port} up")


@contextlib.contextmanager
def network(lifetime_s: int, environment: dict[str, str]) -> Iterator[Network]:
    """Build a network and remove it whatever happens."""
    made = Network(lifetime_s + SETUP_S, environment)
    try:
        made.build()
        yield made
    finally:
        with _uninterrupted():
            made.close()


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore a second Ctrl-C while the first one's cleaning up is under way."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for_port(process: subprocess.Popen[bytes], port: int, seconds: float = 10.0) -> None:
    """Wait until something listens on `port` in the namespace of `process`, without a packet.

    Raises
    ------
    TimeoutError : nothing does.
    """
    deadline = time.monotonic() + seconds
    wanted = f":{port:04X}"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        # State 0A is LISTEN; the file shows the sockets of the process's own namespace.
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]:
                columns = line.split()
                if columns[1].endswith(wanted) and columns[3] == "0A":
                    return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}: {process.args!r}")


def _ip(namespace: str, arguments: str) -> None:
    _run(["ip", "-netns", namespace, *arguments.split()])


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, env=environment)


def _signal_group(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Signal a program and its children: each was started as the leader of a group of its own."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)


def _wait_all(processes: list[subprocess.Popen[bytes]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.05, deadline - time.monotonic()))
