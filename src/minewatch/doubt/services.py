# SPDX-License-Identifier: Apache-2.0
"""Normal services that look like miners: how each of them talks, as measured.

The table is ``services.json``, made by ``scripts/measure_services.py`` from simulated traffic (the
services of ``lab.simulator.normal``, which follow the real programs). For each service and feature
it holds the 5th, 50th and 95th percentile.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

FORMAT: Final = 1
FILE: Final = "services.json"

OF_MESSAGES: Final = (
    *("asked_gap_median", "asked_beat_share", "push_gap_median", "push_beat_share"),
    *("push_share", "asked_share", "push_answered_share", "asked_answered_share", "message_rate"),
    *("asked_octets", "answer_octets", "push_octets"),
    *("asked_octets_same_share", "push_octets_same_share"),
)
"""What is compared where packets are known. The time to an answer is not among it: it tells how far
away the other end is, and not what it does."""
OF_RECORDS: Final = (
    *("sent_packets_typical", "received_packets_typical", "sent_packets_variation"),
    *("received_packets_variation", "sent_packets_same_share", "sent_size_typical"),
    *("received_size_typical", "octets_ratio_typical"),
)
"""What is compared where flow records are all that there is."""

NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "amqp": "a message broker (AMQP)",
        "beanstalkd": "a job queue (beanstalkd)",
        "electrum": "a wallet at an Electrum server",
        "grpc-stream": "a gRPC stream",
        "http-api": "an HTTP interface with a kept connection",
        "web": "web browsing",
        "job-queue": "a job queue of JSON lines",
        "kubernetes-watch": "a watch on a Kubernetes interface",
        "long-poll": "a long poll",
        "mqtt": "MQTT",
        "nats": "a message bus (NATS)",
        "postgresql-idle": "a pooled database connection (PostgreSQL)",
        "prometheus": "a Prometheus scrape",
        "redis-cache": "a cache (Redis)",
        "redis-pubsub": "a subscription (Redis)",
        "ssh-idle": "an idle SSH session with keep-alives",
        "ssh-interactive": "an SSH session with somebody typing",
        "ssh-tunnel": "traffic in an SSH tunnel",
        "telemetry": "telemetry of a device or server (IoT heartbeat)",
        "websocket": "a push channel over a web socket (chat, feeds)",
    }
)
"""The services that are compared, for a person."""
MINER: Final = "mining"
"""Key of miners at their pools in the table: what the services are weighed against."""
SAME: Final[Mapping[str, str]] = MappingProxyType(
    {
        "http-browse": "web",
        "https-browse": "web",
        "iot-telemetry": "telemetry",
        "websocket-chat": "websocket",
    }
)
"""Services of the simulator that count as one with another name."""


@dataclass(frozen=True, slots=True)
class Range:
    """What a service has of one feature."""

    low: float
    """5th percentile."""
    median: float
    high: float
    """95th percentile."""


@dataclass(frozen=True, slots=True)
class Service:
    """How one service talks."""

    key: str
    name: str
    conversations: int
    """How many were measured."""
    features: Mapping[str, Range]


def services() -> tuple[Service, ...]:
    """Return every normal service of the table that ships.

    Examples
    --------
    >>> [service.name for service in services() if service.key == "prometheus"]
    ['a Prometheus scrape']
    """
    return tuple(one for one in _shipped() if one.key != MINER)


def miner() -> Service:
    """Return how a miner talks to its pool, by the table that ships.

    Examples
    --------
    >>> miner().name
    'a miner at its pool'
    """
    return next(one for one in _shipped() if one.key == MINER)


@cache
def _shipped() -> tuple[Service, ...]:
    text = (resources.files("minewatch.doubt") / FILE).read_text(encoding="utf-8")
    return services_of(table_of(text))


def services_of(table: Mapping[str, Any]) -> tuple[Service, ...]:
    """Return the services of a table, miners among them.

    Parameters
    ----------
    table : as ``services.json`` holds it.
    """
    return tuple(map(_service, table["services"]))


def table_of(text: str) -> dict[str, Any]:
    """Return the table as it is stored.

    Parameters
    ----------
    text : of ``services.json``.

    Raises
    ------
    ValueError : it has another format.
    """
    data: dict[str, Any] = json.loads(text)
    if data.get("format") != FORMAT:
        raise ValueError(f"{FILE}: format {data.get('format')} instead of {FORMAT}")
    return data


def _service(entry: Mapping[str, Any]) -> Service:
    features = {name: Range(*map(float, three)) for name, three in entry["features"].items()}
    name = "a miner at its pool" if entry["key"] == MINER else NAMES[entry["key"]]
    return Service(entry["key"], name, entry["conversations"], features)
