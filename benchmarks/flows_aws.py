# SPDX-License-Identifier: Apache-2.0
"""Time minewatch over an AWS flow log, from text to verdicts, against flowlogs-reader parsing it.

It reports and never asserts, as ``bench.py`` does; README.md beside this file explains it.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from bench import (
    HERE,
    MINEWATCH,
    PEERS_PYTHON,
    count_lines,
    count_printed,
    ensure_minewatch,
    ensure_peers,
)
from measure import Program, ProgramError, Result, run_interleaved, run_program, run_timed, say
from report import Check, as_json, check_table, flow_table, speed_ratio

RECORDS, LARGE, WARM_UP = 1_000_000, 10_000_000, 5_000
TIMES_AS_FAST = 50.0
MIB_LIMIT = 1024.0
MINEWATCH_PYTHON = str(Path(MINEWATCH).parent / "python")
READER = Program(
    "reader",
    [MINEWATCH_PYTHON, str(HERE / "read_aws_log.py"), "{capture}"],
    "it comes with minewatch",
    count_printed(r"records (\d+)"),
)
SCAN = Program(
    "scan",
    [MINEWATCH, "scan", "{capture}", "--quiet", "--format", "jsonl", "-o", "{out}"],
    "it comes with minewatch",
    count_lines,
    accepted=(0, 1),  # 1 says that something was found
)
PEER = Program(
    "flowlogs-reader",
    [PEERS_PYTHON, str(HERE / "peer_flowlogs_reader.py"), "{capture}"],
    "it is installed on demand",
    count_printed(r"records (\d+)"),
)
PROGRAMS = (SCAN, READER, PEER)


def ensure_log(directory: Path, n: int) -> Path:
    """Return a log of ``n`` records, and make it first if it is not there."""
    path = directory / f"aws-{n}.log"
    if not path.exists():
        say(f"making an AWS flow log of {n} records")
        part = path.with_suffix(".part")
        # In a process of its own, for a child's peak memory starts at what its parent held.
        run_timed([MINEWATCH_PYTHON, str(HERE / "make_aws_log.py"), str(n), str(part)])
        part.rename(path)
    return path


def measure(directory: Path, n: int, runs: int) -> dict[str, Result]:
    """Run all three over a log of ``n`` records."""
    warm_up = ensure_log(directory, WARM_UP)
    for program in PROGRAMS:
        run_program(program, warm_up, directory, 0)
    log = ensure_log(directory, n)
    return {one.name: one for one in run_interleaved(list(PROGRAMS), runs, log, directory, 0)}


def measure_large(directory: Path) -> Result:
    """Scan ten million records once: what counts is the peak of memory."""
    result = Result("scan, 10 M")
    result.runs.append(run_program(SCAN, ensure_log(directory, LARGE), directory, 0))
    return result


def checks(results: dict[str, Result], large: Result | None) -> list[Check]:
    """Return the figures that are wanted."""
    found = [
        Check(
            "speed of scan, AWS text to verdicts / speed of flowlogs-reader parsing",
            speed_ratio(results, "scan", "flowlogs-reader"),
            TIMES_AS_FAST,
        )
    ]
    peak = None if large is None else large.peak_mib
    found.append(Check("peak memory of scan, 10 M records [MiB]", peak, MIB_LIMIT, at_most=True))
    return found


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time minewatch over an AWS flow log.")
    default_dir = Path(tempfile.gettempdir()) / "minewatch-bench"
    parser.add_argument("--records", type=int, default=RECORDS, help=f"of the log [{RECORDS}]")
    parser.add_argument("--runs", type=int, default=3, help="runs of each program [3]")
    parser.add_argument("--no-large", action="store_true", help="without the 10 M records")
    parser.add_argument("--dir", type=Path, default=default_dir, help="logs and outputs")
    parser.add_argument("--json", type=Path, help="write all runs to this file too")
    return parser.parse_args()


def main() -> int:
    options = parse_options()
    options.dir.mkdir(parents=True, exist_ok=True)
    ensure_minewatch()
    ensure_peers()
    load = os.getloadavg()[0]
    try:
        results = measure(options.dir, options.records, options.runs)
        large = None if options.no_large else measure_large(options.dir)
    except ProgramError as error:
        print(error, file=sys.stderr)
        return 2
    found = checks(results, large)
    conditions: dict[str, object] = {
        "records": options.records,
        "processors": os.cpu_count(),
        "load_before": load,
    }
    print(
        f"AWS flow log of {options.records} records, medians of {options.runs}; "
        f"{os.cpu_count()} processors, load {load:.1f} before\n"
    )
    print(flow_table(results, options.records, PEER.name))
    if large is not None:
        print(flow_table({large.name: large}, LARGE, PEER.name))
        results[large.name] = large
    print("", check_table(found), sep="\n")
    if options.json:
        options.json.write_text(json.dumps(as_json(results, found, conditions), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
