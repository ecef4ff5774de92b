# SPDX-License-Identifier: Apache-2.0
"""Conversations written down as (seconds, who speaks, octets): for features, and as captures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minewatch.testing import conversations
from minewatch.types import Conversations, PacketSeries
from packets import ACK, PSH, SYN, B, Frame, pcap, tcp_frame

NS = 10**9
START_NS = 1_600_000_000 * NS

Said = tuple[float, bool, int]
"""Seconds after the beginning, whether the client speaks, payload octets."""


def heard(
    *talks: Sequence[Said], first: int | None = None, seconds: int = 600, **columns: object
) -> Conversations:
    """Return one conversation a talk, of which every payload packet is known.

    ``first``: how many of each talk's packets are its first ones, the rest being its latest.
    Conversations last for so many ``seconds``.
    """
    given = conversations(
        len(talks),
        flow_start_nanoseconds=START_NS,
        flow_end_nanoseconds=START_NS + seconds * NS,
        **columns,
    )
    given.packets = {
        number: PacketSeries(
            np.array([START_NS + round(at * NS) for at, _, _ in talk], np.int64),
            np.array([octets for _, _, octets in talk], np.int64),
            np.array([forth for _, forth, _ in talk], np.bool_),
            len(talk) if first is None else first,
        )
        for number, talk in enumerate(talks, 1)
    }
    return given


def frames_of(
    talk: Sequence[Said], *, port: int = 40_000, start_s: float = 0.0, source: str = "10.0.0.1"
) -> list[Frame]:
    """Return the packets of one talk: a handshake, what is said, and its acknowledgements."""
    ends = {True: (source, B, port, 3333), False: (B, source, 3333, port)}
    sequence = {True: 1, False: 1}

    def packet(at: float, forth: bool, flags: int, octets: int) -> Frame:
        one, other, sport, dport = ends[forth]
        number = sequence[forth] - bool(flags & SYN)
        sequence[forth] += octets
        return tcp_frame(
            time_s=start_s + at,
            source=one,
            destination=other,
            sport=sport,
            dport=dport,
            payload=bytes(range(128, 256)) * (octets // 128) + b"\xff" * (octets % 128),
            flags=flags,
            sequence=number,
        )

    frames = [packet(0, True, SYN, 0), packet(0.01, False, SYN | ACK, 0)]
    for at, forth, octets in talk:
        frames += [packet(at, forth, PSH | ACK, octets), packet(at + 0.001, not forth, ACK, 0)]
    return frames


def write_capture(folder: Path, frames: Sequence[Frame], *labels: str) -> Path:
    """Write ``a.pcap`` and its labels (lines after the capture's name); return the labels file."""
    ordered = sorted(frames, key=lambda frame: frame.time_ns)
    (folder / "a.pcap").write_bytes(pcap(ordered, nano=True))
    header = "capture\tsource\tlabel\taddress\tport\tprotocol\tlicence\tpeer\tpool\tservice"
    lines = [f"a.pcap\t{line}" for line in labels or ("made\tnormal",)]
    file = folder / "labels.tsv"
    file.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return file
