# SPDX-License-Identifier: Apache-2.0
"""Decode the datagrams of ``make_netflow.py``, and print how many records, octets and seconds.

With ``--single`` each datagram is decoded by itself, else 65,536 records or more together, as the
readers of files and the collector do. Imports and reading the file are not timed.
"""

import sys
import time
from pathlib import Path

from minewatch.readers.netflow.datagrams import ExportDecoder
from minewatch.records import RecordArray, RecordCounters

TOGETHER = 1 << 16


def datagrams(path: Path) -> list[bytes]:
    data, found, at = path.read_bytes(), [], 0
    while at < len(data):
        octets = int.from_bytes(data[at : at + 2], "big")
        found.append(data[at + 2 : at + 2 + octets])
        at += 2 + octets
    return found


def main() -> None:
    given = datagrams(Path(sys.argv[1]))
    together = 1 if "--single" in sys.argv else TOGETHER
    counters = RecordCounters()
    decoder = ExportDecoder(counters)
    n = octets = 0

    def use(blocks: list[RecordArray]) -> None:
        nonlocal n, octets
        for block in blocks:
            n += len(block)
            octets += int(block["octet_delta_count"].sum())

    start = time.perf_counter()
    for data in given:
        decoder.add(data, "192.0.2.1", "datagram", None)
        if decoder.n_gathered >= together:
            use(decoder.take())
    use(decoder.finish())
    print(f"records {n} octets {octets} seconds {time.perf_counter() - start:.4f}")


if __name__ == "__main__":
    main()
