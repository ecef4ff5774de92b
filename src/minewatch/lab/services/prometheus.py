# SPDX-License-Identifier: Apache-2.0
"""Prometheus: a client scrapes the node exporters of all servers that it watches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.contract import Command
from minewatch.lab.services.kind import Kind
from minewatch.lab.services.programs import need_program

_UNSEEN = ("systemd", "rapl", "hwmon", "thermal_zone")
"""What a container may not see is only noise in the log."""

_TELLING = ("dmi", "uname", "os", "filesystem")
"""Serial numbers, name and mounts of the machine: captures are made to be given away."""


class Prometheus(Kind):
    """The service is the exporter; its client runs Prometheus, one for all its exporters."""

    def servers(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        address = plan.host(service.host).address
        argv = (
            need_program("prometheus-node-exporter"),
            f"--web.listen-address={address}:{service.port}",
            *(f"--no-collector.{name}" for name in (*_UNSEEN, *_TELLING)),
        )
        return (Command(service.host, argv, ready_port=service.port),)

    def clients(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        commands = []
        for client in service.clients:
            watched = [s for s in plan.services if s.kind == self.name and client in s.clients]
            if service.name == watched[0].name:
                own = folder / client
                own.mkdir()
                commands.append(self._scraper(client, watched, plan, own))
        return commands

    def _scraper(
        self, client: str, watched: Sequence[Service], plan: Plan, folder: Path
    ) -> Command:
        every_s = max(1, round(self.number(watched[0], "every_s")))
        targets = [f"{plan.host(one.host).address}:{one.port}" for one in watched]
        job = {"job_name": "node", "static_configs": [{"targets": targets}]}
        times = {"scrape_interval": f"{every_s}s", "scrape_timeout": f"{min(every_s, 10)}s"}
        config = folder / "prometheus.yml"  # JSON is YAML
        config.write_text(json.dumps({"global": times, "scrape_configs": [job]}))
        argv = (
            need_program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.wal-segment-size=10MB",
            "--web.listen-address=127.0.0.1:0",
            "--log.level=warn",
        )
        return Command(client, argv, {"GOMAXPROCS": "1"})


KINDS = (
    Prometheus(
        "prometheus",
        (9100, 9101),
        {
            "prometheus": "prometheus",
            "prometheus-node-exporter": "prometheus-node-exporter",
        },
        is_long_lived=True,
        options={"every_s": 15.0},
    ),
)
