# SPDX-License-Identifier: Apache-2.0
"""Process 1 of the test: the lab, the real commands on its servers, and eyes on all that happens.

``python -m e2e.stage PLAN.json OUT`` is the lab's own ``minewatch.lab.inside`` with ``minewatch
watch`` and ``minewatch respond follow`` on each server. What is seen goes to ``OUT/seen.json``: the
times are the wall clock's, which stamps the packets too.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from e2e import scene
from minewatch.alert import Alert
from minewatch.alerts.following import Follower
from minewatch.errors import MinewatchError
from minewatch.lab import inside, network, sandbox
from minewatch.lab.plan import Pool
from minewatch.lab.processes import Program
from minewatch.response.audit import AuditLog
from minewatch.response.connections import connections
from minewatch.response.entries import Action

BLOCK_S: Final = 70
"""Longer than a pool is ever silent: its end dies with the next packet that it sends [s]."""
LOOK_S: Final = 0.1
KNOCK_S: Final = 0.5
"""Gap between two attempts to reach the pool while it is cut off [s]."""
AFTER_S: Final = 15.0
"""How long all is looked at after the last thing that must happen [s]."""
QUIETLY_S: Final = 130.0
"""From the start of the allowed miner on: it is judged at 30, 60 and 120 s [s]."""
READY_S: Final = 120.0
END_S: Final = 30.0
ALLOWANCE: Final = """[[allow]]
host = "{host}"
owner = "research computing"
reason = "a course on consensus"
expires = 2999-01-01
"""


@dataclass
class Seen:
    """What was seen, in the order of time; all times are seconds since 1970."""

    tellings: list[dict[str, Any]] = field(default_factory=list)
    """Lines of the alert files: ``server``, ``seen_s`` and the alert."""
    deeds: list[dict[str, Any]] = field(default_factory=list)
    """Entries of the audit logs: ``server``, ``action``, ``time_ns``, ``pool`` and ``reason``."""
    links: list[tuple[float, str, str, int, bool]] = field(default_factory=list)
    """When a pool's system knew a connection as established or no more: pool, the miner's address
    and port."""
    knocks: list[tuple[float, str]] = field(default_factory=list)
    """Attempts to reach the pool that is cut off, and what came of each."""
    statuses: dict[str, int] = field(default_factory=dict)
    """How the commands ended."""
    started_s: float = 0.0


class Stage(inside.Lab):
    """A lab whose servers are watched while it runs."""

    def _build(self) -> None:
        super()._build()
        self._watches: dict[str, Program] = {}
        self._responses: dict[str, Program] = {}
        for server in (scene.WATCHED, scene.LET_ALONE):
            folder = scene.folder_of(self._out, server)
            folder.mkdir()
            allow: list[str] = []
            if server == scene.LET_ALONE:
                text = ALLOWANCE.format(host=self._plan.host(server).address)
                (folder / "allow.toml").write_text(text, encoding="utf-8")
                allow = ["--allow", str(folder / "allow.toml")]
            self._watches[server] = self._minewatch(server, *_watch(folder), *allow)
            self._responses[server] = self._minewatch(server, *_respond(folder), *allow)

    def _start(self) -> None:
        """Watch first: no packet of the lab is to be missed."""
        watches = self._watches.values()
        self._until(lambda: all("Ctrl-C ends" in one.said() for one in watches), READY_S)
        super()._start()
        if any(service.name == "shell" for service in self._plan.services):
            argv = [sys.executable, "-m", "e2e.visitor", str(self._out / "plan.json")]
            argv += [str(sandbox.WORK / "services"), str(self._out / "visits.jsonl")]
            self._processes.start("the visitor", argv, host="client-1")

    def _wait(self) -> None:
        by_host = {one.name.removeprefix("host "): one for one in self._players}
        seen = Seen(started_s=self._plan.started_s)
        eyes = Eyes(
            seen,
            self._out,
            {pool.name: (pool, by_host[pool.host]) for pool in self._plan.pools},
            {host.address: host.name for host in self._plan.hosts},
        )
        deadline = time.monotonic() + self._plan.seconds
        told_s = 0.0
        try:
            while time.monotonic() < deadline and not eyes.have_seen_all(self._plan.pools):
                self._captures.check()
                self._processes.check()
                eyes.look()
                if time.monotonic() - told_s > inside.TICK_S:
                    told_s = time.monotonic()
                    inside.tell("running", passed_s=time.time() - seen.started_s)
                time.sleep(LOOK_S)
            self._end_commands(seen)
            eyes.look()
        finally:
            text = json.dumps(msgspec.to_builtins(seen), indent=1)
            (self._out / "seen.json").write_text(text, encoding="utf-8")

    def _end_commands(self, seen: Seen) -> None:
        for what, programs in (("watch", self._watches), ("respond", self._responses)):
            self._processes.stop(list(programs.values()), signal.SIGTERM, END_S)
            for server, one in programs.items():
                seen.statuses[f"{what} on {server}"] = one.process.returncode

    def _minewatch(self, server: str, *arguments: str) -> Program:
        argv = [sys.executable, "-m", "minewatch", *arguments]
        return self._processes.start(f"minewatch {arguments[0]} on {server}", argv, host=server)

    def _until(self, is_so: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            self._processes.check()
            if time.monotonic() > deadline:
                raise MinewatchError("minewatch watch does not begin")
            time.sleep(LOOK_S)


def _watch(folder: Path) -> Iterator[str]:
    yield from ("watch", network.DEVICE)
    yield from ("--checkpoint", str(folder / "checkpoints"))
    yield from ("--sink", f"jsonl:{folder / 'alerts.jsonl'}")


def _respond(folder: Path) -> Iterator[str]:
    yield from ("respond", "follow", str(folder / "alerts.jsonl"), "--with", "nftables")
    yield from ("--apply", "--seconds", str(BLOCK_S), "--log", str(folder / "response.jsonl"))


class Eyes:
    """Looks at alerts, audit logs and the pools' connections, and knocks at what is cut off.

    Parameters
    ----------
    seen : where it goes.
    out : folder of the run.
    pools : each pool, and a program on its host.
    names : of hosts, by address.
    """

    def __init__(
        self,
        seen: Seen,
        out: Path,
        pools: dict[str, tuple[Pool, Program]],
        names: dict[str, str],
    ) -> None:
        self._seen = seen
        self._pools = pools
        self._names = names
        self._address = {name: address for address, name in names.items()}
        servers = (scene.WATCHED, scene.LET_ALONE)
        folders = {server: scene.folder_of(out, server) for server in servers}
        self._followers = {s: Follower(str(f / "alerts.jsonl")) for s, f in folders.items()}
        self._logs = {s: AuditLog(f / "response.jsonl") for s, f in folders.items()}
        self._read_to = dict.fromkeys(servers, 0)
        self._open: set[tuple[str, str, int]] = set()
        self._next_knock_s = 0.0
        self._done_s: float | None = None

    def look(self) -> None:
        """Look once."""
        for server, follower in self._followers.items():
            for alert in follower.read():
                row = {"server": server, "seen_s": time.time(), **_told(alert)}
                self._seen.tellings.append(row)
        for server, log in self._logs.items():
            self._read_log(server, log)
        self._look_at_pools()
        if self._is_cut_off() and time.monotonic() >= self._next_knock_s:
            self._knock()
            self._next_knock_s = time.monotonic() + KNOCK_S

    def have_seen_all(self, pools: tuple[Pool, ...]) -> bool:
        """Return whether everything has happened that must, some time ago."""
        if not pools:
            return False
        seen = self._seen
        told = {row["pool"] for row in seen.tellings if row["server"] == scene.WATCHED}
        addresses = {self._address[pool.host] for pool in pools}
        quiet_until_s = seen.started_s + scene.QUIET_S + QUIETLY_S
        is_done = (
            addresses <= told
            and bool(seen.knocks)
            and seen.knocks[-1][1] == "reached"
            and time.time() > quiet_until_s
        )
        if is_done and self._done_s is None:
            self._done_s = time.monotonic()
        return self._done_s is not None and time.monotonic() > self._done_s + AFTER_S

    def _read_log(self, server: str, log: AuditLog) -> None:
        for offset, entry in log.read(self._read_to[server]):
            self._read_to[server] = offset
            deed = entry.deed
            self._seen.deeds.append(
                {
                    "server": server,
                    "action": deed.action.value,
                    "time_ns": deed.time_ns,
                    "pool": "" if deed.block is None else deed.block.pool,
                    "reason": deed.reason,
                }
            )

    def _look_at_pools(self) -> None:
        now_s = time.time()
        found: set[tuple[str, str, int]] = set()
        for name, (pool, program) in self._pools.items():
            for one in connections(Path(f"/proc/{program.process.pid}")):
                if one.near_port == pool.port:
                    found.add((name, self._names[str(one.far)], one.far_port))
        for link in sorted(found - self._open):
            self._seen.links.append((now_s, *link, True))
        for link in sorted(self._open - found):
            self._seen.links.append((now_s, *link, False))
        self._open = found

    def _is_cut_off(self) -> bool:
        """Whether the first block has begun, and nobody has reached the pool since."""
        applied = any(row["action"] == Action.APPLIED for row in self._seen.deeds)
        return applied and not (self._seen.knocks and self._seen.knocks[-1][1] == "reached")

    def _knock(self) -> None:
        pool = self._pools[scene.PLAIN][0]
        now_s = time.time()
        with network.inside(scene.WATCHED):
            try:
                place = (self._address[pool.host], pool.port)
                socket.create_connection(place, timeout=2.0).close()
                what = "reached"
            except OSError as error:
                what = type(error).__name__
        self._seen.knocks.append((now_s, what))


def _told(alert: Alert) -> dict[str, Any]:
    names = ("id", "revision", "change", "host", "pool", "pool_port", "severity", "allowed_by")
    names += ("first_seen_ns", "updated_ns", "conversations", "mining_probability", "detectors")
    return {name: msgspec.to_builtins(getattr(alert, name)) for name in names}


if __name__ == "__main__":
    inside.Lab = Stage  # type: ignore[misc]
    status = inside.main()
    sys.stdout.flush()
    os._exit(status)
