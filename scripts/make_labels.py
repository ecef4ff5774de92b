# SPDX-License-Identifier: Apache-2.0
"""Write the labels file of the captures that the shipped models learn from.

    python scripts/make_labels.py FOLDER > labels.tsv

FOLDER holds ``captures.tsv``, ``mining_flows.tsv``, ``benign/`` and ``mining/`` as described in
docs/models/training-data.md. The rules are those of that page: real mining sessions only, no
catalogue probes, no pool software, no crafted captures. Captures are named by absolute path, so
the labels file may lie anywhere.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from minewatch.training.labels import COLUMNS

Row = tuple[str, ...]

ETHEREUM_PORT = "6688"
LAB_POOLS = [f"10.99.1.{n}" for n in range(1, 7)]
NORMAL_CLASSES = {"benign", "benign-iot", "malicious-nonmining"}
LICENCES = {
    "cj-sniffer": "MIT",
    "nesfit_DI-cryptominingdetection": "MIT (code)",
    "jsiwek_zeek-cryptomining": "BSD-3-Clause",
    "lab-xmrig": "own lab",
    "PcapPlusPlus": "Unlicense",
    "dpkt": "BSD-3-Clause",
    "ipfixprobe": "BSD-3-Clause",
    "nDPI": "LGPL-3.0",
    "wireshark": "GPL-2.0",
    "zeek": "BSD-3-Clause",
    "suricata-verify": "MIT",
}
NOT_STATED = "none stated"


def normal_rows(name: str, kind: str) -> Iterator[Row]:
    """A capture without mining: its folder under benign/ is its source."""
    folder = name.split("/")[1]
    if kind in NORMAL_CLASSES:
        yield name, folder, "normal", "", "", "", LICENCES.get(folder, NOT_STATED)


def mining_rows(name: str, sessions: dict[str, list[tuple[str, str]]]) -> Iterator[Row]:
    """A capture with mining: all of it, by address, or the sessions that were looked at."""
    folder = name.split("/")[1]
    licence = LICENCES.get(folder, NOT_STATED)
    if folder == "cj-sniffer":
        yield name, "cj-sniffer-ethereum", "mining", "", ETHEREUM_PORT, "6", licence
        yield name, "cj-sniffer-monero", "mining", "", "", "", licence
    elif folder == "lab-xmrig":
        for address in LAB_POOLS:
            yield name, folder, "mining", address, "", "6", licence
        yield name, folder, "normal", "", "", "", licence
    else:
        for address, port in sessions.get(name, []):
            yield name, folder.split("_")[0], "mining", address, port, "6", licence


def real_sessions(path: Path) -> dict[str, list[tuple[str, str]]]:
    """The client's address and port of each tier A session, by capture."""
    found: dict[str, list[tuple[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["tier"] == "A":
                found.setdefault(row["file"], []).append((row["client"], row["cport"]))
    return found


def rows(folder: Path) -> Iterator[Row]:
    sessions = real_sessions(folder / "mining_flows.tsv")
    with (folder / "captures.tsv").open(encoding="utf-8", newline="") as file:
        for capture in csv.DictReader(file, delimiter="\t"):
            name = capture["file"]
            if name.startswith("mining/"):
                found = mining_rows(name, sessions)
            else:
                found = normal_rows(name, capture["class"])
            for _, *cells in found:
                yield str(folder.resolve() / name), *cells


def main(arguments: list[str]) -> int:
    writer = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows(Path(arguments[0])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
