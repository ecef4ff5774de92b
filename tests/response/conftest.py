# SPDX-License-Identifier: Apache-2.0
"""Hosts to cut off, an alert, a block, and a clock of its own."""

from collections.abc import Callable, Iterator

import pytest

from minewatch.alert import Alert, Block, Change, Severity, alert_id
from namespaces import Hosts, need

HOST, POOL, PORT = "10.0.0.5", "203.0.113.9", 3333
NOW = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    """Namespaces of this test alone."""
    need("ip")
    made = Hosts()
    yield made
    made.close()


@pytest.fixture
def block() -> Callable[..., Block]:
    """A block; `block(pool="...")`."""

    def make(**changed: object) -> Block:
        values = {
            "alert_id": "3c090e667a823462fbe505d238d5685f",
            "host": HOST,
            "pool": POOL,
            "pool_port": PORT,
            "protocol_identifier": 6,
            "seconds": 600,
        }
        return Block(**(values | changed))

    return make


@pytest.fixture
def alert() -> Callable[..., Alert]:
    """An alert that nobody doubts; `alert(host="...")`."""

    def make(**changed: object) -> Alert:
        values = {
            "revision": 1,
            "change": Change.NEW,
            "host": HOST,
            "pool": POOL,
            "pool_port": PORT,
            "protocol_identifier": 6,
            "severity": Severity.MEDIUM,
            "mining_probability": 0.99,
            "first_seen_ns": NOW,
            "last_seen_ns": NOW + 60 * SECOND,
            "updated_ns": NOW + 60 * SECOND,
            "conversations": 1,
            "community_ids": (),
            "detectors": {"signature": 0.999, "rhythm": 0.9},
            "evidence": (),
            "source": "eth0",
        } | changed
        ends = (values["host"], values["pool"], values["pool_port"], values["first_seen_ns"])
        values.setdefault("id", alert_id(*ends))
        return Alert(**values)

    return make
