# SPDX-License-Identifier: Apache-2.0
"""Exporters and samplers of a file: who saw a record, and for how many packets one counts."""

from __future__ import annotations

import ipaddress
import struct
from typing import Final

import numpy as np
import numpy.typing as npt

from minewatch.readers.flowlogs.observers import observation_point
from minewatch.types import BoolArray, Int64Array

EXPORTER, STATISTICS, OLD_SAMPLER, SAMPLER = 7, 8, 9, 15
"""Types of records, after ``id.h`` of nfdump."""

MAX_EXPORTERS: Final = 1 << 16
"""The file's own numbers of them have 16 bits."""
MAX_SAMPLERS: Final = 1 << 16
"""Samplers that are remembered; the file is known to lie if it has more."""
NO_SELECTOR: Final = -1
UInt64Array = npt.NDArray[np.uint64]

_EXPORTER: Final = struct.Struct("<4xI16sHHI")
_OLD_SAMPLER: Final = struct.Struct("<4xiIHH")
_SAMPLER: Final = struct.Struct("<4xHHqII")
_DEFAULTS: Final = (-3, -1, -2)
"""Samplers that hold for all flows of an exporter: forced by the user, told by the exporter
without a number, the user's default."""
_IPV4: Final = 2
_IPV6: Final = frozenset({10, 24, 28, 30})
"""AF_INET6 of Linux, OpenBSD, FreeBSD and macOS."""


class Exporters:
    """What a file has told so far of those who sent to nfcapd."""

    def __init__(self) -> None:
        self._points = np.zeros(MAX_EXPORTERS, np.uint32)
        self._samplers: dict[int, dict[int, int]] = {}
        self._n_samplers = 0

    def learn(self, kind: int, record: bytes) -> bool:
        """Take in a record; return whether it could be read.

        Parameters
        ----------
        kind : type of the record; those that tell of no exporter are sound whatever they hold.
        record : the record with its head.
        """
        try:
            if kind == EXPORTER:
                _, address, family, number, domain = _EXPORTER.unpack_from(record)
                self._points[number] = observation_point(_address(address, family), str(domain), "")
            elif kind == OLD_SAMPLER:
                identifier, interval, _, number = _OLD_SAMPLER.unpack_from(record)
                return self._learn_sampler(number, identifier, interval)
            elif kind == SAMPLER:
                number, _, identifier, packets, space = _SAMPLER.unpack_from(record)
                interval = round((packets + space) / packets) if packets else 0
                return self._learn_sampler(number, identifier, interval)
        except struct.error:
            return False
        return True

    def _learn_sampler(self, number: int, identifier: int, interval: int) -> bool:
        samplers = self._samplers.setdefault(number, {})
        if identifier not in samplers:
            if self._n_samplers == MAX_SAMPLERS:
                return False
            self._n_samplers += 1
        samplers[identifier] = interval
        return interval > 0

    def points(
        self, numbers: Int64Array, received_high: UInt64Array, received_low: UInt64Array
    ) -> UInt64Array:
        """Return who saw each record.

        Parameters
        ----------
        numbers : the file's own number of its exporter.
        received_high, received_low : halves of the address that sent it, for exporters of whom the
            file tells nothing; 0 if it is not told.
        """
        points = self._points[numbers].astype(np.uint64)
        unknown = np.flatnonzero((points == 0) & ((received_high | received_low) != 0))
        if unknown.size:
            keys = np.stack([received_high[unknown], received_low[unknown]], axis=1)
            different, which = np.unique(keys, axis=0, return_inverse=True)
            found = [
                observation_point(_text(int(high) << 64 | int(low)), "", "")
                for high, low in different
            ]
            points[unknown] = np.array(found, np.uint64)[which.reshape(-1)]
        return points

    def intervals(
        self, numbers: Int64Array, selectors: Int64Array, is_sampled: BoolArray
    ) -> Int64Array:
        """Return for how many packets a packet of each record counts; 0 if the file doesn't tell.

        Parameters
        ----------
        numbers : the file's own number of its exporter.
        selectors : number of the sampler, ``NO_SELECTOR`` if none is told.
        is_sampled : whether the collector took the record for sampled; 1 for all others.
        """
        intervals = np.ones(numbers.size, np.int64)
        sampled = np.flatnonzero(is_sampled)
        if sampled.size:
            keys = np.stack([numbers[sampled], selectors[sampled]], axis=1)
            different, which = np.unique(keys, axis=0, return_inverse=True)
            found = [self._interval(int(number), int(selector)) for number, selector in different]
            intervals[sampled] = np.array(found, np.int64)[which.reshape(-1)]
        return intervals

    def _interval(self, number: int, selector: int) -> int:
        samplers = self._samplers.get(number, {})
        if selector >= 0 and selector in samplers:
            return samplers[selector]
        for default in _DEFAULTS:
            if default in samplers:
                return samplers[default]
        return next(iter(samplers.values())) if len(samplers) == 1 else 0


def _address(octets: bytes, family: int) -> str:
    if family == _IPV4:
        return str(ipaddress.IPv4Address(int.from_bytes(octets[8:12], "little")))
    if family in _IPV6:
        high, low = struct.unpack("<QQ", octets)
        return _text(high << 64 | low)
    return _text(int.from_bytes(octets, "big"))


def _text(address: int) -> str:
    """Return the text of an address; the IPv4 address if it is one that is mapped."""
    found = ipaddress.IPv6Address(address)
    return str(found.ipv4_mapped or found)
