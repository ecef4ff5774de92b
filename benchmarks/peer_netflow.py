# SPDX-License-Identifier: Apache-2.0
"""Let the package netflow decode the datagrams, and print what ``read_netflow.py`` prints.

Runs in the environment of the peers. Imports and reading the file are not timed.
"""

import sys
import time
from pathlib import Path

import netflow  # type: ignore[import-not-found]


def datagrams(path: Path) -> list[bytes]:
    data, found, at = path.read_bytes(), [], 0
    while at < len(data):
        octets = int.from_bytes(data[at : at + 2], "big")
        found.append(data[at + 2 : at + 2 + octets])
        at += 2 + octets
    return found


def main() -> None:
    given = datagrams(Path(sys.argv[1]))
    templates: dict[str, dict[int, object]] = {"netflow": {}, "ipfix": {}}
    n = octets = 0
    start = time.perf_counter()
    for data in given:
        flows = netflow.parse_packet(data, templates).flows
        n += len(flows)
        octets += sum(flow.IN_BYTES for flow in flows)
    print(f"records {n} octets {octets} seconds {time.perf_counter() - start:.4f}")


if __name__ == "__main__":
    main()
