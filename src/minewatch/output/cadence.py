# SPDX-License-Identifier: Apache-2.0
"""When who speaks: tracks over time and the gaps between messages, for plots of any kind."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.features.direction import forward_is_sent
from minewatch.features.exchange import exchange_of
from minewatch.output.subject import Subject
from minewatch.types import FloatArray, Int64Array

ASKS, ANSWERS, PUSHES, REPLIES = "client asks", "server answers", "server pushes", "client replies"
SENT, RECEIVED = "client sends", "server sends"
GAP_EDGES_S: Final = (0.0, 0.1, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, np.inf)
"""Bounds of the bins of gaps [s]."""
GAP_NAMES: Final = (
    *("below 0.1 s", "0.1 to 1 s", "1 to 5 s", "5 to 15 s", "15 to 30 s", "30 to 60 s"),
    *("1 to 2 min", "2 to 5 min", "above 5 min"),
)
_HEIGHTS: Final = " ▁▂▃▄▅▆▇█"
_UNSEEN: Final = "░"


@dataclass(frozen=True, slots=True)
class Track:
    """What one side did in one role, over time; shapes are (n,)."""

    name: str
    start_s: FloatArray
    """When each message or record begins, since the conversation's first packet."""
    end_s: FloatArray
    """When it ends; a message ends when it begins."""
    count: FloatArray
    """How many packets a record holds; 1 for a message."""
    octets: FloatArray
    """Size of the message, or octets of the record."""

    def per_bin(self, edges_s: FloatArray) -> FloatArray:
        """Return the count in each bin; a record is spread over its time, shape (n_bins,).

        Parameters
        ----------
        edges_s : rising, shape (n_bins + 1,).
        """
        found = np.zeros(len(edges_s) - 1)
        for start, end, count in zip(self.start_s, self.end_s, self.count, strict=True):
            if end <= start:
                at = np.searchsorted(edges_s, start, side="right") - 1
                found[min(max(at, 0), len(found) - 1)] += count
            else:
                shared = np.minimum(edges_s[1:], end) - np.maximum(edges_s[:-1], start)
                found += count * np.maximum(shared, 0.0) / (end - start)
        return found


@dataclass(frozen=True, slots=True)
class Cadence:
    """All tracks of a conversation."""

    span_s: float
    """From the conversation's first packet to its last."""
    tracks: Sequence[Track]
    is_of_messages: bool
    """Whether packets are known; else flow records are what is shown."""
    unseen_s: tuple[float, float] | None = None
    """Between the first packets and the latest ones of a long conversation none are kept."""
    gaps: dict[str, Int64Array] | None = None
    """How many gaps of each bin lie between messages of a role, by role; only of messages."""


def cadence_of(subject: Subject) -> Cadence | None:
    """Return when who spoke, None if neither packets nor records tell.

    Parameters
    ----------
    subject : one conversation.
    """
    start, end = subject.frame.row(0, named=True), subject.frame
    start_ns = start["flow_start_nanoseconds"]
    span_s = max((end.item(0, "flow_end_nanoseconds") - start_ns) / 1e9, 1e-3)
    if subject.packets is not None and len(subject.packets.time_ns):
        return _of_messages(subject, start_ns, span_s)
    if subject.intervals is not None and subject.intervals.height:
        return _of_records(subject, start_ns, span_s)
    return None


def _of_messages(subject: Subject, start_ns: int, span_s: float) -> Cadence:
    assert subject.packets is not None
    talk = exchange_of(subject.conversations)
    messages = talk.messages
    time_s = messages.time_s + (int(subject.packets.time_ns[0]) - start_ns) / 1e9
    octets = messages.octets.astype(np.float64)
    roles = {ASKS: talk.is_asked, ANSWERS: talk.is_answer, PUSHES: talk.is_push}
    if talk.is_reply.any():
        roles[REPLIES] = talk.is_reply
    tracks = [
        Track(name, time_s[mask], time_s[mask], np.ones(int(mask.sum())), octets[mask])
        for name, mask in roles.items()
    ]
    unseen = None
    later = np.flatnonzero(~messages.is_first)
    if len(later) and len(subject.packets.time_ns) < _payload_packets(subject):
        unseen = (float(time_s[max(later[0] - 1, 0)]), float(time_s[later[0]]))
    gaps = {}
    for name in (ASKS, PUSHES):
        known = messages.where(roles[name]).gap_s()
        gaps[name] = np.histogram(known[np.isfinite(known)], GAP_EDGES_S)[0].astype(np.int64)
    return Cadence(span_s, tracks, is_of_messages=True, unseen_s=unseen, gaps=gaps)


def _payload_packets(subject: Subject) -> int:
    """How many packets with payload there were, kept or not."""
    row = subject.frame.row(0, named=True)
    counts = (row["payload_packet_count"], row["reverse_payload_packet_count"])
    return sum(int(count or 0) for count in counts)


