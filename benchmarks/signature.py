# SPDX-License-Identifier: Apache-2.0
"""What `signature` finds and what it cries wolf at, over a folder of labelled captures.

    python benchmarks/signature.py FOLDER

FOLDER holds ``captures.tsv`` and ``mining_flows.tsv`` as docs/models/training-data.md describes.
A mining conversation counts as *spoken* when a decoder could read a login or a job in it: its
payload began like JSON (see `schema.KIND_TALKS`); the others are encrypted.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from minewatch import registry, schema
from minewatch.address import text_of
from minewatch.detectors.fusion import Fusion
from minewatch.detectors.signature import SignatureDetector
from minewatch.errors import SourceError
from minewatch.pipeline import PipelineOptions
from minewatch.readers.source import Input
from minewatch.scanning import ScanOptions, scan_capture

LAB_POOLS = {f"10.99.1.{n}" for n in range(1, 7)}


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a tab-separated table."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t")


def scanned(path: Path, options: ScanOptions) -> Iterator[tuple[pl.DataFrame, np.ndarray]]:
    """Yield conversations that passed the gate and their probability by signature."""
    _, chunks = scan_capture(Input(str(path), str(path), None), options)
    for chunk in chunks:
        yield chunk.conversations.frame, np.nan_to_num(chunk.scores["signature"])


def endpoints(row: Mapping[str, object]) -> set[tuple[str, int]]:
    """Return both (address, port) of a conversation."""
    return {
        (
            text_of(int(str(row[f"{side}_address_high"])), int(str(row[f"{side}_address_low"]))),
            int(str(row[f"{side}_transport_port"])),
        )
        for side in ("source", "destination")
    }


def tier_of(name: str, ends: set[tuple[str, int]], sessions: dict[str, dict[object, str]]) -> str:
    """Return the group of a mining conversation, or "" for another one on the same host."""
    folder = name.split("/")[1]
    if folder == "cj-sniffer":
        return folder
    if folder == "lab-xmrig":
        return folder if any(address in LAB_POOLS for address, _ in ends) else ""
    return next((f"tier {t}" for client, t in sessions[name].items() if client in ends), "")


class Tally:
    """Counts of one run."""

    def __init__(self) -> None:
        self.spoken: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.silent: Counter[str] = Counter()
        self.conversations: Counter[str] = Counter()
        self.alarms: Counter[str] = Counter()

    def add(self, name: str, kind: str, group: str, row: Mapping[str, object], p: float) -> None:
        """Count one conversation; a wrong answer is printed."""
        is_flagged = p >= 0.5
        where = f"{name} {sorted(endpoints(row))} {p:.3f}"
        if not group:
            self.conversations[kind] += 1
            self.alarms[kind] += is_flagged
            if is_flagged:
                print("false alarm:", where)
        elif int(str(row["payload_kinds"])) & schema.KIND_TALKS:
            self.spoken[group] += 1
            self.found[group] += is_flagged
            if not is_flagged and group != "tier D":
                print(f"missed, {group}:", where)
        else:
            self.silent[group] += 1


def main(folder: Path) -> None:
    """Print both tables."""
    options = ScanOptions(PipelineOptions(), registry.decoders(), [SignatureDetector()], Fusion())
    sessions: dict[str, dict[object, str]] = {}
    for row in rows(folder / "mining_flows.tsv"):
        client = (row["client"], int(row["cport"]))
        sessions.setdefault(row["file"], {})[client] = row["tier"]
    tally = Tally()
    for capture in rows(folder / "captures.tsv"):
        name, kind = capture["file"], capture["class"]
        try:
            for frame, probability in scanned(folder / name, options):
                told = frame.iter_rows(named=True)
                for conversation, p in zip(told, probability.tolist(), strict=True):
                    is_mining = name.startswith("mining/")
                    ends = endpoints(conversation)
                    group = tier_of(name, ends, sessions) if is_mining else ""
                    tally.add(name, kind, group, conversation, p)
        except SourceError as error:
            tally.conversations[f"{kind}, unreadable"] += 1
            if "link type" not in error.reason:
                print(error)
    print("\n| mining | conversations in clear | found | encrypted, not for signature |")
    print("|---|---|---|---|")
    for group in sorted(tally.spoken | tally.silent):
        print(f"| {group} | {tally.spoken[group]} | {tally.found[group]} | {tally.silent[group]} |")
    print("\n| normal | conversations scored | false alarms |\n|---|---|---|")
    for kind in sorted(tally.conversations):
        print(f"| {kind} | {tally.conversations[kind]} | {tally.alarms[kind]} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
