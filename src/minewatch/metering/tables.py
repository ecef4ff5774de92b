# SPDX-License-Identifier: Apache-2.0
"""Side data of many biflows in a few arrays; one biflow's is cut out when it is asked for.

Most conversations are never looked at this closely, so that no object is made for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from minewatch.types import BoolArray, Int64Array, PacketSeries, Payload, Segment


class PacketTable(Mapping[int, PacketSeries]):
    """Payload packets by flow_id.

    Parameters
    ----------
    flow_ids : whose packets these are.
    stops : where each one's packets end in the arrays, shape (n_flows,).
    n_first : how many of each one's packets are its first ones, shape (n_flows,).
    time_ns, payload_octets, from_initiator : one entry a packet.
    """

    def __init__(
        self,
        flow_ids: Sequence[int],
        stops: Int64Array,
        n_first: Int64Array,
        time_ns: Int64Array,
        payload_octets: Int64Array,
        from_initiator: BoolArray,
    ) -> None:
        self._row = {flow_id: row for row, flow_id in enumerate(flow_ids)}
        self._stops = stops
        self._n_first = n_first
        self._columns = (time_ns, payload_octets, from_initiator)

    def __getitem__(self, flow_id: int) -> PacketSeries:
        """Return one biflow's packets."""
        row = self._row[flow_id]
        start = int(self._stops[row - 1]) if row else 0
        stop = int(self._stops[row])
        time_ns, octets, forward = (column[start:stop] for column in self._columns)
        return PacketSeries(time_ns, octets, forward, int(self._n_first[row]))

    def __iter__(self) -> Iterator[int]:
        """Iterate over the flow_ids."""
        return iter(self._row)

    def __len__(self) -> int:
        """Return the number of biflows."""
        return len(self._row)


class PayloadTable(Mapping[int, Payload]):
    """Kept payload by flow_id.

    Parameters
    ----------
    flow_ids : whose payload this is.
    protocols : protocol_identifier of each.
    segments : rows of flow_id, time, sequence, from initiator, length, start, size; those of a
        biflow stand together, in the order of ``flow_ids``.
    octets : the payload of all of them.
    packets : the same biflows' payload packets.
    """

    def __init__(
        self,
        flow_ids: Sequence[int],
        protocols: Sequence[int],
        segments: Int64Array,
        octets: bytes,
        packets: PacketTable,
    ) -> None:
        self._protocol = dict(zip(flow_ids, protocols, strict=True))
        self._segments = segments
        self._octets = octets
        self._packets = packets
        owners, firsts, counts = np.unique(segments[:, 0], return_index=True, return_counts=True)
        self._span = dict(
            zip(
                owners.tolist(),
                zip(firsts.tolist(), (firsts + counts).tolist(), strict=True),
                strict=True,
            )
        )

    def __getitem__(self, flow_id: int) -> Payload:
        """Return one biflow's payload; without segments if none was kept."""
        protocol = self._protocol[flow_id]
        start, stop = self._span.get(flow_id, (0, 0))
        segments = [
            Segment(time_ns, bool(forward), sequence, length, self._octets[at : at + size])
            for _, time_ns, sequence, forward, length, at, size in self._segments[
                start:stop
            ].tolist()
        ]
        return Payload(protocol, segments, self._packets.get(flow_id))

    def __iter__(self) -> Iterator[int]:
        """Iterate over the flow_ids."""
        return iter(self._protocol)

    def __len__(self) -> int:
        """Return the number of biflows."""
        return len(self._protocol)