def _of_records(subject: Subject, start_ns: int, span_s: float) -> Cadence:
    assert subject.intervals is not None
    records = subject.intervals.sort("flow_start_nanoseconds")
    start_s = (records["flow_start_nanoseconds"] - start_ns).to_numpy() / 1e9
    end_s = (records["flow_end_nanoseconds"] - start_ns).to_numpy() / 1e9
    is_sent = bool(forward_is_sent(subject.frame)[0])
    tracks = []
    for name, prefix in ((SENT, "" if is_sent else "reverse_"), (RECEIVED, "reverse_" * is_sent)):
        counts = records[f"{prefix}packet_delta_count"].fill_null(0).to_numpy().astype(np.float64)
        octets = records[f"{prefix}octet_delta_count"].fill_null(0).to_numpy().astype(np.float64)
        tracks.append(Track(name, start_s, end_s, counts, octets))
    return Cadence(span_s, tracks, is_of_messages=False)


def cadence_lines(cadence: Cadence, width: int) -> Iterator[str]:
    """Yield the plot as text: time across, one row a role, then the gaps.

    Parameters
    ----------
    cadence : of one conversation.
    width : columns at most.
    """
    label = max(len(track.name) for track in cadence.tracks) + 2
    columns = max(min(width - label, 100), 20)
    edges_s = np.linspace(0.0, cadence.span_s, columns + 1)
    for track in cadence.tracks:
        heights = track.per_bin(edges_s)
        yield f"{track.name:<{label}}{_bars(heights, edges_s, cadence.unseen_s)}".rstrip()
    yield " " * label + _axis(cadence.span_s, columns)
    yield from textwrap.wrap(_legend(cadence, columns), max(width, 20))
    if cadence.gaps is not None and filled_bins(cadence.gaps):
        yield ""
        yield from _gap_lines(cadence.gaps, width)


def _bars(heights: FloatArray, edges_s: FloatArray, unseen: tuple[float, float] | None) -> str:
    """One character a bin, as high as the bin is full; the smallest is still to be seen."""
    most = max(float(heights.max()), 1.0)
    steps = np.ceil(heights / most * (len(_HEIGHTS) - 1)).astype(int)
    text = [_HEIGHTS[step] for step in np.where(heights > 0, np.maximum(steps, 1), 0)]
    if unseen is not None:
        for i in np.flatnonzero((edges_s[:-1] > unseen[0]) & (edges_s[1:] < unseen[1])).tolist():
            text[i] = _UNSEEN
    return "".join(text)


def _axis(span_s: float, columns: int) -> str:
    """Where the time is: start, middle and end below their columns."""
    texts = [short_time(span_s * share) for share in (0.0, 0.5, 1.0)]
    line = list(" " * columns)
    places = (0, columns // 2 - len(texts[1]) // 2, columns - len(texts[2]))
    for text, at in zip(texts, places, strict=True):
        line[at : at + len(text)] = text
    return "".join(line)


def _legend(cadence: Cadence, columns: int) -> str:
    step = short_time(cadence.span_s / columns)
    what = "messages" if cadence.is_of_messages else "packets of flow records"
    text = f"One column is {step}; the fuller the block, the more {what}."
    if cadence.unseen_s is not None:
        text += f" {_UNSEEN}: not kept."
    return text


def _gap_lines(gaps: dict[str, Int64Array], width: int) -> Iterator[str]:
    """A histogram of gaps for each role, side by side."""
    head = max(map(len, GAP_NAMES)) + 2
    each = max((width - head) // len(gaps), 12)
    most = max(int(counts.max()) for counts in gaps.values())
    bar = each - len(f"{most:,}") - 3
    yield f"{'gap between':<{head}}" + "".join(f"{name:<{each}}" for name in gaps).rstrip()
    for i in filled_bins(gaps):
        cells = ""
        for counts in gaps.values():
            n = int(counts[i])
            blocks = "█" * max(round(n / most * bar), 1) + f" {n:,}" if n else "0"
            cells += f"{blocks:<{each}}"
        yield f"{GAP_NAMES[i]:<{head}}{cells}".rstrip()


def filled_bins(gaps: dict[str, Int64Array]) -> range:
    """Return the bins from the first to the last that any role fills.

    Parameters
    ----------
    gaps : counts by role, each of shape (n_bins,).
    """
    filled = np.flatnonzero(np.sum(list(gaps.values()), axis=0))
    return range(int(filled[0]), int(filled[-1]) + 1) if len(filled) else range(0)


def short_time(seconds: float) -> str:
    """Return a span of time in one unit.

    Parameters
    ----------
    seconds : 0 or more.

    Examples
    --------
    >>> short_time(0.0), short_time(9.63), short_time(587.0), short_time(90_000.0)
    ('0 s', '9.6 s', '9.8 min', '25 h')
    """
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{_two_digits(seconds / size)} {unit}"
    return f"{_two_digits(seconds)} s"


def _two_digits(number: float) -> str:
    """Two digits or more, never as a power of ten."""
    return f"{number:.2g}" if 1e-4 < number < 99.5 or not number else f"{number:.0f}"
