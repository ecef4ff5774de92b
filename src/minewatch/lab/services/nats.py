# SPDX-License-Identifier: Apache-2.0
"""NATS: nats-server, with clients by nats-py that publish and subscribe."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.actor import keep_trying, wait_about
from minewatch.lab.services.contract import Command
from minewatch.lab.services.kind import Act, Kind
from minewatch.lab.services.programs import need_program

_CONFIG = """
listen: "{address}:{port}"
ping_interval: "{ping_s:.0f}s"
max_payload: 65536
"""


class Nats(Kind):
    """Every client subscribes to the orders, and places some."""

    def servers(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        config = folder / "nats.conf"
        config.write_text(
            _CONFIG.format(
                address=plan.host(service.host).address,
                port=service.port,
                ping_s=self.number(service, "ping_s"),
            )
        )
        argv = (need_program("nats-server"), "-c", str(config))
        return (Command(service.host, argv, ready_port=service.port),)

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        import nats
        import nats.errors

        address = f"nats://{plan.host(service.host).address}:{service.port}"

        async def work() -> None:
            connection = await nats.connect(
                address,
                name=host,
                allow_reconnect=False,
                ping_interval=int(self.number(service, "ping_s")),
                error_cb=_ignore,
            )
            try:
                await connection.subscribe("orders.>", cb=_ignore)
                while connection.is_connected:
                    order = {"id": rng.randrange(1 << 32), "items": rng.randint(1, 9)}
                    await connection.publish(f"orders.{host}", json.dumps(order).encode())
                    await wait_about(self.number(service, "publish_mean_s"), rng)
            finally:
                await connection.close()

        return (keep_trying(work, rng, (nats.errors.Error,)),)


async def _ignore(_: object) -> None:
    """Take a message, or an error after which the connection is closed."""
    await asyncio.sleep(0)


KINDS = (
    Nats(
        "nats",
        (4222, 4223),
        {"nats-server": "nats-server"},
        {"nats": "lab"},
        is_long_lived=True,
        options={"ping_s": 30.0, "publish_mean_s": 10.0},
    ),
)
