# SPDX-License-Identifier: Apache-2.0
"""What a mining dialect must offer: both ends of one connection, without sockets and clocks.

The lab drives sessions over real sockets in real time; the simulator drives the same sessions in
virtual time. A session is told the time and the octets that arrived, and returns what it sends:
a list of messages, each of which goes out in one write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

MAX_BUFFER_OCTETS = 64 * 1024
"""A session that gets a longer message than this raises ValueError: the driver hangs up."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a pool has to build jobs on, in no dialect yet."""

    height: int
    previous_hash: bytes
    """32 octets."""
    seed_hash: bytes
    """32 octets; key of the hash function's data set, the same for thousands of blocks."""
    time_s: int
    """Template time, seconds since 1970."""
    is_new_block: bool
    """False if only the template was refreshed."""
    next_seed_hash: bytes = b""
    """32 octets while it is known and not in force yet; else empty."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How a pool treats its workers."""

    difficulty: float = 20_000.0
    """Hashes a share takes on average, at first."""

    share_target_s: float | None = None
    """Mean gap of shares that the pool aims at by changing the difficulty; None: it never does."""

    retarget_s: float = 90.0
    """Least time between two changes of difficulty [s]."""

    reject_ratio: float = 0.02
    """Share of good submits that are refused all the same."""

    algorithm: str = "rx/0"
    """Hash function, as the dialect names it."""

    options: Mapping[str, object] = field(default_factory=dict)
    """What only some dialects know; each dialect's docstring names its own."""


@dataclass(frozen=True, slots=True)
class MinerSettings:
    """Who a miner says it is."""

    login: str
    """Wallet or account, with whatever prefix the pool wants (``DOGE:...``)."""

    rig: str = "rig"
    """Name of the machine."""

    password: str = "x"

    hash_rate: float = 1_000.0
    """What it reports where the dialect reports a hash rate [1/s]."""

    keepalive_s: float = 60.0
    """Silence after which a sign of life is sent, in dialects that have one [s]."""

    options: Mapping[str, object] = field(default_factory=dict)
    """What only some dialects know."""


class PoolSession(Protocol):
    """The pool's end of one connection."""

    accepted: int
    """Shares accepted so far."""
    rejected: int

    @property
    def is_logged_in(self) -> bool:
        """True from when the pool would push jobs."""
        ...

    def receive(self, octets: bytes, work: Work, now_s: float) -> list[bytes]:
        """Take octets in pieces of any size; return the answers.

        Parameters
        ----------
        octets : what arrived.
        work : what the pool would build a job on now.
        now_s : the time, seconds since 1970.

        Raises
        ------
        ValueError : it is not this dialect, or too long.
        """
        ...

    def push(self, work: Work, now_s: float) -> list[bytes]:
        """Return what the pool sends unasked because there is new work; empty if it never does."""
        ...


class MinerSession(Protocol):
    """The miner's end of one connection."""

    accepted: int
    rejected: int
    jobs: int
    """Jobs received so far: a new one changes it."""

    @property
    def difficulty(self) -> float | None:
        """Hashes that a share takes on average with the present job; None before the first."""
        ...

    @property
    def next_tick_s(self) -> float:
        """When ``tick`` wants to be called next, seconds since 1970; infinity for never."""
        ...

    def open(self, now_s: float) -> list[bytes]:
        """Return the first messages."""
        ...

    def receive(self, octets: bytes, now_s: float) -> list[bytes]:
        """Take octets in pieces of any size; return what is sent at once because of them.

        Raises
        ------
        ValueError : it is not this dialect, too long, or the pool refused the login.
        """
        ...

    def share(self, now_s: float) -> list[bytes]:
        """Return a found share, a random result that meets the target; empty without a job."""
        ...

    def tick(self, now_s: float) -> list[bytes]:
        """Return what is due by the clock: a sign of life, a hash rate, a poll for work."""
        ...


class Dialect(Protocol):
    """One way in which miners and pools talk."""

    @property
    def name(self) -> str:
        """Unique, as plans and labels call it: ``cryptonote-p2pool``."""
        ...

    @property
    def decoded_as(self) -> str:
        """What the ``stratum`` decoder calls it (column ``stratum_dialect``): ``cryptonote``."""
        ...

    @property
    def carrier(self) -> str:
        """``lines`` (JSON lines or binary over the bare stream), ``http`` or ``websocket``.

        Sessions of ``http`` write whole requests and responses. Sessions of ``websocket`` write
        and read whole text messages; the driver frames them.
        """
        ...

    def pool(self, settings: PoolSettings, rng: Random) -> PoolSession:
        """Return the pool's end of a new connection."""
        ...

    def miner(self, settings: MinerSettings, rng: Random) -> MinerSession:
        """Return the miner's end of a new connection."""
        ...
