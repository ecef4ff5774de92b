# SPDX-License-Identifier: Apache-2.0
"""Run the lab in the circumstances of recordings of the real XMRig, to compare the two.

    sudo .venv/bin/python benchmarks/xmrig_lab.py --minutes 40 --out DIR

Ten servers, eight of which mine at six Monero-style pools: the delays, block times and share gaps
are those of captures of XMRig 6.26 (0.3 to 10 hashes a second on a busy machine). What is compared
then are message sizes and cadence: ``benchmarks/fidelity.py --lab DIR``.
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

from minewatch.lab.plan import Host, Link, Miner, Plan, Pool, Transport
from minewatch.lab.run import run_lab

JITTER_S, LOSS = 0.002, 0.002


class Circumstances(NamedTuple):
    """Those of one pool."""

    delay_s: float
    """One way."""
    port: int
    dialect: str
    coin: str
    transport: Transport
    block_mean_s: float
    refresh_s: float
    difficulty: float


POOLS = {
    "plain": Circumstances(0.018, 3333, "cryptonote", "XMR", "tcp", 120, 120, 400),
    "multi": Circumstances(0.070, 10128, "cryptonote-multicoin", "XMR", "tcp", 120, 30, 300),
    "coins": Circumstances(0.110, 3333, "cryptonote-multicoin", "DOGE", "tcp", 60, 120, 600),
    "hidden": Circumstances(0.040, 443, "cryptonote", "XMR", "tls1.3", 120, 120, 700),
    "proxy": Circumstances(0.150, 80, "cryptonote-proxy", "XMR", "tcp", 120, 180, 200),
    "peers": Circumstances(0.008, 3333, "cryptonote-p2pool", "XMR", "tcp", 10, 7, 300),
}
MINERS = ("plain", "multi", "coins", "hidden", "proxy", "peers", "coins", "hidden")
"""The pool of each server that mines."""

WALLET = "4A" + ("MinewatchTestWa11etNotReaL" * 4)[:93]
LOGINS = {"coins": "DOGE:DTestWa11etNotReaLTestWa11etNotReaL.rig#abcd-1234", "proxy": "x"}


def plan(minutes: float, seed: int) -> Plan:
    """Return the lab."""
    servers = [Host(f"vps{n}", "server", f"10.86.1.{n + 1}") for n in range(10)]
    pool_hosts = [
        Host(name, "pool", f"10.86.2.{n + 1}", Link(pool.delay_s, JITTER_S, LOSS))
        for n, (name, pool) in enumerate(POOLS.items())
    ]
    pools = [
        Pool(
            name,
            name,
            pool.port,
            pool.dialect,
            pool.coin,
            "rx/0",
            pool.transport,
            chain_seed=seed + n,
            block_mean_s=pool.block_mean_s,
            refresh_s=pool.refresh_s,
            difficulty=pool.difficulty,
            reject_ratio=0.0,
        )
        for n, (name, pool) in enumerate(POOLS.items())
    ]
    miners = [
        Miner(f"vps{n}", f"vps{n}", (pool,), LOGINS.get(pool, WALLET), hash_rate=9.0)
        for n, pool in enumerate(MINERS)
    ]
    return Plan(seed, minutes * 60, (*servers, *pool_hosts), tuple(pools), tuple(miners), ())


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    outcome = run_lab(plan(options.minutes, options.seed), options.out)
    print(f"{len(outcome.captures)} captures: {options.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
