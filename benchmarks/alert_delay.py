# SPDX-License-Identifier: Apache-2.0
"""How long after its first packet a miner is told of: miners of the lab, replayed to ``watch``.

    sudo .venv/bin/python benchmarks/alert_delay.py --servers 20 --minutes 10 --out DIR

The miners are drawn as ``minewatch lab run`` draws them for the dialect ``cryptonote``: Monero at
pools with a job at the latest every 30 to 120 s, a block every 120 s and a share every 8 to 60 s on
average, plain and over TLS. A watch tells the same alerts at the same times of the data whether it
reads an interface or a capture. A folder that holds a run already is not run again, but read.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from minewatch.alert import Change
from minewatch.alerts.following import Follower
from minewatch.lab.drawing import draw_hosts
from minewatch.lab.drawing_mining import draw_mining
from minewatch.lab.plan import Plan, Transport, read_plan
from minewatch.lab.run import run_lab

NS = 1_000_000_000
LEAST_S = 200.0
"""Miners of whom less was captured say nothing about a delay of three minutes."""
STEPS_S = (60, 180, 300)


class Delay(NamedTuple):
    """What became of one miner."""

    transport: Transport
    seconds: float | None
    """From its first packet to its alert; None if it was never told."""


def plan(servers: int, minutes: float, seed: int) -> Plan:
    """Return a lab of miners alone."""
    rng = Random(f"alert delay {seed}")
    watched = draw_hosts("server", "server", servers, rng)
    names = [host.name for host in watched]
    mining = draw_mining(names, minutes * 60, ["cryptonote"], [], rng)
    pools = draw_hosts("pool", "pool", mining.pool_hosts, rng)
    hosts = (*watched, *pools)
    return Plan(seed, minutes * 60, hosts, tuple(mining.pools), tuple(mining.miners), ())


def delays(run: Path) -> Iterator[Delay]:
    """Watch the captures of a lab; yield the delay of each miner that mined long enough."""
    played = read_plan(run / "plan.json")
    for capture in sorted((run / "captures").glob("*.pcap")):
        told = dict(first_told(capture))
        for miner in played.miners:
            end_s = played.seconds if miner.stop_s is None else miner.stop_s
            if miner.host != capture.stem or end_s - miner.start_s < LEAST_S:
                continue
            pool = played.pool(miner.pools[0])
            seconds = told.get((played.host(pool.host).address, pool.port))
            yield Delay(pool.transport, seconds)


def first_told(capture: Path) -> Iterator[tuple[tuple[str, int], float]]:
    """Yield each pool that alerts name, and how long after its first packet [s]."""
    with tempfile.TemporaryDirectory() as folder:
        alerts = Path(folder) / "alerts.jsonl"
        command = [sys.executable, "-m", "minewatch", "watch", "-q", "--from", str(capture)]
        subprocess.run([*command, "--sink", f"jsonl:{alerts}"], check=True)
        follower = Follower(str(alerts))
        while told := follower.read():
            for alert in told:
                if alert.change is Change.NEW:
                    seconds = (alert.updated_ns - alert.first_seen_ns) / NS
                    yield (alert.pool, alert.pool_port), seconds


def report(found: list[Delay]) -> Iterator[str]:
    """Yield the lines of the table."""
    steps = "".join(f"  in {step:>3} s" for step in STEPS_S)
    yield f"{'transport':<10} {'miners':>6} {'told':>5}{steps}   median  slowest"
    for transport in ("tcp", "tls1.2", "tls1.3"):
        of_it = [one.seconds for one in found if one.transport == transport]
        told = sorted(seconds for seconds in of_it if seconds is not None)
        if not of_it:
            continue
        shares = "".join(
            f"  {sum(seconds <= step for seconds in told) / len(of_it):>8.0%}" for step in STEPS_S
        )
        times = f"{statistics.median(told):7.0f}s {told[-1]:7.0f}s" if told else ""
        yield f"{transport:<10} {len(of_it):>6} {len(told):>5}{shares} {times}"


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--servers", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if not (options.out / "captures").exists():
        run_lab(plan(options.servers, options.minutes, options.seed), options.out)
    print("\n".join(report(list(delays(options.out)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
