# SPDX-License-Identifier: Apache-2.0
"""Packets with the size that Wireshark counts: the frame's length on the wire."""

from __future__ import annotations

import numpy as np

from minewatch.metering.framing import R_OFFSET, R_TIME, R_WIRE
from minewatch.readers.capture import CaptureSource
from minewatch.types import P_OCTETS, P_PAYLOAD_OFFSET, P_TIME, Int64Array, PacketBatch


class FrameSource(CaptureSource):
    """A capture whose batches hold frame lengths instead of IP lengths in ``P_OCTETS``.

    Wireshark's statistics (``frame.len``) count the link layer's header, and the padding of short
    frames, as the record says; everything else in minewatch counts the IP packet (decision 0002).
    """

    def parse(self, batch: PacketBatch) -> None:
        super().parse(batch)
        rows = batch.columns[: batch.n_packets]
        rows[:, P_OCTETS] = self._records[record_of(rows, self._records), R_WIRE]


def record_of(rows: Int64Array, records: Int64Array) -> Int64Array:
    """Return the record that each decoded packet comes from, shape (n_packets,).

    Packets stand in the order of their records, and the payload of a packet begins behind the
    start of its own record. It may begin behind the start of the next one too, where the capture
    cut a frame within its headers: then that record is the next packet's, or of another time.

    Parameters
    ----------
    rows : decoded packets, columns of ``PacketBatch``, in the order of the capture.
    records : all records of the block, and stale ones behind them; columns of ``framing``.
    """
    if not len(rows):
        return np.zeros(0, np.int64)
    offsets = records[:, R_OFFSET]
    n_records = int(np.argmax(np.diff(offsets, append=-1) <= 0)) + 1
    found = np.searchsorted(offsets[:n_records], rows[:, P_PAYLOAD_OFFSET], side="right") - 1
    is_next = (records[found, R_TIME] != rows[:, P_TIME]) & (found > 0)
    found[is_next] -= 1
    order = np.arange(len(found))
    # Strictly rising: nobody shares a record with the packet behind.
    rising: Int64Array = np.minimum.accumulate((found - order)[::-1])[::-1] + order
    return rising.astype(np.int64)
