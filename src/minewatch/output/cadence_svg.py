# SPDX-License-Identifier: Apache-2.0
"""The cadence of a conversation as a picture: SVG that needs nothing else, in light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from minewatch.output.cadence import GAP_NAMES, Cadence, Track, filled_bins, short_time
from minewatch.output.records import printable, records
from minewatch.output.subject import Subject
from minewatch.output.terminal import chance, duration, endpoint
from minewatch.types import Int64Array

WIDTH: Final = 960
_LEFT, _RIGHT = 150, 30
_PLOT: Final = WIDTH - _LEFT - _RIGHT
_TOP: Final = 84
_LANE: Final = 76
_BAR: Final = 18
_COLOURS: Final = ("asks", "answers", "pushes", "replies")
_STYLE: Final = """
svg { color-scheme: light dark; font: 14px system-ui, sans-serif; }
.ground { fill: #ffffff; } text { fill: #1b1f24; } .quiet { fill: #57606a; font-size: 13px; }
.title { font-size: 18px; font-weight: 600; } .line { stroke: #c4cad1; stroke-width: 1; }
.unseen { fill: #eaeef2; } .end { text-anchor: end; } .middle { text-anchor: middle; }
.asks { fill: #0b62c4; } .answers { fill: #6e7781; }
.pushes { fill: #b3400a; } .replies { fill: #7a3fc0; }
@media (prefers-color-scheme: dark) {
.ground { fill: #14171b; } text { fill: #e6e9ed; } .quiet { fill: #9aa4af; }
.line { stroke: #3b424a; } .unseen { fill: #22272d; }
.asks { fill: #6cb0ff; } .answers { fill: #9aa4af; }
.pushes { fill: #ff9a5c; } .replies { fill: #c69aff; }
}
"""


def titles(subject: Subject) -> tuple[str, str]:
    """Return title and subtitle: the two ends, and the verdict.

    Parameters
    ----------
    subject : the conversation.
    """
    (record,) = records(subject.frame, [subject.verdict], subject.capture)
    protocol = record["protocol_identifier"]
    ends = [
        endpoint(record[f"{side}_address"], record[f"{side}_transport_port"], protocol)
        for side in ("source", "destination")
    ]
    lasted = duration(int(subject.frame.item(0, "flow_end_nanoseconds") - _start_ns(subject)))
    begun = record["flow_start"].replace("T", " ").partition(".")[0]
    said = f"{record['label']}, probability {chance(record['mining_probability'])}"
    capture = printable(record["capture"])
    return " \N{RIGHTWARDS ARROW} ".join(ends), f"{said}; {begun} UTC for {lasted}; {capture}"


def _start_ns(subject: Subject) -> int:
    return int(subject.frame.item(0, "flow_start_nanoseconds"))


def cadence_svg(cadence: Cadence, title: str, subtitle: str) -> str:
    """Return the picture.

    Parameters
    ----------
    cadence : of one conversation.
    title : the two ends.
    subtitle : the verdict.
    """
    lanes = len(cadence.tracks)
    foot = _TOP + lanes * _LANE
    gaps = list(_gap_parts(cadence.gaps, foot + 78)) if cadence.gaps else []
    shown = filled_bins(cadence.gaps) if cadence.gaps else range(0)
    height = foot + 60 + (60 + len(shown) * (_BAR + 6) if gaps else 0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label="{_attribute(title)}">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{height}"/>',
        _text(24, 34, title, "title"),
        _text(24, 58, subtitle, "quiet"),
        *_lane_parts(cadence),
        *_axis_parts(cadence, foot),
        *gaps,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _lane_parts(cadence: Cadence) -> Iterator[str]:
    if cadence.unseen_s is not None:
        x, end = (_x(second, cadence.span_s) for second in cadence.unseen_s)
        size = f'width="{end - x:.1f}" height="{len(cadence.tracks) * _LANE}"'
        yield f'<rect class="unseen" x="{x:.1f}" y="{_TOP}" {size}/>'
        yield _text((x + end) / 2, _TOP + 14, "not kept", "quiet middle")
    most = max((float(t.octets.max()) for t in cadence.tracks if len(t.octets)), default=1.0)
    for i, track in enumerate(cadence.tracks):
        base = _TOP + (i + 1) * _LANE - 12
        colour = _COLOURS[i] if cadence.is_of_messages else _COLOURS[2 * i]
        yield f'<line class="line" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{base}" y2="{base}"/>'
        yield _text(_LEFT - 14, base - 24, track.name, "end")
        yield _text(_LEFT - 14, base - 6, _amount(track, cadence.is_of_messages), "quiet end")
        yield from _marks(track, cadence, base, most, colour)


def _amount(track: Track, is_of_messages: bool) -> str:
    noun = "message" if is_of_messages else "packet"
    n = round(float(track.count.sum()))
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _marks(track: Track, cadence: Cadence, base: int, most: float, colour: str) -> Iterator[str]:
    """One mark a message, or one bar a record; the square of its height is its size."""
    for start, end, octets in zip(track.start_s, track.end_s, track.octets, strict=True):
        if octets <= 0:
            continue
        high = 4 + 50 * math.sqrt(float(octets) / most)
        x, until = _x(float(start), cadence.span_s), _x(float(end), cadence.span_s)
        width = max(until - x - 1, 2.0)
        yield (
            f'<rect class="{colour}" x="{x:.1f}" y="{base - high:.1f}" '
            f'width="{width:.1f}" height="{high:.1f}"/>'
        )


def _axis_parts(cadence: Cadence, foot: int) -> Iterator[str]:
    for share, anchor in (
        (0.0, ""),
        (0.25, "middle"),
        (0.5, "middle"),
        (0.75, "middle"),
        (1.0, "end"),
    ):
        x = _LEFT + share * _PLOT
        yield f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{foot - 6}" y2="{foot}"/>'
        yield _text(x, foot + 16, short_time(cadence.span_s * share), f"quiet {anchor}".strip())
    what = "one message" if cadence.is_of_messages else "one flow record"
    most = max((float(t.octets.max()) for t in cadence.tracks if len(t.octets)), default=0.0)
    note = f"Each mark is {what}; the higher, the larger, up to {most:,.0f} octets."
    yield _text(_LEFT, foot + 38, note, "quiet")


def _gap_parts(gaps: dict[str, Int64Array], top: int) -> Iterator[str]:
    """The histograms of gaps, side by side."""
    shown = filled_bins(gaps)
    if not shown:
        return
    each = _PLOT // len(gaps)
    most = max(int(counts.max()) for counts in gaps.values())
    for i, (name, counts) in enumerate(gaps.items()):
        left = _LEFT + i * each
        yield _text(left, top, f"Gaps between: {name}", "")
        for row, at in enumerate(shown):
            y = top + 14 + row * (_BAR + 6)
            if not i:
                yield _text(_LEFT - 14, y + 14, GAP_NAMES[at], "quiet end")
            width = (each - 80) * int(counts[at]) / most
            colour = ("asks", "pushes")[i]
            yield (
                f'<rect class="{colour}" x="{left}" y="{y}" width="{width:.1f}" height="{_BAR}"/>'
            )
            yield _text(left + width + 8, y + 14, f"{int(counts[at]):,}", "quiet")


def _x(second: float, span_s: float) -> float:
    return _LEFT + _PLOT * min(max(second / span_s, 0.0), 1.0)


def _text(x: float, y: float, text: str, kind: str) -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _attribute(text: str) -> str:
    return escape(text, {'"': "&quot;"})
