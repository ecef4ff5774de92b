# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL: pgbench now and then, or a pool of idle connections with a heartbeat."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.actor import keep_trying, wait_about
from minewatch.lab.services.child import run_child
from minewatch.lab.services.contract import Command
from minewatch.lab.services.kind import Act, Kind
from minewatch.lab.services.programs import need_program, run_program

_USER = "postgres"
_PACKAGES = {
    "postgres": "postgresql",
    "initdb": "postgresql",
    "psql": "postgresql-client",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}

# Nothing outlives the lab: no sync. No socket in /run and no segment in /dev/shm.
_CONFIG = """
listen_addresses = '{address}'
port = {port}
unix_socket_directories = ''
dynamic_shared_memory_type = mmap
shared_buffers = 16MB
max_connections = 60
wal_level = minimal
max_wal_senders = 0
max_wal_size = 32MB
min_wal_size = 2MB
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
"""

_RULES = "host all all 0.0.0.0/0 trust\n"

# The tables of `pgbench -i`, made before the lab starts: loading them is no normal life. The
# filler, which no query touches, is text, and nothing is logged: a cluster may lie in memory.
_TABLES = """\
CREATE UNLOGGED TABLE pgbench_branches(bid int primary key, bbalance int, filler text);
CREATE UNLOGGED TABLE pgbench_tellers(tid int primary key, bid int, tbalance int, filler text);
CREATE UNLOGGED TABLE pgbench_accounts(aid int primary key, bid int, abalance int, filler text);
CREATE UNLOGGED TABLE pgbench_history(tid int, bid int, aid int, delta int, mtime timestamp);
INSERT INTO pgbench_branches VALUES (1, 0);
INSERT INTO pgbench_tellers SELECT tid, 1, 0 FROM generate_series(1, 10) tid;
INSERT INTO pgbench_accounts SELECT aid, 1, 0, '' FROM generate_series(1, 100000) aid;
"""


class _Database(Kind):
    def servers(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        data = folder / "data"
        address = plan.host(service.host).address
        _make_cluster(data, _CONFIG.format(address=address, port=service.port))
        argv = _as_postgres(("postgres", "-D", str(data)))
        return (Command(service.host, argv, ready_port=service.port),)


class Pgbench(_Database):
    """Bursts of pgbench's transactions at a limited rate, with pauses between them."""

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:

        async def burst() -> None:
            argv = ["pgbench", "-n", *_to(service, plan), "-b", rng.choice(_SCRIPTS)]
            argv += ["-c", f"{self.number(service, 'connections'):.0f}"]
            argv += ["-R", str(self.number(service, "rate"))]
            argv += [
                "-T",
                str(max(1, round(self.number(service, "burst_s") * rng.uniform(0.5, 1.5)))),
            ]
            await run_child([*argv, _USER])
            await wait_about(self.number(service, "pause_mean_s"), rng)

        return (keep_trying(burst, rng),)


class IdlePool(_Database):
    """Connections that an application keeps open, each asked now and then whether it lives."""

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        argv = ["psql", "-X", "-q", *_to(service, plan), _USER]
        beat_s = self.number(service, "heartbeat_s")

        def connection() -> Act:
            own = Random(rng.random())
            return keep_trying(lambda: run_child(argv, _heartbeats(beat_s, own)), own)

        return [connection() for _ in range(int(self.number(service, "connections")))]


_WORK = 0.1
"""Share of an idle connection's queries that are work, and no mere heartbeat."""

_SCRIPTS = ("tpcb-like", "simple-update", "select-only")


def _to(service: Service, plan: Plan) -> list[str]:
    return ["-h", plan.host(service.host).address, "-p", str(service.port), "-U", _USER]


def _heartbeats(mean_s: float, rng: Random) -> Iterator[tuple[float, bytes]]:
    yield 0.0, b"SELECT count(*) FROM pgbench_tellers;\n"
    wait_s = mean_s * rng.random()
    while True:
        query = "SELECT 1"
        if rng.random() < _WORK:
            query = f"SELECT abalance FROM pgbench_accounts WHERE aid = {rng.randint(1, 100_000)}"
        yield wait_s, f"{query};\n".encode()
        wait_s = mean_s * rng.uniform(2 / 3, 4 / 3)


def _make_cluster(data: Path, config: str) -> None:
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        user = pwd.getpwnam(_USER)
        os.chown(data, user.pw_uid, user.pw_gid)
    make = (
        *("initdb", "-D", str(data), "-U", _USER, "-A", "trust", "-E", "UTF8"),
        *("--no-sync", "--no-locale", "--wal-segsize=1", "--no-instructions"),
    )
    run_program(_as_postgres(make))
    with (
        (data / "postgresql.conf").open("a") as settings,
        (data / "pg_hba.conf").open("a") as rules,
    ):
        settings.write(config)
        rules.write(_RULES)
    run_program(_as_postgres(("postgres", "--single", "-D", str(data), _USER)), _TABLES)


def _as_postgres(argv: Sequence[str]) -> tuple[str, ...]:
    """Return a command that runs as PostgreSQL's user: it refuses to be root.

    The user may enter folders of root's, so that its own can lie in one; and what it shares
    (System V memory) goes with it, even if it is killed.
    """
    full = (need_program(argv[0]), *argv[1:])
    if os.geteuid() != 0:
        return full
    may = "+dac_read_search"
    return (
        *(need_program("unshare"), "--ipc", "--"),
        *(need_program("setpriv"), "--reuid", _USER, "--regid", _USER, "--clear-groups"),
        *("--inh-caps", may, "--ambient-caps", may, "--", *full),
    )


KINDS = (
    Pgbench(
        "postgresql-pgbench",
        (5432, 5434),
        {**_PACKAGES, "pgbench": "postgresql"},
        options={"connections": 2.0, "rate": 4.0, "burst_s": 12.0, "pause_mean_s": 20.0},
    ),
    IdlePool(
        "postgresql-idle",
        (5433, 5435),
        _PACKAGES,
        is_long_lived=True,
        options={"connections": 3.0, "heartbeat_s": 45.0},
    ),
)
