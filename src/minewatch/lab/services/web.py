# SPDX-License-Identifier: Apache-2.0
"""Web sites by nginx: browsing, health checks and downloads."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random

from minewatch.lab import tls
from minewatch.lab.plan import Plan, Service
from minewatch.lab.services import http_client
from minewatch.lab.services.actor import keep_trying, wait_about
from minewatch.lab.services.contract import Command
from minewatch.lab.services.kind import Act, Kind
from minewatch.lab.services.names import site_name
from minewatch.lab.services.nginx import PACKAGES, nginx

FIRST_PAGES = {"http-browse": "/", "http-health": "/healthz"}
"""What to ask the sites without TLS for, from those who come through a proxy or a tunnel."""

_PAGES, _ASSETS = 12, 20
_KEPT_ALIVE_S = 50.0
"""A browser leaves before nginx hangs up, after 65 s."""


class _Site(Kind):
    """A site of pages and what is in them, or one large file."""

    is_tls = False

    def servers(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        site = folder / "site"
        site.mkdir()
        self.fill(service, site, Random(f"{plan.seed} {service.name} site"))
        certificate = None
        if self.is_tls:
            certificate = tls.self_signed_certificate(folder, site_name(service))
        return (nginx(service, plan, folder, certificate, self.limit_rate(service)),)

    def fill(self, service: Service, site: Path, rng: Random) -> None:
        """Write pages of a few kilobytes, and images and scripts up to some hundreds."""
        (site / "index.html").write_bytes(_some_text(rng, 4000))
        for number in range(_PAGES):
            (site / f"{number}.html").write_bytes(_some_text(rng, rng.lognormvariate(8.8, 0.9)))
        for number in range(_ASSETS):
            (site / f"{number}.bin").write_bytes(rng.randbytes(_bounded(rng.lognormvariate(9, 1))))

    def limit_rate(self, service: Service) -> str:
        return "0"


class Browsing(_Site):
    """People who read: a page with its parts, a pause, the next; then a longer pause."""

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:

        async def visit() -> None:
            await self._visit(service, plan, rng)

        return (keep_trying(visit, rng),)

    async def _visit(self, service: Service, plan: Plan, rng: Random) -> None:
        name, read_mean_s = site_name(service), self.number(service, "read_mean_s")
        address = plan.host(service.host).address
        connection = await http_client.connect(
            address, service.port, tls_name=name if self.is_tls else ""
        )
        try:
            for _ in range(rng.randint(2, 8)):
                await connection.get(name, rng.choice(["/", f"/{rng.randrange(_PAGES)}.html"]))
                for _ in range(rng.choice([0, 1, 1, 2, 3, 6])):
                    await connection.get(name, f"/{rng.randrange(_ASSETS)}.bin")
                await asyncio.sleep(min(rng.expovariate(1 / read_mean_s), _KEPT_ALIVE_S))
        finally:
            await connection.close()
        await wait_about(2 * read_mean_s, rng)


class TlsBrowsing(Browsing):
    """The same over TLS, with the site's name in the hello."""

    is_tls = True


class Health(_Site):
    """A load balancer that asks in a connection of its own, again and again."""

    def fill(self, service: Service, site: Path, rng: Random) -> None:
        (site / "healthz").write_text("ok")

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        address = plan.host(service.host).address

        async def check() -> None:
            connection = await http_client.connect(address, service.port, http_client.PROBE)
            try:
                await connection.get(f"{address}:{service.port}", "/healthz")
            finally:
                await connection.close()
            await asyncio.sleep(self.number(service, "every_s"))

        return (keep_trying(check, rng),)


class Download(_Site):
    """A large file, now and then."""

    def fill(self, service: Service, site: Path, rng: Random) -> None:
        (site / "image.iso").write_bytes(rng.randbytes(int(self.number(service, "octets"))))

    def limit_rate(self, service: Service) -> str:
        return str(int(self.number(service, "octets_per_s")))

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        address = plan.host(service.host).address

        async def download() -> None:
            connection = await http_client.connect(address, service.port)
            try:
                await connection.get(site_name(service), "/image.iso")
            finally:
                await connection.close()
            await wait_about(self.number(service, "pause_mean_s"), rng)

        return (keep_trying(download, rng),)


def _bounded(octets: float) -> int:
    return int(min(max(octets, 200), 300_000))


def _some_text(rng: Random, octets: float) -> bytes:
    return rng.randbytes(_bounded(octets) // 2).hex().encode()


KINDS = (
    Browsing("http-browse", (80, 8080), PACKAGES, options={"read_mean_s": 15.0}),
    TlsBrowsing(
        "https-browse",
        (443, 8443),
        {**PACKAGES, "openssl": "openssl"},
        options={"read_mean_s": 15.0},
    ),
    Health("http-health", (8081, 8086), PACKAGES, options={"every_s": 10.0}),
    Download(
        "http-download",
        (8000, 8088),
        PACKAGES,
        options={"octets": 3e6, "octets_per_s": 4e5, "pause_mean_s": 60.0},
    ),
)
