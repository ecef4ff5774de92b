# SPDX-License-Identifier: Apache-2.0
"""Alerts kept until every sink has them: on disk up to a limit, and the latest in memory too.

One spool serves all sinks; each has a number up to which it has everything. Where the disk takes
nothing more, what is new stays in memory alone, and is written when there is room again. What
does not fit is gone, the oldest first: a later telling of an alert says all that an earlier did.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from minewatch.alerts.segments import MAX_LINE, SUFFIX, Record, Segment

MIB: Final = 1 << 20
MEMORY_OCTETS: Final = 8 * MIB
_PARTS: Final = 8
"""Segments in the limit: so much of it may be lost at once."""
_MIN_SEGMENT: Final = 1 << 16
_MAX_SEGMENT: Final = 8 * MIB


class Spool:
    """Numbered texts on disk and in memory. Not safe for threads: its owner holds a lock.

    Parameters
    ----------
    folder : where the files are; there already.
    limit_octets : room on disk.
    first : no number below is given; for those who know of numbers that are not on disk.
    memory_octets : room in memory.

    Raises
    ------
    OSError : the folder or a file in it cannot be read.
    """

    def __init__(
        self, folder: Path, limit_octets: int, first: int = 0, memory_octets: int = MEMORY_OCTETS
    ) -> None:
        self._folder = folder
        self._limit = limit_octets
        self._segment_octets = min(max(limit_octets // _PARTS, _MIN_SEGMENT), _MAX_SEGMENT)
        self._memory_limit = memory_octets
        self._memory: deque[Record] = deque()
        self._memory_octets = 0
        self._segments = self._found()
        self._is_open = False
        self.damaged = sum(segment.damaged for segment in self._segments)
        """Lines on disk that could not be read at the start."""
        self.next = max(first, self._segments[-1].last + 1 if self._segments else 0)
        """Number of the next text."""
        self._unsaved = self.next
        """All from here on are in memory alone."""
        self.trouble = ""
        """Why the disk took nothing, empty if it did."""

    @property
    def unsaved(self) -> int:
        """How many texts are in memory alone."""
        return self.next - max(self._unsaved, self._memory[0][0]) if self._memory else 0

    @property
    def octets(self) -> int:
        """Room taken on disk."""
        return sum(segment.size for segment in self._segments)

    def append(self, texts: Sequence[str]) -> None:
        """Keep texts; they are on disk before this returns, if the disk takes them.

        Parameters
        ----------
        texts : ASCII without line breaks, each at most ``MAX_LINE`` characters.
        """
        for text in texts:
            if len(text) > MAX_LINE:
                raise ValueError(f"a text of {len(text):,} characters; at most {MAX_LINE:,}")
            self._memory.append((self.next, text))
            self._memory_octets += len(text)
            self.next += 1
        self.save()
        while self._memory_octets > self._memory_limit:
            self._memory_octets -= len(self._memory.popleft()[1])

    def save(self) -> None:
        """Write what is in memory alone, as far as the disk takes it."""
        waiting = [record for record in self._memory if record[0] >= self._unsaved]
        try:
            while waiting:
                fitting = _fitting(waiting, self._segment_octets)
                self._make_room(sum(len(text) for _, text in fitting))
                self._segments[-1].append(fitting)
                self._unsaved = fitting[-1][0] + 1
                waiting = waiting[len(fitting) :]
            self.trouble = ""
        except OSError as error:
            self.trouble = error.strerror or str(error)
            # What is left of the file is not trusted; the next try makes a new one. That it cannot
            # be closed or deleted either is the same trouble.
            with contextlib.suppress(OSError):
                self._finish_segment()

    def read(self, first: int, most: int) -> list[Record]:
        """Return texts from a number on, fewer than ``most`` if others must be fetched apart.

        Parameters
        ----------
        first : number of the first, if it is there still; else the next above it.
        most : how many at most.

        Raises
        ------
        OSError : the disk cannot be read.
        """
        if self._memory and first >= self._memory[0][0]:
            skipped = first - self._memory[0][0]
            return [self._memory[i] for i in range(skipped, min(skipped + most, len(self._memory)))]
        for segment in self._segments:
            # A file that somebody deleted holds nothing any more; what it held counts as lost.
            with contextlib.suppress(FileNotFoundError):
                if segment.last >= first and (found := list(segment.read(first, most))):
                    return found
        return [self._memory[i] for i in range(min(most, len(self._memory)))]

    def forget(self, first: int) -> None:
        """Let go of what no sink needs.

        Parameters
        ----------
        first : number of the first that is needed.
        """
        try:
            self._forget_segments(first)
        except OSError as error:
            # It stays there; no sink needs it, so that nothing is sent again.
            self.trouble = error.strerror or str(error)
        while self._memory and self._memory[0][0] < first:
            self._memory_octets -= len(self._memory.popleft()[1])

    def close(self) -> None:
        """Close the file that is written."""
        self._finish_segment()

    def _found(self) -> list[Segment]:
        """Return the segments of earlier runs, without those that hold nothing."""
        segments = []
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            segment = Segment(path)
            segment.scan()
            if segment.last < 0:
                segment.remove()
            else:
                segments.append(segment)
        return segments

    def _forget_segments(self, first: int) -> None:
        while self._segments and self._segments[0].last < first:
            if len(self._segments) == 1 and self._is_open:
                # The one that is written goes when it is of some size.
                if self._segments[0].size < _MIN_SEGMENT:
                    return
                self._is_open = False
            self._segments.pop(0).remove()

    def _make_room(self, octets: int) -> None:
        """Have a segment to write to; the oldest ones go if they are too many."""
        if self._is_open and self._segments[-1].size + octets > self._segment_octets:
            self._finish_segment()
        if not self._is_open:
            segment = Segment(self._folder / f"{self._unsaved:020d}{SUFFIX}")
            segment.create()
            self._segments.append(segment)
            self._is_open = True
        while len(self._segments) > 1 and self.octets + octets > self._limit:
            self._segments.pop(0).remove()

    def _finish_segment(self) -> None:
        if self._is_open:
            self._is_open = False
            self._segments[-1].finish()
            if self._segments[-1].last < 0:
                self._segments.pop().remove()


def _fitting(records: list[Record], octets: int) -> list[Record]:
    """Return the first records that fit into a segment, one at least."""

    def counted() -> Iterator[Record]:
        room = octets
        for record in records:
            room -= len(record[1])
            if room < 0 and record is not records[0]:
                return
            yield record

    return list(counted())
