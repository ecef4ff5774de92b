# SPDX-License-Identifier: Apache-2.0
"""What holds for the scripts of every kind of conversation, and ways to look into them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minewatch.lab.simulator.normal import KINDS, TrafficKind
from minewatch.lab.simulator.paths import Paths, draw_paths
from minewatch.lab.simulator.script import CLOSE_NONE, TCP, UNANSWERED, Messages, Script
from minewatch.lab.simulator.talk import Part
from minewatch.types import Payload, Segment

START_S = 1_700_000_000.0
HOUR_S = 3600.0
SEED = 11


@dataclass(frozen=True)
class Said:
    """One message."""

    time_s: float
    is_reply: bool
    octets: int
    content: bytes


@dataclass(frozen=True)
class Made:
    """Conversations of one kind."""

    paths: Paths
    part: Part
    horizon_s: float

    def said(self, row: int) -> list[Said]:
        return said(self.part, row)

    def counts(self) -> np.ndarray:
        return np.bincount(self.part.conversation, minlength=len(self.paths))


def kind_of(service: str) -> TrafficKind:
    return next(kind for kind in KINDS if kind.service == service)


def make(
    service: str, n: int = 60, hours: float = 6.0, seed: int = SEED, home: bool | None = None
) -> Made:
    """Return `n` checked conversations of a kind, started in the first half of some hours."""
    kind = kind_of(service)
    rng = np.random.default_rng(seed)
    start = START_S + np.sort(rng.random(n)) * hours * HOUR_S / 2
    paths = draw_paths(
        rng,
        start,
        kind.realm,
        is_initiator_home=kind.is_outbound if home is None else home,
    )
    horizon = START_S + hours * HOUR_S
    made = Made(paths, kind.generate(rng, paths, horizon), horizon)
    check(made, kind.protocol)
    return made


def check(made: Made, protocol: int = TCP) -> None:
    """Assert what every script must hold."""
    part, paths = made.part, made.paths
    rows = part.conversation
    assert len(part.end_s) == len(part.close) == len(paths)
    columns = (part.time_s, part.is_reply, part.octets, part.content_start, part.fill)
    assert all(len(column) == len(rows) for column in columns)
    assert (np.diff(rows) >= 0).all()
    assert (np.diff(part.time_s)[np.diff(rows) == 0] >= 0).all()
    assert ((part.octets >= 1) & (part.content_octets <= part.octets)).all()
    assert ((part.content_start >= 0) & (part.content_octets >= 0)).all()
    assert (part.content_start + part.content_octets <= len(part.blob)).all()
    least = paths.rtt_s[rows] if protocol == TCP else np.zeros(len(rows))
    assert (part.time_s >= least - 1e-9).all()
    times = paths.start_s[rows] + part.time_s
    assert (times < made.horizon_s).all()
    last = np.array(paths.start_s)
    np.maximum.at(last, rows, times)
    assert (part.end_s >= last - 1e-6).all()
    assert (part.close <= UNANSWERED).all()
    goes_on = part.end_s >= made.horizon_s
    assert (part.close[goes_on] == CLOSE_NONE).all()


def said(part: Part | Messages, row: int, blob: np.ndarray | None = None) -> list[Said]:
    """Return what one conversation says."""
    blob = part.blob if blob is None else blob  # type: ignore[union-attr]
    first, last = np.searchsorted(part.conversation, [row, row + 1])
    return [
        Said(
            float(part.time_s[i]),
            bool(part.is_reply[i]),
            int(part.octets[i]),
            blob[part.content_start[i] : part.content_start[i] + part.content_octets[i]].tobytes(),
        )
        for i in range(first, last)
    ]


def script_said(script: Script, row: int) -> list[Said]:
    return said(script.messages, row, script.blob)


def payload(messages: list[Said], protocol: int = TCP, most: int = 40) -> Payload:
    """Return what a decoder is given of a conversation: contents, and stars for filler."""
    sequence = [1000, 2000]
    segments = []
    for message in messages[:most]:
        data = message.content + b"*" * (message.octets - len(message.content))
        at = sequence[message.is_reply]
        time_ns = int((START_S + message.time_s) * 1e9)
        segments.append(Segment(time_ns, not message.is_reply, at, len(data), data))
        sequence[message.is_reply] += len(data)
    return Payload(protocol, segments)
