# SPDX-License-Identifier: Apache-2.0
"""Alerts, and the blocks that they ask for: a host mines at a pool, since when, how sure, why."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from minewatch.types import Evidence

TECHNIQUE: Final = "T1496.001"
"""MITRE ATT&CK: Resource Hijacking, Compute Hijacking."""
ID_CHARACTERS: Final = 32


class Severity(StrEnum):
    """How much an alert matters, from how many kinds of evidence agree and for how long."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Change(StrEnum):
    """Why an alert is told."""

    NEW = "new"
    UPDATED = "updated"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Alert:
    """One host that mines at one pool, as it is known at ``updated_ns``.

    Two tellings of the same alert have the same ``id`` and rising ``revision``; who gets one twice
    may drop it. All times are the data's.
    """

    id: str
    """Of ``alerts.ids.id_of``: stable over restarts and replays."""
    revision: int
    """Counts from 1."""
    change: Change
    host: str
    """Address of the watched side."""
    pool: str
    """Address of the other side."""
    pool_port: int
    protocol_identifier: int
    severity: Severity
    mining_probability: float
    """Highest fused probability of its conversations."""
    first_seen_ns: int
    last_seen_ns: int
    updated_ns: int
    conversations: int
    """Conversations of this host with this pool that are labelled mining."""
    community_ids: tuple[str, ...]
    """Of the latest ones, at most sixteen."""
    detectors: Mapping[str, float | None]
    """Of the conversation with the highest probability; None where one was not ready."""
    evidence: Sequence[Evidence]
    """Of the same, the strongest first."""
    source: str
    """What was watched: an interface, a capture, flow logs."""
    pool_name: str | None = None
    """From DNS or TLS, if anybody asked for it."""
    identity: Mapping[str, str | None] = field(default_factory=dict)
    """Algorithm, dialect, family of pool and payout coin, as far as they are known."""
    tags: tuple[str, ...] = ()
    """What the user calls the host or the pool (``--allow``)."""
    allowed_by: str | None = None
    """The allowance under which it may mine; such an alert is told with ``Severity.LOW``."""
    disproof: tuple[str, ...] = ()
    """What would show that it is not mining."""
    next_steps: tuple[str, ...] = ()
    """What to check next, in the order in which to do it."""


def alert_id(host: str, pool: str, server_port: int, hour_ns: int) -> str:
    """Return the id of an alert, the same whenever the same traffic is watched.

    Parameters
    ----------
    host : address of the watched side.
    pool : address of the other side.
    server_port : port of the side that was called.
    hour_ns : beginning of the hour (UTC) in which the conversation began that raised it; why not
        the moment, see ``alerts.ids``.

    Examples
    --------
    >>> alert_id("10.0.0.5", "203.0.113.9", 443, 1_700_000_000_000_000_000)
    '3c090e667a823462fbe505d238d5685f'
    """
    text = "\0".join((host, pool, str(server_port), str(hour_ns)))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Block:
    """One host that shall not reach one pool for a time.

    Parameters
    ----------
    alert_id : the alert that asks for it.
    host : address of the watched side.
    pool : address of the other side.
    pool_port : its port.
    protocol_identifier : 6 for TCP.
    seconds : how long.

    Raises
    ------
    ValueError : a value outside its domain.
    """

    alert_id: str
    host: str
    pool: str
    pool_port: int
    protocol_identifier: int
    seconds: int

    def __post_init__(self) -> None:
        """Refuse what no block can be."""
        if not 0 < self.seconds <= 30 * 86_400:
            raise ValueError(f"seconds {self.seconds}: 1 to 2,592,000")
        if not 0 < self.pool_port <= 65_535:
            raise ValueError(f"pool_port {self.pool_port}: 1 to 65535")
