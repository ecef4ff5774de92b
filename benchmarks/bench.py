# SPDX-License-Identifier: Apache-2.0
"""Time minewatch against its peers, as whole processes over one synthetic capture.

It reports and never asserts: the exit status is 0 whatever the figures are, and 2 if a program
that was asked for is missing or fails. README.md beside this file explains the columns.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import (
    Counter,
    Program,
    ProgramError,
    run_interleaved,
    run_program,
    run_timed,
    say,
)
from report import as_json, check_table, checks, program_table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# As a user installs it: without the training extra, whose SciPy numba would import at every start.
MINEWATCH_VENV = HERE / ".venv-minewatch"
MINEWATCH = str(MINEWATCH_VENV / "bin" / "minewatch")
PEERS_VENV = HERE / ".venv-peers"
PEERS_PYTHON = str(PEERS_VENV / "bin" / "python")
PEERS_REQUIREMENTS = HERE / "peers-requirements.txt"

SMALL, LARGE, WARM_UP = (5_000_000, 200_000), (20_000_000, 1_000_000), (20_000, 800)
SEED = 1
HELP_RUNS = 10
TOO_SLOW_FOR_LARGE = "nfstream"

COUNT_ROWS = (
    "import polars, sys; "
    "print(polars.scan_parquet(sys.argv[1]).select(polars.len()).collect().item())"
)


def count_printed(pattern: str) -> Counter:
    """Count by the number that ``pattern`` captures in what the program printed."""

    def count(printed: str, out: Path) -> int | None:
        match = re.search(pattern, printed)
        return int(match[1]) if match else None

    return count


def count_rows(printed: str, out: Path) -> int:
    """Count the rows of a Parquet file, in a process of its own to keep this one small."""
    command = [sys.executable, "-c", COUNT_ROWS, str(out)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def count_lines(printed: str, out: Path) -> int:
    """Count the lines of the file that the program wrote."""
    return len(out.read_bytes().splitlines())


INSTALL_MINEWATCH = f"python -m venv {MINEWATCH_VENV.name}, and there pip install -e .."
PROGRAMS = [
    Program(
        "meter",
        [MINEWATCH, "meter", "{capture}", "-o", "{out}.parquet", "--quiet"],
        INSTALL_MINEWATCH,
        lambda printed, out: count_rows(printed, out.with_suffix(".parquet")),
    ),
    Program(
        "scan",
        [MINEWATCH, "scan", "{capture}", "--quiet", "--format", "jsonl", "-o", "{out}"],
        INSTALL_MINEWATCH,
        count_lines,
        accepted=(0, 1),  # 1 says that something was found
    ),
    Program(
        "nfstream",
        [PEERS_PYTHON, str(HERE / "peer_nfstream.py"), "{capture}"],
        f"python -m venv {PEERS_VENV.name}, and there pip install -r {PEERS_REQUIREMENTS.name}",
        count_printed(r"records (\d+)"),
    ),
    Program(
        "softflowd",  # the work of `meter`: both directions in a record, the same time-outs
        [
            *"softflowd -d -r {capture} -a -v 10 -b -m {room}".split(),
            *"-t maxlife=60 -t general=120 -t tcp=120 -t tcp.fin=120 -t tcp.rst=120".split(),
            *"-t udp=120 -c none -p {dir}/softflowd.pid -n 127.0.0.1:{port}".split(),
        ],
        "apt-get install softflowd",
        count_printed(r"Flows exported: \d+ \((\d+) records\)"),
    ),
    Program(
        "flowloop",
        ["{dir}/flowloop", "{capture}", "{out}"],
        "apt-get install gcc libc6-dev",
        count_printed(r"records (\d+)"),
    ),
]
HELP = "help"


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time minewatch against its peers.")
    names = [*(program.name for program in PROGRAMS), HELP]
    default_dir = Path(tempfile.gettempdir()) / "minewatch-bench"
    parser.add_argument("--only", nargs="+", choices=names, help="run these instead of all")
    parser.add_argument("--runs", type=int, default=3, help="runs of each program [3]")
    parser.add_argument("--large", action="store_true", help="20 M packets, without nfstream")
    parser.add_argument("--packets", type=int, help="another size, to try the benchmark itself")
    parser.add_argument("--flows", type=int, help="flows of that size [packets / 25]")
    parser.add_argument("--dir", type=Path, default=default_dir, help="captures and outputs")
    parser.add_argument("--json", type=Path, help="write all runs to this file too")
    options = parser.parse_args()
    options.names = options.only or names
    if options.large and not options.only:
        options.names.remove(TOO_SLOW_FOR_LARGE)
    if options.packets:
        options.size = (options.packets, options.flows or options.packets // 25)
    else:
        options.size = LARGE if options.large else SMALL
    return options


def ensure_capture(directory: Path, packets: int, flows: int) -> Path:
    """Return the capture of this size, and make it first if it is not there."""
    path = directory / f"mixed-{packets}-{flows}-{SEED}.pcap"
    if not path.exists():
        say(f"making a capture of {packets} packets and {flows} flows")
        sizes = [str(packets), str(flows), str(path), "--seed", str(SEED)]
        subprocess.run([sys.executable, str(HERE / "make_capture.py"), *sizes], check=True)
    return path


def ensure_flowloop(directory: Path) -> None:
    """Compile the C loop, always anew: it takes a second."""
    if shutil.which("cc"):
        source, target = str(HERE / "flowloop.c"), str(directory / "flowloop")
        subprocess.run(["cc", "-O2", "-o", target, source], check=True)


def ensure_minewatch() -> None:
    """Install minewatch and what its lock pins into an environment of its own."""
    if Path(MINEWATCH).exists():
        return
    say("installing minewatch without extras")
    subprocess.run([sys.executable, "-m", "venv", str(MINEWATCH_VENV)], check=True)
    pip = [str(MINEWATCH_VENV / "bin" / "python"), "-m", "pip", "install", "-qq"]
    lock = str(ROOT / "requirements.lock")
    subprocess.run([*pip, "--require-hashes", "-r", lock], check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True)


def ensure_peers() -> None:
    """Make the environment of the peers, or renew it; a failure shows in ``missing_programs``."""
    installed = PEERS_VENV / PEERS_REQUIREMENTS.name
    wanted = PEERS_REQUIREMENTS.read_text(encoding="ascii")
    if not installed.exists() or installed.read_text(encoding="ascii") != wanted:
        say("installing the peers into an environment of their own")
        subprocess.run([sys.executable, "-m", "venv", str(PEERS_VENV)], check=True)
        pip = [PEERS_PYTHON, "-m", "pip", "install", "--quiet", "-r", str(PEERS_REQUIREMENTS)]
        if subprocess.run(pip, check=False).returncode:
            shutil.rmtree(PEERS_VENV)
        else:
            installed.write_text(wanted, encoding="ascii")


def missing_programs(names: list[str], directory: Path) -> list[str]:
    """Prepare the programs asked for, and say how to get those that are missing."""
    if "flowloop" in names:
        ensure_flowloop(directory)
    if "nfstream" in names:
        ensure_peers()
    ensure_minewatch()
    missing = [
        f"{program.name} is missing: {program.how_to_get}"
        for program in PROGRAMS
        if program.name in names and not shutil.which(program.command[0].format(dir=directory))
    ]
    if HELP in names and not shutil.which(MINEWATCH):
        missing.append(f"{HELP} cannot be timed: {INSTALL_MINEWATCH}")
    return missing


def time_help() -> float:
    """Median time of ``minewatch --help``, after one run that warms the caches."""
    walls = [run_timed([MINEWATCH, "--help"])[0].wall_s for _ in range(HELP_RUNS + 1)]
    return statistics.median(walls[1:])


def measure_and_report(options: argparse.Namespace) -> None:
    programs = [program for program in PROGRAMS if program.name in options.names]
    packets, flows = options.size
    conditions = {
        "packets": packets,
        "flows": flows,
        "processors": os.cpu_count(),
        "load_before": os.getloadavg()[0],
    }
    warm_up = ensure_capture(options.dir, *WARM_UP)
    for program in programs:  # fills numba's cache, and finds wrong flags before the long runs
        run_program(program, warm_up, options.dir, 2 * flows)
    capture = ensure_capture(options.dir, packets, flows) if programs else warm_up
    runs = run_interleaved(programs, options.runs, capture, options.dir, 2 * flows)
    results = {result.name: result for result in runs}
    help_s = time_help() if HELP in options.names else None
    found = checks(results, options.large, help_s)
    print(
        f"{packets} packets, {flows} flows, medians of {options.runs}; "
        f"{conditions['processors']} processors, load {conditions['load_before']:.1f} before\n"
    )
    print(program_table(results, packets), check_table(found), sep="\n\n")
    if options.json:
        options.json.write_text(json.dumps(as_json(results, found, conditions), indent=2) + "\n")


def main() -> int:
    options = parse_options()
    options.dir.mkdir(parents=True, exist_ok=True)
    missing = missing_programs(options.names, options.dir)
    if missing:
        print("\n".join(missing), file=sys.stderr)
        return 2
    try:
        measure_and_report(options)
    except ProgramError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
