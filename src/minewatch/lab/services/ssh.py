# SPDX-License-Identifier: Apache-2.0
"""OpenSSH: someone who types, a session left open, and a tunnel."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.actor import keep_trying, wait_about
from minewatch.lab.services.child import restarting
from minewatch.lab.services.contract import Command
from minewatch.lab.services.http_client import connect
from minewatch.lab.services.kind import Act, Kind, client_rng
from minewatch.lab.services.names import site_name
from minewatch.lab.services.programs import need_program, run_program
from minewatch.lab.services.web import FIRST_PAGES

_RUN = Path("/run")

# bash without a history: nothing is written into root's home.
_CONFIG = """
ListenAddress {address}
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM {pam}
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowTcpForwarding yes
PrintMotd no
PrintLastLog no
UseDNS no
LogLevel VERBOSE
ForceCommand exec env -i TERM=vt100 PATH=/usr/bin:/bin HOME=/ HISTFILE= bash --noprofile --norc
"""

# sshd wants /run/sshd, and writes each login into the system's records: give it a view of its own.
_HIDDEN = """\
for record in /var/log/wtmp /var/log/btmp /var/log/lastlog /run/utmp; do
    if [ -e $record ]; then mount --bind /dev/null $record || exit; fi
done
{own_run}
mkdir -p /run/sshd && exec "$@"
"""


class _Ssh(Kind):
    def servers(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        address = plan.host(service.host).address
        for name in ("host_key", "key"):
            key = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", folder / name)
            run_program(key)
        place = address if service.port == 22 else f"[{address}]:{service.port}"
        public = (folder / "host_key.pub").read_text()
        (folder / "known_hosts").write_text(f"{place} {public}")
        config = folder / "sshd_config"
        pam = "yes" if _root_is_locked() else "no"
        config.write_text(
            _CONFIG.format(address=address, port=service.port, folder=folder, pam=pam)
        )
        own_run = "" if folder.is_relative_to(_RUN) else "mount -t tmpfs none /run || exit"
        argv = (
            *(need_program("unshare"), "--mount", "--propagation", "private", "--"),
            *("/bin/sh", "-c", _HIDDEN.format(own_run=own_run), "sh"),
            *(need_program("sshd"), "-D", "-e", "-f", str(config)),
        )
        return (Command(service.host, argv, ready_port=service.port),)

    def login(self, service: Service, plan: Plan, folder: Path) -> tuple[str, ...]:
        """Return the ssh command without what it is to do, in the folder of the servers."""
        argv = [need_program("ssh"), "-F", "none", "-i", str(folder / "key")]
        alive_s = f"{max(1, self.number(service, 'alive_s')):.0f}"
        for option in (
            "IdentitiesOnly=yes",
            f"UserKnownHostsFile={folder}/known_hosts",
            "GlobalKnownHostsFile=none",
            "StrictHostKeyChecking=yes",
            "BatchMode=yes",
            "ConnectTimeout=10",
            f"ServerAliveInterval={alive_s}",
        ):
            argv += ["-o", option]
        return (*argv, "-p", str(service.port), f"root@{plan.host(service.host).address}")


class Interactive(_Ssh):
    """Someone at a terminal, who types a command, reads, and logs out after a while."""

    def clients(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        argv = self.login(service, plan, folder)
        think_s = str(self.number(service, "think_mean_s"))
        return [
            Command(
                client,
                (
                    *(sys.executable, "-m", "minewatch.lab.services.typist"),
                    *("--seed", str(client_rng(plan, service, client).randrange(1 << 32))),
                    *("--think", think_s, "--", *argv[:-1], "-tt", argv[-1]),
                ),
            )
            for client in service.clients
        ]


class Idle(_Ssh):
    """A session in which nothing happens but the keep-alive."""

    def clients(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        argv = self.login(service, plan, folder)
        return [
            Command(client, restarting((*argv[:-1], "-N", argv[-1]))) for client in service.clients
        ]


class Tunnel(_Ssh):
    """A port of the client's own loopback that leads to another host's.

    Options: ``local_port``; ``target_host``, the name of a host of the plan (default: the
    server itself); ``target_port``. If a web site of the plan is there, the client reads it
    through the tunnel.
    """

    def clients(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        target, port = self._target(service)
        local = int(self.number(service, "local_port"))
        forward = f"127.0.0.1:{local}:{plan.host(target).address}:{port}"
        *before, last = self.login(service, plan, folder)
        argv = (*before, "-o", "ExitOnForwardFailure=yes", "-N", "-L", forward, last)
        return [Command(client, restarting(argv), ready_port=local) for client in service.clients]

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        local = int(self.number(service, "local_port"))
        sites = [
            site
            for site in plan.services
            if (site.host, site.port) == self._target(service) and site.kind in FIRST_PAGES
        ]

        async def read() -> None:
            connection = await connect("127.0.0.1", local)
            try:
                await connection.get(site_name(sites[0]), FIRST_PAGES[sites[0].kind])
            finally:
                await connection.close()
            await wait_about(self.number(service, "read_mean_s"), rng)

        return (keep_trying(read, rng),) if sites else ()

    def _target(self, service: Service) -> tuple[str, int]:
        host = self.text(service, "target_host") or service.host
        return host, int(self.number(service, "target_port"))


def _root_is_locked() -> bool:
    """Whether sshd refuses root unless PAM lets it in: a ``!`` in the place of the password."""
    try:
        lines = Path("/etc/shadow").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return any(line.startswith("root:!") for line in lines)


_PACKAGES = {
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "bash": "bash",
    "mount": "mount",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}

KINDS = (
    Interactive(
        "ssh-interactive",
        (22, 2222),
        _PACKAGES,
        is_long_lived=True,
        options={"alive_s": 30.0, "think_mean_s": 8.0},
    ),
    Idle("ssh-idle", (2022, 2223), _PACKAGES, is_long_lived=True, options={"alive_s": 15.0}),
    Tunnel(
        "ssh-tunnel",
        (2200, 2224),
        _PACKAGES,
        is_long_lived=True,
        options={
            "alive_s": 60.0,
            "local_port": 13333.0,
            "target_host": "",
            "target_port": 80.0,
            "read_mean_s": 10.0,
        },
    ),
)
