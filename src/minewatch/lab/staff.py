# SPDX-License-Identifier: Apache-2.0
"""Starts what plays a plan: servers of services, hosts with pools and miners, clients, XMRig.

In that order, so that nobody calls before the other end listens: a lab's captures shall not begin
with refused connections.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from minewatch.lab.plan import Plan
from minewatch.lab.processes import Processes, Program
from minewatch.lab.services import SERVICES, Command

READY_S: Final = 90.0
"""Until servers must listen: many start at once, on a small machine [s]."""

_AT_ONCE: Final = 3
"""Services whose folders are prepared at the same time (a database takes seconds)."""


def service_folders(plan: Plan, root: Path) -> dict[str, Path]:
    """Make an empty folder for each service; return them by name."""
    folders = {service.name: root / service.name for service in plan.services}
    for folder in folders.values():
        folder.mkdir(parents=True)
    return folders


def start_servers(processes: Processes, plan: Plan, folders: Mapping[str, Path]) -> None:
    """Start the servers of all services, and wait until they listen.

    Parameters
    ----------
    processes : where they are started.
    plan : of the lab.
    folders : of the services, from ``service_folders``.
    """

    def prepare(name: str) -> Sequence[Command]:
        service = plan.service(name)
        return SERVICES[service.kind].servers(service, plan, folders[name])

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        prepared = list(pool.map(prepare, folders))
    _start_all(processes, zip(folders, prepared, strict=True))


def start_clients(processes: Processes, plan: Plan, folders: Mapping[str, Path]) -> None:
    """Start the client programs of all services; parameters as those of ``start_servers``."""
    _start_all(
        processes,
        ((s.name, SERVICES[s.kind].clients(s, plan, folders[s.name])) for s in plan.services),
    )


def start_hosts(processes: Processes, plan: Plan, plan_file: Path, folder: Path) -> list[Program]:
    """Start a Python process for each host that does something: first where pools are.

    Parameters
    ----------
    processes : where they are started.
    plan : of the lab.
    plan_file : where it was written.
    folder : where the hosts write what they counted.
    """
    busy = {pool.host for pool in plan.pools} | {
        miner.host for miner in plan.miners if miner.program == "minewatch"
    }
    for service in plan.services:
        busy |= {service.host, *service.clients}
    order = sorted(plan.hosts, key=lambda host: host.role not in ("pool", "proxy"))
    n_first = sum(host.role in ("pool", "proxy") for host in order)
    started: list[Program] = []
    for hosts in (order[:n_first], order[n_first:]):
        waited: list[tuple[Program, int]] = []
        for host in hosts:
            if host.name not in busy:
                continue
            argv = [sys.executable, "-m", "minewatch.lab.host", str(plan_file), host.name]
            argv += ["--folder", str(folder)]
            program = processes.start(f"host {host.name}", argv, host=host.name)
            started.append(program)
            waited += [(program, pool.port) for pool in plan.pools if pool.host == host.name]
        processes.wait_for_ports(waited, READY_S)
    return started


def start_xmrig(processes: Processes, plan: Plan, program: Path) -> None:
    """Start the user's XMRig wherever the plan wants it."""
    from minewatch.lab import xmrig

    miners = [miner for miner in plan.miners if miner.program == "xmrig"]
    _start_all(processes, ((m.name, [xmrig.command(m, plan, program)]) for m in miners))


def _start_all(processes: Processes, groups: Iterable[tuple[str, Sequence[Command]]]) -> None:
    waited: list[tuple[Program, int]] = []
    for name, commands in groups:
        for command in commands:
            program = processes.start(
                f"{name} on {command.host}",
                command.argv,
                host=command.host,
                environment=command.environment,
                may_end=command.may_end,
            )
            if command.ready_port is not None:
                waited.append((program, command.ready_port))
    processes.wait_for_ports(waited, READY_S)
