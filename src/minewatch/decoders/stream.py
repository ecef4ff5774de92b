# SPDX-License-Identifier: Apache-2.0
"""TCP segments of one direction, put back into runs of contiguous octets."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from minewatch.types import Segment

MAX_STREAM_OCTETS = 64 * 1024
"""Octets of one direction that are looked at; five times what the metering keeps."""

_HALF = 1 << 31
_MASK = (1 << 32) - 1


@dataclass(slots=True)
class Chunk:
    """Octets of one direction without a hole.

    Parameters
    ----------
    data : the octets.
    offsets : where each contributing segment begins in ``data``, ascending.
    origins : capture time [ns] and place in capture order of each contributing segment.
    is_cut : True if octets are missing behind the end, as far as the capture tells.
    """

    data: bytes
    offsets: list[int] = field(default_factory=list)
    origins: list[tuple[int, int]] = field(default_factory=list)
    is_cut: bool = False

    def origin(self, offset: int) -> tuple[int, int]:
        """Return time [ns] and capture order of the segment that brought ``data[offset]``."""
        return self.origins[max(bisect_right(self.offsets, offset) - 1, 0)]


def reassemble(segments: Sequence[Segment], *, from_initiator: bool) -> list[Chunk]:
    """Return the octets of one direction in sequence order, split where some are missing.

    Octets that come twice count once, as they came first. A segment that the capture cut
    (``len(data) < length``) ends its chunk. At most ``MAX_STREAM_OCTETS`` are taken.

    Examples
    --------
    >>> from minewatch.types import Segment
    >>> parts = [Segment(0, True, 5, 2, b"cd"), Segment(1, True, 3, 2, b"ab"),
    ...          Segment(2, True, 5, 2, b"cd"), Segment(3, True, 9, 1, b"z")]
    >>> [chunk.data for chunk in reassemble(parts, from_initiator=True)]
    [b'abcd', b'z']
    """
    chunks: list[Chunk] = []
    pieces: list[bytes] = []
    length = expected = 0
    budget = MAX_STREAM_OCTETS
    for position, order, segment in _in_sequence(segments, from_initiator):
        data = segment.data
        is_new = not chunks or position > expected or (position == expected and chunks[-1].is_cut)
        if is_new:
            _close(chunks, pieces)
            chunks.append(Chunk(b""))
            pieces = []
            length = 0
            expected = position
        data = data[expected - position :][:budget]
        if not data or chunks[-1].is_cut:
            continue
        chunks[-1].offsets.append(length)
        chunks[-1].origins.append((segment.time_ns, order))
        chunks[-1].is_cut = len(segment.data) < segment.length
        pieces.append(data)
        length += len(data)
        budget -= len(data)
        expected = position + max(segment.length, len(segment.data))
        if budget <= 0:
            break
    if chunks:
        chunks[-1].data = b"".join(pieces)
    return chunks


def _close(chunks: list[Chunk], pieces: list[bytes]) -> None:
    """End the chunk at hand: a hole follows."""
    if chunks:
        chunks[-1].data = b"".join(pieces)
        chunks[-1].is_cut = True


def _in_sequence(
    segments: Sequence[Segment], from_initiator: bool
) -> Iterator[tuple[int, int, Segment]]:
    """Yield (position in the stream, capture order, segment); positions survive a wrap-around."""
    base = -1
    last = 0
    is_sorted = True
    numbered: list[tuple[int, int, Segment]] = []
    for order, segment in enumerate(segments):
        if segment.from_initiator != from_initiator or not segment.data:
            continue
        if base < 0:
            base = segment.sequence
        position = ((segment.sequence - base + _HALF) & _MASK) - _HALF
        is_sorted = is_sorted and position >= last
        last = position
        numbered.append((position, order, segment))
    if not is_sorted:
        numbered.sort(key=lambda item: item[:2])
    yield from numbered
