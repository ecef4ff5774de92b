# SPDX-License-Identifier: Apache-2.0
"""MQTT: mosquitto, with sensors that send and one who watches them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.actor import keep_trying
from minewatch.lab.services.child import run_child
from minewatch.lab.services.contract import Command
from minewatch.lab.services.kind import Act, Kind
from minewatch.lab.services.programs import need_program

_CONFIG = """
listener {port} {address}
allow_anonymous true
persistence false
user root
log_dest stderr
log_type error
log_type subscribe
log_type warning
"""


class Mqtt(Kind):
    """Every client is a sensor (``mosquitto_pub -l``); the first one also watches all."""

    def servers(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        config = folder / "mosquitto.conf"
        address = plan.host(service.host).address
        config.write_text(_CONFIG.format(port=service.port, address=address))
        argv = (need_program("mosquitto"), "-c", str(config))
        return (Command(service.host, argv, ready_port=service.port),)

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        to = ["-h", plan.host(service.host).address, "-p", str(service.port)]
        to += ["-k", f"{max(5, self.number(service, 'keepalive_s')):.0f}"]
        send = ["mosquitto_pub", *to, "-i", f"{service.name}-{host}", "-q", "1", "-l"]
        send += ["-t", f"plant/{host}/sensor"]
        watch = ["mosquitto_sub", *to, "-i", f"{service.name}-{host}-board", "-t", "plant/#"]
        sending, watching = Random(rng.random()), Random(rng.random())
        mean_s = self.number(service, "reading_mean_s")
        acts = [keep_trying(lambda: run_child(send, readings(mean_s, sending)), sending)]
        if host == service.clients[0]:
            acts.append(keep_trying(lambda: run_child(watch), watching))
        return acts


def readings(mean_s: float, rng: Random) -> Iterator[tuple[float, bytes]]:
    """Yield a sensor's lines, and the wait before each."""
    temperature, wait_s = 21.0, 0.2
    while True:
        temperature += rng.gauss(0, 0.2)
        reading = {"t": round(temperature, 2), "rh": rng.randint(38, 47), "ok": True}
        yield wait_s, json.dumps(reading).encode() + b"\n"
        wait_s = mean_s * rng.uniform(2 / 3, 4 / 3)


KINDS = (
    Mqtt(
        "mqtt",
        (1883, 1884),
        {
            "mosquitto": "mosquitto",
            "mosquitto_pub": "mosquitto-clients",
            "mosquitto_sub": "mosquitto-clients",
            "setpriv": "util-linux",
        },
        is_long_lived=True,
        options={"keepalive_s": 20.0, "reading_mean_s": 12.0},
    ),
)
