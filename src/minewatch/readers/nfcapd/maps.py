# SPDX-License-Identifier: Apache-2.0
"""Flow records of nfdump 1.6: a fixed part, then what an extension map lists.

After ``nffile.h`` and ``nfx.c`` of nfdump 1.6. Records of one map and the same flags have one
shape, and are read at once.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
import numpy.typing as npt

from minewatch.metering.nfcapd import R_OFFSET, R_SIZE, R_TYPE
from minewatch.readers.nfcapd.elements import values_at
from minewatch.readers.nfcapd.exporters import NO_SELECTOR
from minewatch.readers.nfcapd.flows import FLOW, IPV4_MAPPED, FlowArray
from minewatch.types import BoolArray, ByteArray, Int64Array

OLD_RECORD_TYPE: Final = 1
RECORD_TYPE: Final = 10
MAP_TYPE: Final = 2

_IPV6_FLAG, _PACKETS_64_FLAG, _OCTETS_64_FLAG, _SAMPLED_FLAG = 1, 2, 4, 128
_SHAPE_FLAGS: Final = _IPV6_FLAG | _PACKETS_64_FLAG | _OCTETS_64_FLAG
_SIZES: Final = {
    **{4: 4, 5: 8, 6: 4, 7: 8, 8: 4, 9: 4, 10: 16, 11: 4, 12: 16, 13: 4, 14: 4, 15: 8, 16: 4},
    **{17: 8, 18: 4, 19: 8, 20: 16, 21: 16, 22: 40, 23: 4, 24: 16, 25: 4, 26: 8, 27: 8},
    **{37: 20, 38: 4, 39: 8, 40: 32, 41: 24, 42: 24, 43: 72, 45: 24, 46: 12, 47: 8, 48: 8},
}
"""Octets of each extension."""
MAX_EXTENSIONS: Final = len(_SIZES)
MAX_MAPS: Final = 1 << 10
"""Maps of one file; a collector writes one for each kind of template that it hears."""
_MULTIPLE, _EVENT = 8, 37
_FIELDS: Final = {
    13: (("vlan", "<u2", 0),),
    14: (("out_packets", "<u4", 0),),
    15: (("out_packets", "<u8", 0),),
    16: (("out_octets", "<u4", 0),),
    17: (("out_octets", "<u8", 0),),
    23: (("received_4", "<u4", 0),),
    24: (("received_6", "<u8", 0),),
    _EVENT: (("event_ms", "<u8", 0), ("icmp", "<u2", 12), ("firewall_event", "u1", 14)),
}
"""What is read of extensions: name, format, place in it."""
_COMMON: Final = (
    ("msec_first", "<u2", 8),
    ("msec_last", "<u2", 10),
    ("first", "<u4", 12),
    ("last", "<u4", 16),
    ("forwarding", "u1", 20),
    ("tcp_flags", "u1", 21),
    ("protocol", "u1", 22),
    ("source_port", "<u2", 24),
    ("destination_port", "<u2", 26),
)
_OLD_COMMON: Final = (*_COMMON, ("flags", "u1", 4), ("exporter", "u1", 5))
_NEW_COMMON: Final = (*_COMMON, ("flags", "<u2", 4), ("exporter", "<u2", 28))
_HEAD_OCTETS: Final = {OLD_RECORD_TYPE: 28, RECORD_TYPE: 32}
_PICK: Final = np.dtype(
    {"names": ["flags", "map"], "formats": ["u1", "<u2"], "offsets": [4, 6], "itemsize": 8}
)


class ExtensionMaps:
    """The extension maps that a file has told so far, and the shapes of records that follow."""

    def __init__(self) -> None:
        self._maps: dict[int, tuple[int, ...]] = {}
        self._shapes: dict[int, dict[tuple[int, int], np.dtype[np.void]]] = {}

    def learn(self, record: bytes) -> bool:
        """Take in a map; return whether it could be read.

        Parameters
        ----------
        record : the record with its head.
        """
        if len(record) < 8:
            return False
        number = record[4] | record[5] << 8
        listed = struct.unpack_from(f"<{(len(record) - 8) // 2}H", record, 8)
        extensions = listed[: listed.index(0)] if 0 in listed else listed
        self._shapes.pop(number, None)
        self._maps.pop(number, None)
        is_known = len(extensions) <= MAX_EXTENSIONS and all(one in _SIZES for one in extensions)
        if not is_known or len(self._maps) >= MAX_MAPS:
            return False
        self._maps[number] = extensions
        return True

    def read(self, octets: ByteArray, rows: Int64Array) -> tuple[FlowArray, BoolArray]:
        """Return the flows of records, and which of them are sound; the others tell nothing.

        Parameters
        ----------
        octets : one block.
        rows : where the records lie, as ``find_records`` fills them.
        """
        flows = np.zeros(rows.shape[0], FLOW)
        flows["selector"] = NO_SELECTOR
        is_sound = np.zeros(rows.shape[0], bool)
        whole = np.flatnonzero(rows[:, R_SIZE] >= _PICK.itemsize)
        picks = values_at(octets, rows[whole, R_OFFSET], _PICK)
        keys = np.stack(
            [rows[whole, R_TYPE], picks["map"].astype(np.int64), picks["flags"] & _SHAPE_FLAGS],
            axis=1,
        )
        different, which, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
        # Together by shape, so that a file of a thousand shapes is not gone through for each.
        groups = np.split(whole[np.argsort(which.reshape(-1), kind="stable")], np.cumsum(counts))
        for (kind, number, flags), group in zip(different.tolist(), groups, strict=False):
            shape = self._shape(kind, number, flags)
            if shape is None:
                continue
            same = group[rows[group, R_SIZE] >= shape.itemsize]
            _fill(flows, same, values_at(octets, rows[same, R_OFFSET], shape))
            is_sound[same] = True
        return flows, is_sound

    def _shape(self, kind: int, number: int, flags: int) -> np.dtype[np.void] | None:
        if number not in self._maps:
            return None
        shapes = self._shapes.setdefault(number, {})
        if (kind, flags) not in shapes:
            shapes[kind, flags] = _shape_of(kind, flags, self._maps[number])
        return shapes[kind, flags]


def _shape_of(kind: int, flags: int, extensions: tuple[int, ...]) -> np.dtype[np.void]:
    """Return the structure of records: only what is read of them, and how long they are."""
    fields: dict[str, tuple[object, int]] = {}
    for name, code, offset in _OLD_COMMON if kind == OLD_RECORD_TYPE else _NEW_COMMON:
        fields[name] = (code, offset)
    at = _HEAD_OCTETS[kind]
    addresses = (
        (("source", "<u8"), ("destination", "<u8"))
        if flags & _IPV6_FLAG
        else (("source", "<u4"), ("destination", "<u4"))
    )
    for name, code in addresses:
        fields[name] = ((code, 2) if flags & _IPV6_FLAG else code, at)
        at += 16 if flags & _IPV6_FLAG else 4
    for name, bit in (("packets", _PACKETS_64_FLAG), ("octets", _OCTETS_64_FLAG)):
        fields[name] = ("<u8" if flags & bit else "<u4", at)
        at += 8 if flags & bit else 4
    for extension in extensions:
        for name, code, offset in _FIELDS.get(extension, ()):
            fields[name] = ((code, 2) if name == "received_6" else code, at + offset)
        if extension == _MULTIPLE and kind == RECORD_TYPE:
            # nfdump 1.6.19 and newer; older versions left these two octets 0.
            fields |= {"direction": ("u1", 30), "end_reason": ("u1", 31)}
        at += _SIZES[extension]
    return np.dtype(
        {
            "names": list(fields),
            "formats": [code for code, _ in fields.values()],
            "offsets": [offset for _, offset in fields.values()],
            "itemsize": at,
        }
    )


def _fill(flows: FlowArray, at: Int64Array, values: npt.NDArray[np.void]) -> None:
    names = values.dtype.names or ()
    for name in ("first", "last"):
        flows[f"{name}_ms"][at] = (
            values[name].astype(np.uint64) * np.uint64(1000) + values[f"msec_{name}"]
        )
    same = (
        *("packets", "octets", "out_packets", "out_octets", "source_port", "destination_port"),
        *("protocol", "tcp_flags", "forwarding", "direction", "end_reason", "exporter"),
        *("event_ms", "firewall_event"),
    )
    for name in same:
        if name in names:
            flows[name][at] = values[name]
    if "icmp" in names:
        flows["destination_port"][at] = np.where(
            values["icmp"] != 0, values["icmp"], values["destination_port"]
        )
    if "vlan" in names:
        flows["vlan"][at] = values["vlan"] & 0xFFF
    for end in ("source", "destination"):
        if values[end].ndim == 2:
            flows[f"{end}_high"][at] = values[end][:, 0]
            flows[f"{end}_low"][at] = values[end][:, 1]
        else:
            flows[f"{end}_low"][at] = values[end].astype(np.uint64) | IPV4_MAPPED
    if "received_4" in names:
        flows["received_low"][at] = values["received_4"].astype(np.uint64) | IPV4_MAPPED
    if "received_6" in names:
        flows["received_high"][at] = values["received_6"][:, 0]
        flows["received_low"][at] = values["received_6"][:, 1]
    flows["is_sampled"][at] = values["flags"] & _SAMPLED_FLAG != 0
    flows["has_addresses"][at] = True
