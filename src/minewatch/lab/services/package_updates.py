# SPDX-License-Identifier: Apache-2.0
"""Package updates: nginx with a small repository, and the real apt-get in folders of its own."""

from __future__ import annotations

import gzip
import hashlib
import shlex
from collections.abc import Sequence
from pathlib import Path
from random import Random

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.child import leashed
from minewatch.lab.services.contract import Command
from minewatch.lab.services.kind import Kind, client_rng
from minewatch.lab.services.nginx import PACKAGES, nginx
from minewatch.lab.services.programs import run_program

_SUITE = Path("dists/stable")
_PACKAGES = 6

_CONTROL = """\
Package: {name}
Version: 1.{minor}-1
Architecture: all
Maintainer: Lab <lab@lab.example>
Description: part {name} of the lab's repository
"""

# Read before the system's own settings, whose hooks and proxies then have no say.
_APT = """\
Dir "{folder}/";
Dir::Etc "etc/";
Dir::State::status "{folder}/status";
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::http::Proxy "DIRECT";
Acquire::Retries "2";
"""

_UPDATE = """\
cd {folder}
sleep {first_s:.1f}
while :; do
    "$@" update && for name in {names}; do rm -f $name*.deb; "$@" download $name; done
    sleep {pause_s:.1f}
done
"""


class PackageUpdates(Kind):
    """A client updates its lists, fetches some packages, and comes again after a while."""

    def servers(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        site = folder / "site"
        (site / _SUITE / "main/binary-amd64").mkdir(parents=True)
        (site / "pool").mkdir()
        rng = Random(f"{plan.seed} {service.name} repository")
        entries = [_make_package(site, folder / "build", name, rng) for name in _names()]
        _write_index(site / _SUITE, "\n".join(entries))
        return (nginx(service, plan, folder),)

    def clients(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        place = f"http://{plan.host(service.host).address}:{service.port}"
        commands = []
        for client in service.clients:
            rng = client_rng(plan, service, client)
            own = folder / client
            for name in (
                "etc/apt.conf.d",
                "etc/preferences.d",
                "var/lib/apt/lists/partial",
                "var/cache/apt/archives/partial",
            ):
                (own / name).mkdir(parents=True)
            (own / "etc/sources.list").write_text(f"deb [trusted=yes] {place} stable main\n")
            (own / "status").touch()
            config = own / "apt.conf"
            config.write_text(_APT.format(folder=own))
            script = _UPDATE.format(
                folder=shlex.quote(str(own)),
                first_s=rng.uniform(0.1, 3),
                names=" ".join(rng.sample(_names(), 3)),
                pause_s=self.number(service, "pause_s") * rng.uniform(0.8, 1.2),
            )
            argv = ("sh", "-c", script, "sh", *leashed(("apt-get", "-q")))
            commands.append(Command(client, argv, {"APT_CONFIG": str(config)}))
        return commands


def _names() -> list[str]:
    return [f"lab-part-{number}" for number in range(_PACKAGES)]


def _make_package(site: Path, build: Path, name: str, rng: Random) -> str:
    """Build a package and return its entry in the index."""
    control = _CONTROL.format(name=name, minor=rng.randrange(30))
    root = build / name
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(control)
    data = root / "usr/share" / name
    data.mkdir(parents=True)
    octets = int(min(max(rng.lognormvariate(11.5, 1), 2000), 1e6))
    (data / "data").write_bytes(rng.randbytes(octets))
    path = site / "pool" / f"{name}.deb"
    run_program(("dpkg-deb", "--root-owner-group", "-Znone", "--build", root, path))
    made = path.read_bytes()
    digest = hashlib.sha256(made).hexdigest()
    return f"{control}Filename: pool/{path.name}\nSize: {len(made)}\nSHA256: {digest}\n"


def _write_index(suite: Path, index: str) -> None:
    files = {
        "main/binary-amd64/Packages": index.encode(),
        "main/binary-amd64/Packages.gz": gzip.compress(index.encode(), mtime=0),
    }
    lines = ["Origin: Lab", "Suite: stable", "Codename: stable", "Components: main"]
    lines += ["Architectures: amd64", "Date: Thu, 01 Jan 2026 00:00:00 UTC", "SHA256:"]
    for name, octets in files.items():
        (suite / name).write_bytes(octets)
        lines.append(f" {hashlib.sha256(octets).hexdigest()} {len(octets)} {name}")
    (suite / "Release").write_text("\n".join(lines) + "\n")


KINDS = (
    PackageUpdates(
        "package-updates",
        (3142, 3143),
        {**PACKAGES, "apt-get": "apt", "dpkg-deb": "dpkg", "setpriv": "util-linux"},
        options={"pause_s": 60.0},
    ),
)
