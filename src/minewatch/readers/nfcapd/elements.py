# SPDX-License-Identifier: Apache-2.0
"""Flow records of nfdump 1.7: a head and elements in any order, after its ``nfxV3.h``."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from minewatch.metering.nfcapd import R_OFFSET, find_elements
from minewatch.readers.nfcapd.exporters import NO_SELECTOR
from minewatch.readers.nfcapd.flows import FLOW, IPV4_MAPPED, FlowArray
from minewatch.types import BoolArray, ByteArray, Int64Array

RECORD_TYPE: Final = 11
_SAMPLED: Final = 2

_HEAD: Final = np.dtype(
    {
        "names": ["engine_type", "engine", "exporter", "flags", "version"],
        "formats": ["u1", "u1", "<u2", "u1", "u1"],
        "offsets": [6, 7, 8, 10, 11],
        "itemsize": 12,
    }
)
_GENERIC, _IPV4, _IPV6, _MISC, _COUNTS, _VLAN = 1, 2, 3, 4, 5, 6
_FROM_IPV4, _FROM_IPV6, _SAMPLER, _FIREWALL, _LAYER_2 = 12, 13, 18, 19, 38
_ELEMENTS: Final = {
    _GENERIC: np.dtype(
        [
            ("first", "<u8"),
            ("last", "<u8"),
            ("received", "<u8"),
            ("packets", "<u8"),
            ("octets", "<u8"),
            ("source_port", "<u2"),
            ("destination_port", "<u2"),
            ("protocol", "u1"),
            ("tcp_flags", "u1"),
            ("forwarding", "u1"),
            ("tos", "u1"),
        ]
    ),
    _IPV4: np.dtype([("source", "<u4"), ("destination", "<u4")]),
    _IPV6: np.dtype([("source", "<u8", 2), ("destination", "<u8", 2)]),
    _MISC: np.dtype(
        {
            "names": ["direction", "end_reason", "reverse_tcp_flags"],
            "formats": ["u1", "u1", "u1"],
            "offsets": [12, 13, 14],
            "itemsize": 16,
        }
    ),
    _COUNTS: np.dtype([("flows", "<u8"), ("packets", "<u8"), ("octets", "<u8")]),
    _VLAN: np.dtype([("source", "<u4"), ("destination", "<u4")]),
    _FROM_IPV4: np.dtype([("address", "<u4")]),
    _FROM_IPV6: np.dtype([("address", "<u8", 2)]),
    _SAMPLER: np.dtype([("selector", "<i8")]),
    _FIREWALL: np.dtype(
        {
            "names": ["time", "event"],
            "formats": ["<u8", "u1"],
            "offsets": [0, 14],
            "itemsize": 15,
        }
    ),
    _LAYER_2: np.dtype([("vlan", "<u2")]),
}
_TYPES: Final = tuple(_ELEMENTS)
_COLUMN: Final = {kind: column for column, kind in enumerate(_TYPES)}
_COLUMNS: Final = np.array([_COLUMN.get(kind, -1) for kind in range(max(_TYPES) + 1)], np.int64)
_LENGTHS: Final = np.array([_ELEMENTS[kind].itemsize for kind in _TYPES], np.int64)
_VLAN_BITS: Final = 0xFFF


def values_at(octets: ByteArray, offsets: Int64Array, kind: npt.DTypeLike) -> npt.NDArray[np.void]:
    """Return the structures at some offsets; all of each lies within ``octets``.

    Parameters
    ----------
    octets : one block.
    offsets : where each begins.
    kind : its type.

    Examples
    --------
    >>> values_at(np.arange(9, dtype=np.uint8), np.array([1, 5]), [("a", "<u2")])["a"].tolist()
    [513, 1541]
    """
    wanted = np.dtype(kind)
    if offsets.size == 0:
        return np.empty(0, wanted)
    windows = np.lib.stride_tricks.sliding_window_view(octets, wanted.itemsize)
    return np.ascontiguousarray(windows[offsets]).view(wanted).reshape(-1)


def read_elements(octets: ByteArray, rows: Int64Array) -> tuple[FlowArray, BoolArray]:
    """Return the flows of records, and which of them are sound; the others tell nothing.

    Parameters
    ----------
    octets : one block.
    rows : where the records lie, as ``find_records`` fills them.
    """
    places = np.empty((rows.shape[0], len(_TYPES)), np.int64)
    find_elements(octets, rows, _HEAD.itemsize, _COLUMNS, _LENGTHS, places)
    is_sound = places[:, _COLUMN[_GENERIC]] >= 0
    flows = np.zeros(rows.shape[0], FLOW)
    flows["selector"] = NO_SELECTOR
    places[~is_sound] = -1
    sound = np.flatnonzero(is_sound)
    head = values_at(octets, rows[sound, R_OFFSET], _HEAD)
    flows["exporter"][sound] = head["exporter"]
    flows["is_sampled"][sound] = head["flags"] & _SAMPLED != 0
    for kind in _TYPES:
        having = np.flatnonzero(places[:, _COLUMN[kind]] >= 0)
        if having.size:
            values = values_at(octets, places[having, _COLUMN[kind]], _ELEMENTS[kind])
            _fill(flows, having, kind, values)
    return flows, is_sound


def _fill(flows: FlowArray, at: Int64Array, kind: int, values: npt.NDArray[np.void]) -> None:
    """Write the values of one type of element into the flows that have it."""
    if kind == _GENERIC:
        flows["first_ms"][at] = values["first"]
        flows["last_ms"][at] = values["last"]
        for name in ("packets", "octets", "source_port", "destination_port", "protocol"):
            flows[name][at] = values[name]
        flows["tcp_flags"][at] = values["tcp_flags"]
        flows["forwarding"][at] = values["forwarding"]
    elif kind in (_IPV4, _IPV6):
        for end in ("source", "destination"):
            high, low = _halves(values[end])
            flows[f"{end}_high"][at] = high
            flows[f"{end}_low"][at] = low
        flows["has_addresses"][at] = True
    elif kind in (_FROM_IPV4, _FROM_IPV6):
        flows["received_high"][at], flows["received_low"][at] = _halves(values["address"])
    elif kind == _MISC:
        for name in ("direction", "end_reason", "reverse_tcp_flags"):
            flows[name][at] = values[name]
    elif kind == _COUNTS:
        flows["out_packets"][at] = values["packets"]
        flows["out_octets"][at] = values["octets"]
    elif kind == _FIREWALL:
        flows["event_ms"][at] = values["time"]
        flows["firewall_event"][at] = values["event"]
    elif kind == _SAMPLER:
        flows["selector"][at] = values["selector"]
    else:
        name = "source" if kind == _VLAN else "vlan"
        flows["vlan"][at] = values[name] & _VLAN_BITS


def _halves(
    addresses: npt.NDArray[np.unsignedinteger],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    if addresses.ndim == 2:
        return addresses[:, 0].astype(np.uint64), addresses[:, 1].astype(np.uint64)
    return np.zeros(addresses.size, np.uint64), addresses.astype(np.uint64) | IPV4_MAPPED
