# SPDX-License-Identifier: Apache-2.0
"""Run nfstream over a capture and print how many flow records and packets it counted.

Runs in the environment of the peers, not in that of minewatch.
"""

import sys

from nfstream import NFStreamer  # type: ignore[import-not-found]


def main() -> None:
    streamer = NFStreamer(
        source=sys.argv[1],
        statistical_analysis=True,
        n_dissections=0,
        idle_timeout=120,
        active_timeout=60,
    )
    records = packets = 0
    for flow in streamer:
        records += 1
        packets += flow.bidirectional_packets
    print(f"packets {packets} records {records}")


if __name__ == "__main__":
    main()
