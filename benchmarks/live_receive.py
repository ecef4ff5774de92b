# SPDX-License-Identifier: Apache-2.0
"""Receive the packets of an interface as minewatch does, until SIGINT.

    python live_receive.py capture|meter INTERFACE RING_OCTETS CAPTURE

``capture`` makes columns of packets; ``meter`` makes biflow records of them too. Says "ready" when
packets come in, and at the end "PACKETS DROPPED OCTETS". The capture warms up compiled code.
"""

import signal
import sys
from contextlib import closing

from minewatch.metering.process import Meter
from minewatch.metering.state import MeteringOptions
from minewatch.pipeline import read_ahead
from minewatch.readers.capture import CaptureSource
from minewatch.readers.live.opening import open_rings
from minewatch.readers.live.settings import LiveSettings
from minewatch.readers.live.source import LiveSource
from minewatch.readers.source import Input
from minewatch.types import PacketBatch


def warm_up(capture: str) -> None:
    meter = Meter(MeteringOptions())
    with closing(read_ahead(CaptureSource(Input(capture, capture, None)))) as batches:
        for batch, _ in zip(batches, range(20), strict=False):
            for _ in meter.feed(batch):
                pass
    for _ in meter.finish():
        pass


def main() -> None:
    kind, interface, ring_octets, capture = sys.argv[1:]
    warm_up(capture)
    meter = Meter(MeteringOptions()) if kind == "meter" else None
    source = LiveSource(open_rings(LiveSettings((interface,), ring_octets=int(ring_octets))))
    signal.signal(signal.SIGINT, lambda *_: source.stop())
    print("ready", flush=True)
    # In one thread: the ring is the queue. On a busy machine each hand-over to another thread costs
    # a turn of the scheduler, and the packets of that time.
    batch = PacketBatch()
    while source.read(batch):
        source.parse(batch)
        if meter is not None:
            for _ in meter.feed(batch):
                pass
    source.finish()
    source.close()
    counted = source.counters
    print(counted.packets_seen, counted.packets_dropped, counted.octets_read)


if __name__ == "__main__":
    main()
