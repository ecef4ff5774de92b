# SPDX-License-Identifier: Apache-2.0
"""How many conversations a second the default detectors score, features included.

    python benchmarks/scoring.py [CAPTURE] [--conversations N]

The conversations of a capture (of a simulation, if none is named) are repeated until there are N;
decoding is not counted. One line a detector, and what a scan does: every conversation that passed
the gate by all of them, one after the other, in one process.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from minewatch import registry
from minewatch.cli.simulate import simulate
from minewatch.contracts import Detector
from minewatch.metering.tables import PacketTable
from minewatch.pipeline import PipelineOptions, conversations
from minewatch.readers.finding import find_inputs
from minewatch.types import Conversations

ROUNDS = 3


def passed(capture: str) -> Conversations:
    """Return the conversations of a capture that passed the gate."""
    (source,), _ = find_inputs([capture])
    _, chunks = conversations(source, replace(PipelineOptions()))
    parts = [chunk.passed for chunk in chunks]
    frame = pl.concat([part.frame for part in parts])
    intervals = pl.concat([part.intervals for part in parts if part.intervals is not None])
    packets = {key: part.packets[key] for part in parts for key in part.packets}
    return Conversations(frame, intervals, packets)


def repeated(given: Conversations, n: int) -> Conversations:
    """Return n conversations, each a copy of one that is given."""
    row = pl.Series(np.arange(n) % len(given))
    old = given.frame["flow_id"].to_numpy()[row.to_numpy()]
    ids = pl.DataFrame(
        {"old": pl.Series(old), "new": pl.Series(np.arange(1, n + 1), dtype=pl.UInt64)}
    )
    frame = given.frame[row].with_columns(flow_id=ids["new"])
    intervals = None
    if given.intervals is not None:
        intervals = (
            ids.join(given.intervals, left_on="old", right_on="flow_id", maintain_order="left")
            .rename({"new": "flow_id"})
            .select(given.intervals.columns)
        )
    series = [given.packets.get(int(flow_id)) for flow_id in old]
    known = [(i + 1, one) for i, one in enumerate(series) if one is not None]
    table = PacketTable(
        [flow_id for flow_id, _ in known],
        np.cumsum([len(one.time_ns) for _, one in known]),
        np.array([one.n_first for _, one in known]),
        np.concatenate([one.time_ns for _, one in known]),
        np.concatenate([one.payload_octets for _, one in known]),
        np.concatenate([one.from_initiator for _, one in known]),
    )
    return Conversations(frame, intervals, table)


def fresh(given: Conversations) -> Conversations:
    """Return the same conversations with nothing computed yet."""
    return Conversations(given.frame, given.intervals, given.packets, given.payloads)


def lines(given: Conversations) -> Iterator[str]:
    """Measure each detector by itself, then all of them on the same conversations."""
    detectors = [d for d in registry.detectors() if set(d.requires) <= set(given.frame.columns)]
    n = len(given)
    for detector in detectors:
        best = min(timed([detector], given) for _ in range(ROUNDS))
        yield f"{detector.name:<14} {n / best:>12,.0f} conversations/s"
    best = min(timed(detectors, given) for _ in range(ROUNDS))
    yield f"{'all of them':<14} {n / best:>12,.0f} conversations/s"


def timed(detectors: list[Detector], given: Conversations) -> float:
    copy = fresh(given)
    start = time.perf_counter()
    for detector in detectors:
        detector.score(copy)
    return time.perf_counter() - start


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("capture", nargs="?")
    parser.add_argument("--conversations", type=int, default=20_000)
    given = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        capture = given.capture
        if capture is None:
            simulate(out=folder, conversations=8000, mining=20, days=0.1, servers=10, quiet=True)
            capture = str(Path(folder) / "simulated.pcap")
        found = passed(capture)
    talk = np.mean([len(one.time_ns) for one in found.packets.values()])
    print(f"{len(found)} conversations, {talk:.0f} payload packets kept of each in the mean")
    for line in lines(repeated(found, given.conversations)):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
