# SPDX-License-Identifier: Apache-2.0
"""What packets carry: where its octets lie, their checksum, and copying them by the million.

A payload is a piece of the script's blob, then a piece of filler. The filler is one mebioctet of
random and one of printable octets; where in it a message begins is random.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from minewatch.lab.simulator.draws import Purpose, bits
from minewatch.lab.simulator.groups import first_rows, positions
from minewatch.lab.simulator.packets import Packets
from minewatch.lab.simulator.routes import Routes
from minewatch.lab.simulator.script import ByteArray, IntArray, Script

POOL_OCTETS: Final = 1 << 20
_MARGIN: Final = 1 << 16
"""Octets that the pool repeats at its end, so that no piece wraps around."""
_CHUNK: Final = 1 << 20
_Sums: TypeAlias = npt.NDArray[np.uint16]
ONES: Final = 65_535
"""One's complement sums of 16-bit words are sums modulo this; swapping octets is times 256."""


class Source:
    """A script's blob and the filler in one array, with sums over any piece of it.

    Parameters
    ----------
    blob : the script's.
    seed : of the whole run.
    """

    def __init__(self, blob: ByteArray, seed: int) -> None:
        pool, sums = _pool(seed)
        self.octets: ByteArray = np.concatenate((pool, blob))
        self.blob_start = len(pool)
        self._sums = np.concatenate((sums, _running_sums(blob, int(sums[-1]))[1:]))

    def sums(self, start: IntArray, octets: IntArray) -> IntArray:
        """Return the sum of each piece's 16-bit words modulo 65535, an odd end padded with 0."""
        difference = self._sums[start + octets].astype(np.int64) - self._sums[start]
        result: IntArray = difference * np.where(start & 1, 256, 1) % ONES
        return result

    def filler_start(self, fill: IntArray, place: IntArray) -> IntArray:
        """Return where filler of a kind lies that begins somewhere in its pool."""
        return fill * (POOL_OCTETS + _MARGIN) + place % POOL_OCTETS


@lru_cache(maxsize=2)
def _pool(seed: int) -> tuple[ByteArray, _Sums]:
    """Return the filler of a seed, and the sums over it; its length is even."""
    rng = np.random.default_rng((seed, 0xF111))
    noise = rng.integers(0, 256, POOL_OCTETS, dtype=np.uint8)
    text = rng.integers(0x20, 0x7F, POOL_OCTETS, dtype=np.uint8)
    margin = slice(0, _MARGIN)
    pool = np.concatenate((noise, noise[margin], text, text[margin]))
    return pool, _running_sums(pool, 0)


def _running_sums(octets: ByteArray, before: int) -> _Sums:
    """Return the sum, from ``before`` on, of what lies before each octet and behind the last."""
    result = np.empty(len(octets) + 1, np.uint16)
    result[0] = before
    for start in range(0, len(octets), _CHUNK):  # even, so that the weights go on
        words = octets[start : start + _CHUNK].astype(np.int64)
        words[::2] *= 256
        sums = (np.cumsum(words) + before) % ONES
        result[start + 1 : start + 1 + len(sums)] = sums
        before = int(sums[-1])
    return result


@dataclass(slots=True)
class Pieces:
    """The payload of packets, in two pieces each, either of which may be empty."""

    content_start: IntArray
    content_octets: IntArray
    filler_start: IntArray
    filler_octets: IntArray

    def sums(self, source: Source) -> IntArray:
        """Return the sum of each payload's 16-bit words modulo 65535."""
        filler = source.sums(self.filler_start, self.filler_octets)
        shift = np.where(self.content_octets & 1, 256, 1)
        return (source.sums(self.content_start, self.content_octets) + filler * shift) % ONES

    def cut(self, room: IntArray) -> Pieces:
        """Return the pieces cut to so many octets."""
        content = np.minimum(self.content_octets, room)
        filler = np.minimum(self.filler_octets, room - content)
        return Pieces(self.content_start, content, self.filler_start, filler)


def pieces(packets: Packets, script: Script, routes: Routes, source: Source) -> Pieces:
    """Return where the payload of each packet lies.

    Parameters
    ----------
    packets : of the script.
    script, routes : what was made into packets.
    source : of the script's blob.
    """
    messages = script.messages
    nothing = np.zeros(len(packets), np.int64)
    result = Pieces(nothing, nothing.copy(), nothing.copy(), nothing.copy())
    rows = np.flatnonzero(packets.payload_octets > 0)
    if not len(rows):
        return result
    message, offset, octets = (
        column[rows] for column in (packets.message, packets.offset, packets.payload_octets)
    )
    content = np.clip(messages.content_octets[message] - offset, 0, octets)
    which = positions(messages.conversation)
    place = bits(routes.key[messages.conversation[message]], Purpose.FILLER, which[message])
    place = (place % np.uint64(POOL_OCTETS)).astype(np.int64) + offset + content
    start = source.blob_start + messages.content_start[message] + offset
    result.content_start = nothing.copy()
    result.content_start[rows] = np.where(content > 0, start, 0)
    result.content_octets[rows] = content
    result.filler_start[rows] = source.filler_start(messages.fill[message].astype(np.int64), place)
    result.filler_octets[rows] = octets - content
    return result


def copy_rows(
    into: ByteArray, to: IntArray, source: ByteArray, start: IntArray, octets: IntArray
) -> None:
    """Copy many pieces of one array into another: those of one length together.

    Parameters
    ----------
    into : where to.
    to : first octet of each copy.
    source : where from.
    start : first octet of each piece.
    octets : length of each.
    """
    rows = np.flatnonzero(octets > 0)
    rows = rows[np.argsort(octets[rows], kind="stable")]
    lengths = octets[rows]
    for group in np.split(rows, first_rows(lengths)[1:]):
        if not len(group):
            continue
        length = int(octets[group[0]])
        room = sliding_window_view(into, length, writeable=True)
        room[to[group]] = sliding_window_view(source, length)[start[group]]
