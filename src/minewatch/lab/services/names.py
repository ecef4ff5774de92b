# SPDX-License-Identifier: Apache-2.0
"""Names of hosts and sites in a lab; ``example`` is reserved for such use (RFC 2606)."""

from __future__ import annotations

from minewatch.lab.plan import Plan, Service


def host_name(host: str) -> str:
    """Return the name of a host.

    >>> host_name("server-1")
    'server-1.lab.example'
    """
    return f"{host}.lab.example"


def site_name(service: Service) -> str:
    """Return the name under which clients know a service, as in TLS's server name."""
    return f"{service.name}.example"


def name_table(plan: Plan) -> dict[str, str]:
    """Return every name of a plan and its address."""
    table = {host_name(host.name): host.address for host in plan.hosts}
    table |= {site_name(service): plan.host(service.host).address for service in plan.services}
    return table | {f"{pool.name}.example": plan.host(pool.host).address for pool in plan.pools}
