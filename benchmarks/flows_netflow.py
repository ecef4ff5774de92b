# SPDX-License-Identifier: Apache-2.0
"""Time the decoding of NetFlow v9 against the PyPI package netflow, over the same datagrams.

It reports and never asserts, as ``bench.py`` does; README.md beside this file explains it.
"""

import argparse
import os
import re
import statistics
import sys
import tempfile
from pathlib import Path

from bench import HERE, MINEWATCH, PEERS_PYTHON, ensure_minewatch, ensure_peers
from make_netflow import RECORDS_EACH
from measure import ProgramError, run_timed, say
from report import Check, check_table

DATAGRAMS = 20_000
TIMES_AS_FAST = 20.0
MINEWATCH_PYTHON = str(Path(MINEWATCH).parent / "python")
READ = str(HERE / "read_netflow.py")
PEER = "netflow"
PRINTED = re.compile(r"records (\d+) octets (\d+) seconds ([\d.]+)")
SHOWN = "{:<16} {:>9} {:>14} {:>11} {:>11}"


def programs(minewatch: str, peers: str) -> dict[str, list[str]]:
    """Return the commands to measure; each gets the file of datagrams as its last word."""
    return {
        "together": [minewatch, READ],
        "one by one": [minewatch, READ, "--single"],
        PEER: [peers, str(HERE / "peer_netflow.py")],
    }


def run(command: list[str], datagrams: Path) -> tuple[tuple[int, int], float]:
    """Return what a program decoded, records and octets, and how long that took."""
    _, printed = run_timed([*command[:2], str(datagrams), *command[2:]])
    match = PRINTED.search(printed)
    if match is None:
        raise ProgramError(f"{' '.join(command)} printed {printed!r}")
    return (int(match[1]), int(match[2])), float(match[3])


def measure(commands: dict[str, list[str]], datagrams: Path, runs: int) -> dict[str, list[float]]:
    """Run A B C A B C, and see that all decode the same."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    decoded: dict[str, tuple[int, int]] = {}
    for number in range(1, runs + 1):
        for name, command in commands.items():
            decoded[name], taken = run(command, datagrams)
            seconds[name].append(taken)
            say(f"run {number} of {runs}: {name} {taken:.2f} s")
    if len(set(decoded.values())) != 1:
        raise ProgramError(f"they do not decode the same: {decoded}")
    return seconds


def table(seconds: dict[str, list[float]], n: int) -> str:
    """One line a program: the median, and what it means for a datagram and for a record."""
    peer = statistics.median(seconds[PEER])
    lines = [SHOWN.format("decoded", "seconds", "us a datagram", "k records/s", f"/ {PEER}")]
    for name, all_runs in seconds.items():
        taken = statistics.median(all_runs)
        lines.append(
            SHOWN.format(
                name,
                f"{taken:.3f}",
                f"{taken / n * 1e6:.1f}",
                f"{n * RECORDS_EACH / taken / 1e3:.0f}",
                f"{peer / taken:.1f}",
            )
        )
    return "\n".join(lines)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time the decoding of NetFlow v9.")
    default_dir = Path(tempfile.gettempdir()) / "minewatch-bench"
    parser.add_argument("--datagrams", type=int, default=DATAGRAMS, help=f"[{DATAGRAMS}]")
    parser.add_argument("--runs", type=int, default=3, help="runs of each program [3]")
    parser.add_argument("--dir", type=Path, default=default_dir, help="where datagrams are kept")
    parser.add_argument("--python", help="with minewatch; by default it is installed anew")
    parser.add_argument("--peers-python", help="with the package netflow; likewise")
    return parser.parse_args()


def main() -> int:
    options = parse_options()
    options.dir.mkdir(parents=True, exist_ok=True)
    if options.python is None:
        ensure_minewatch()
    if options.peers_python is None:
        ensure_peers()
    commands = programs(options.python or MINEWATCH_PYTHON, options.peers_python or PEERS_PYTHON)
    datagrams = options.dir / f"netflow-v9-{options.datagrams}.datagrams"
    load = os.getloadavg()[0]
    try:
        if not datagrams.exists():
            say(f"making {options.datagrams} datagrams")
            part = datagrams.with_suffix(".part")
            make = [sys.executable, str(HERE / "make_netflow.py"), str(options.datagrams)]
            run_timed([*make, str(part)])
            part.rename(datagrams)
        seconds = measure(commands, datagrams, options.runs)
    except ProgramError as error:
        print(error, file=sys.stderr)
        return 2
    ratio = statistics.median(seconds[PEER]) / statistics.median(seconds["together"])
    wanted = f"speed of decoding NetFlow v9 / speed of {PEER} 0.12.2"
    print(
        f"{options.datagrams} datagrams of {RECORDS_EACH} records, medians of {options.runs}; "
        f"{os.cpu_count()} processors, load {load:.1f} before\n"
    )
    print(
        table(seconds, options.datagrams),
        check_table([Check(wanted, ratio, TIMES_AS_FAST)]),
        sep="\n\n",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
