# SPDX-License-Identifier: Apache-2.0
"""Rows of ``RECORD`` written one at a time, for logs of which each document is its own case."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from minewatch.records import RECORD, UNKNOWN, RecordArray

BLOCK_ROWS: Final = 1 << 16


def _layout(record: np.dtype[np.void]) -> str:
    """Return the dtype as a format of ``struct``, gaps and all."""
    layout, at = "<", 0
    for name in record.names or ():
        offset = record.fields[name][1] if record.fields else 0
        field = record[name]
        layout += "x" * (offset - at) + _CODES[field.kind, field.itemsize]
        at = offset + field.itemsize
    return layout + "x" * (record.itemsize - at)


_CODES: Final = {
    (kind, 1 << power): code
    for kind, codes in (("i", "bhiq"), ("u", "BHIQ"))
    for power, code in enumerate(codes)
}
_ROW: Final = struct.Struct(_layout(RECORD))


class RowPacker:
    """Rows of one block.

    Examples
    --------
    >>> packer = RowPacker(2)
    >>> packer.add(source=(0, 1), destination=(0, 2), ports=(3, 4), protocol=6, times=(5, 7),
    ...     packets=(1, -1))
    >>> records = packer.take()
    >>> records["destination_transport_port"].tolist(), records["octet_delta_count"].tolist()
    ([4], [-1])
    """

    def __init__(self, rows: int = BLOCK_ROWS) -> None:
        self._octets = bytearray(rows * RECORD.itemsize)
        self._end = 0

    @property
    def is_full(self) -> bool:
        """Return whether the block must be taken before more is added."""
        return self._end == len(self._octets)

    def add(
        self,
        *,
        source: tuple[int, int],
        destination: tuple[int, int],
        ports: tuple[int, int],
        protocol: int,
        times: tuple[int, int],
        packets: tuple[int, int] = (UNKNOWN, UNKNOWN),
        octets: tuple[int, int] = (UNKNOWN, UNKNOWN),
        payload_octets: tuple[int, int] = (UNKNOWN, UNKNOWN),
        tcp_control_bits: tuple[int, int] = (UNKNOWN, UNKNOWN),
        vlan: int = 0,
        end_reason: int = 0,
        firewall_event: int = 0,
        is_source_initiator: int = UNKNOWN,
        observer: int = 0,
        server_name: int = UNKNOWN,
        sampling: int = 1,
        is_scaled: bool = False,
    ) -> None:
        """Add a row. Pairs are of the source and the destination, or what each of them sent.

        Parameters
        ----------
        source : halves of the address.
        destination : halves of the address.
        ports : of both.
        protocol : number.
        times : first and last, in nanoseconds.
        packets : sent by each.
        octets : sent by each, from the IP header on.
        payload_octets : sent by each.
        tcp_control_bits : of each.
        vlan : number, 0 if there is none.
        end_reason : IPFIX 136.
        firewall_event : IPFIX 233.
        is_source_initiator : 1, 0 or unknown.
        observer : number of the observation point.
        server_name : place in the names of servers.
        sampling : packets that one counted packet stands for.
        is_scaled : whether counts were multiplied by it already.
        """
        _ROW.pack_into(
            self._octets,
            self._end,
            *source,
            *destination,
            *times,
            *packets,
            *octets,
            *payload_octets,
            *ports,
            *tcp_control_bits,
            vlan,
            protocol,
            end_reason,
            firewall_event,
            is_source_initiator,
            observer,
            sampling,
            server_name,
            is_scaled,
        )
        self._end += RECORD.itemsize

    def take(self) -> RecordArray:
        """Return the rows, and begin anew; they are valid until the next one is added."""
        records: RecordArray = np.frombuffer(self._octets, np.uint8, self._end).view(RECORD)
        self._end = 0
        return records
