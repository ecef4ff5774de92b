# SPDX-License-Identifier: Apache-2.0
"""Read every capture below a folder, and hold the packet totals against capinfos (Wireshark).

    python benchmarks/totals.py FOLDER

Prints every capture where the totals differ, whatever was not read and why, and what became of
the packets. A crash ends the run; a hang would be seen in the time.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from minewatch.errors import SourceError
from minewatch.pipeline import PipelineOptions, conversations
from minewatch.readers.source import Input


def capinfos_total(path: Path) -> int:
    """Return the packets that capinfos counts."""
    command = ["capinfos", "-c", "-M", "-T", "-m", "-q", "-r", str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    digits = told.strip().rsplit(",", 1)[-1].strip("\"'")
    return int(digits) if digits.isdigit() else -1


def main(folder: Path) -> None:
    """Print differences, refusals and totals."""
    outcomes: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    captures = same = skipped = 0
    slowest = 0.0
    for path in sorted(folder.rglob("*")):
        if path.suffix not in {".pcap", ".pcapng", ".cap", ".trace", ".snoop"}:
            continue
        captures += 1
        began, seen = time.monotonic(), 0
        try:
            report, chunks = conversations(Input(str(path), str(path), None), PipelineOptions())
            try:
                for _ in chunks:
                    pass
            finally:
                seen = report.capture.packets_seen
                outcomes.update(report.capture.by_outcome())
                skipped += report.capture.octets_skipped
        except SourceError as error:
            refused[" ".join(error.reason.split()[:3])] += 1
        slowest = max(slowest, time.monotonic() - began)
        wanted = capinfos_total(path)
        same += seen == wanted
        if seen != wanted:
            print(f"{path}: {seen} packets, capinfos {wanted}")
    print(f"{same} of {captures} captures have the total of capinfos; slowest {slowest:.1f} s")
    print("packets:", dict(outcomes), "octets skipped:", skipped)
    print("refused:", dict(refused))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
