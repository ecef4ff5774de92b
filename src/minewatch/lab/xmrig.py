# SPDX-License-Identifier: Apache-2.0
"""How a user's own XMRig is started against a CryptoNote pool of the lab.

It gets everything on its command line and reads no configuration file. It hashes in light mode with
one thread and no huge pages: a few hashes a second, whatever the plan says of its hash rate.
"""

from __future__ import annotations

import os
from pathlib import Path

from minewatch.errors import ConfigError
from minewatch.lab import access
from minewatch.lab.plan import Miner, Plan
from minewatch.lab.services.contract import Command

DECODED_AS = "cryptonote"
"""XMRig speaks the dialects that the decoder calls so, and no other of ours."""

ANYWHERE = (
    "--donate-level=0",  # official builds make 1 of it: the first donation comes after 50 minutes
    "--no-color",
    "--threads=1",
    "--randomx-mode=light",
    "--no-huge-pages",
    "--randomx-wrmsr=-1",
)
"""Arguments for any pool: no more of the machine than hashing takes, and none of its settings."""


def command(miner: Miner, plan: Plan, program: Path) -> Command:
    """Return how to run XMRig as a miner of a plan.

    Parameters
    ----------
    miner : who it is; its pools are all given, the first first.
    plan : where its pools and its way there are.
    program : the executable file.

    Raises
    ------
    ConfigError : it is no executable file, or cannot do what the plan wants of it.
    """
    check_program(program)
    way = access.find_way(plan, miner)
    argv = [str(program)]
    for name in miner.pools:
        pool = access.find_pool(plan, name, f"miner {miner.name}")
        dialect = access.find_dialect(pool)
        if dialect.decoded_as != DECODED_AS or dialect.carrier != "lines":
            raise ConfigError(
                f"miner {miner.name}: XMRig does not speak {pool.dialect} (pool {pool.name}); "
                "give it a cryptonote pool"
            )
        host, port = way.tunnel or (plan.host(pool.host).address, pool.port)
        argv += ["-o", f"{host}:{port}", "-u", miner.login, "-p", "x", "--rig-id", miner.name]
        argv += ["-a", pool.algorithm, "--keepalive"]
        argv += ["--tls"] if pool.transport != "tcp" else []
        argv += ["--proxy", "{}:{}".format(*way.proxy)] if way.proxy else []
    argv += ANYWHERE
    return Command(miner.host, tuple(argv))


def check_program(program: Path) -> None:
    """Check that a user's XMRig can be started.

    Raises
    ------
    ConfigError : it is no executable file.
    """
    if not program.is_file() or not os.access(program, os.X_OK):
        raise ConfigError(
            f"--xmrig {program}: not an executable file; give the path of the xmrig program"
        )
