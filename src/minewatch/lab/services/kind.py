# SPDX-License-Identifier: Apache-2.0
"""What the kinds of services share: their facts as fields, and methods that do nothing."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

from minewatch.errors import ConfigError
from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.contract import Command

Act: TypeAlias = Coroutine[Any, Any, None]
"""What an actor does until it is cancelled."""


@dataclass(frozen=True)
class Kind:
    """One kind of service, which a subclass plays (see ``ServiceKind``)."""

    name: str
    ports: tuple[int, ...]
    """Ports where one meets it, the usual one first."""
    packages: Mapping[str, str] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)
    is_long_lived: bool = False
    options: Mapping[str, float | str] = field(default_factory=dict)
    """Names and defaults of what ``Service.options`` may set."""

    @property
    def port(self) -> int:
        """The usual port."""
        return self.ports[0]

    def servers(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        return ()

    def clients(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        return ()

    def actors(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        acts: list[Act] = []
        if host == service.host:
            acts += self.serve(service, plan, rng)
        if host in service.clients:
            acts += self.use(service, plan, host, rng)
        return acts

    def serve(self, service: Service, plan: Plan, rng: Random) -> Sequence[Act]:
        """Return the actors of the service's host: servers in Python."""
        return ()

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        """Return the actors of one client."""
        return ()

    def number(self, service: Service, option: str) -> float:
        """Return an option that is a number, above zero.

        Raises
        ------
        ConfigError : it is not.
        """
        value = service.options.get(option, self.options[option])
        if isinstance(value, str) or not value > 0:
            raise ConfigError(f"service {service.name}: {option}: a number > 0, not {value!r}")
        return value

    def text(self, service: Service, option: str) -> str:
        """Return an option as text."""
        return str(service.options.get(option, self.options[option]))


def client_rng(plan: Plan, service: Service, client: str) -> Random:
    """Return a generator of a client's own, so that one client's luck does not move another's."""
    return Random(f"{plan.seed} {service.name} {client}")
