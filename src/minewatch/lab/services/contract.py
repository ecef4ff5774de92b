# SPDX-License-Identifier: Apache-2.0
"""What a normal service of the lab must offer."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Protocol

from minewatch.lab.plan import Plan, Service


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run in a host's namespace until the lab ends."""

    host: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_port: int | None = None
    """TCP port that it listens on when it is ready (``ss`` in the namespace shows it); the
    orchestrator waits for it before clients start. None: ready at once."""
    may_end: bool = False
    """True if its end is normal (a client that comes and goes); else an early end fails the lab."""


class ServiceKind(Protocol):
    """One kind of service, played by real programs."""

    @property
    def name(self) -> str:
        """Unique: ``postgresql-idle``."""
        ...

    @property
    def port(self) -> int:
        """The usual port."""
        ...

    @property
    def ports(self) -> tuple[int, ...]:
        """Ports where one meets it, the usual one first; no two kinds share one."""
        ...

    @property
    def is_long_lived(self) -> bool:
        """Whether its conversations last for minutes to days, as mining's do."""
        ...

    @property
    def options(self) -> Mapping[str, float | str]:
        """Names and defaults of what ``Service.options`` may set."""
        ...

    @property
    def packages(self) -> Mapping[str, str]:
        """Program that must be there (``programs.find_program``) to its Debian package."""
        ...

    @property
    def modules(self) -> Mapping[str, str]:
        """Python module that must be importable to the extra of minewatch that brings it."""
        ...

    def servers(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        """Write what the servers need into ``folder`` (empty, its own) and return them."""
        ...

    def clients(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        """Return the client programs; they start when every server of the lab is ready."""
        ...

    def actors(
        self, service: Service, plan: Plan, host: str, rng: Random
    ) -> Sequence[Coroutine[Any, Any, None]]:
        """Return what the Python process that plays ``host`` does for this service, if anything.

        A coroutine runs until it is cancelled. It survives refused and broken connections by
        trying again after a pause, and lets any other error out.
        """
        ...
