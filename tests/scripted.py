# SPDX-License-Identifier: Apache-2.0
"""Small scripts for the simulator, and a plain TCP that checks the packets made from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from minewatch.lab.simulator import script as s
from minewatch.lab.simulator.packets import Packets
from minewatch.lab.simulator.payload import Source
from minewatch.lab.simulator.pcap import EngineOptions, packetize, script_records, write_pcap
from minewatch.lab.simulator.routes import Routes, routes

START_S = 1_700_000_000.0
HOME, FAR = 0x0A00_0005, 0xCB00_7109
SEED = 7

Said = tuple[float, bool, int | bytes]
"""Second after the start, whether the responder says it, and what or how much."""


@dataclass
class Talk:
    """One conversation."""

    said: Sequence[Said] = ()
    protocol: int = s.TCP
    start_s: float = START_S
    seconds: float | None = None
    home: bool = True
    rtt_s: float = 0.05
    jitter_s: float = 0.0
    loss: float = 0.0
    mss: int = 1460
    timestamps: bool = True
    ack_delay_s: float = 0.05
    """0.04 would be Linux, which has rules of its own."""
    keepalive_s: float = float("inf")
    close: int = s.CLOSE_INITIATOR
    fill: int = s.FILL_TEXT
    ports: tuple[int, int] = field(default=(40_000, 3333))


def script(*talks: Talk) -> s.Script:
    """Return conversations as a script; each has its own port unless it is told one."""
    rows = [
        (
            talk.protocol,
            HOME if talk.home else FAR,
            talk.ports[0] + i,
            FAR if talk.home else HOME,
            talk.ports[1],
            talk.start_s,
            talk.start_s + _seconds(talk),
            talk.home,
            talk.rtt_s,
            talk.jitter_s,
            talk.loss,
            talk.mss,
            talk.timestamps,
            talk.ack_delay_s,
            talk.keepalive_s,
            talk.close,
        )
        for i, talk in enumerate(talks)
    ]
    kinds = "u1 u4 u2 u4 u2 f8 f8 ? f8 f8 f8 u2 ? f8 f8 u1".split()
    columns = zip(*rows, strict=True)
    arrays = [np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    blob = bytearray(b"\xff")
    parts = []
    for i, talk in enumerate(talks):
        for time_s, is_reply, what in talk.said:
            content = what if isinstance(what, bytes) else b""
            octets = what if isinstance(what, int) else len(what)
            parts.append((i, time_s, is_reply, octets, len(blob), len(content), talk.fill))
            blob += content
    said = list(zip(*parts, strict=True)) if parts else [()] * 7
    messages = [np.array(c, k) for c, k in zip(said, "i8 f8 ? i8 i8 i8 u1".split(), strict=True)]
    return s.Script(
        s.Conversations(*arrays), s.Messages(*messages), np.frombuffer(bytes(blob), np.uint8)
    )


def _seconds(talk: Talk) -> float:
    last = max((time_s for time_s, *_ in talk.said), default=0.0)
    return last + talk.rtt_s if talk.seconds is None else talk.seconds


@st.composite
def talks(draw: st.DrawFn, *, loss: bool = False) -> list[Talk]:
    """Draw a few conversations of all kinds."""
    made = []
    for i in range(draw(st.integers(1, 6))):
        rtt = draw(st.sampled_from([0.0002, 0.013, 0.08, 0.3]))
        close = draw(st.integers(0, 6))
        time_s, said = rtt, []
        for _ in range(draw(st.integers(0, 12)) if close < s.REFUSED else 0):
            time_s += draw(st.sampled_from([0.0, 0.0001, 0.02, 0.5, 40.0]))
            octets = draw(st.sampled_from([1, 60, 700, 1448, 1460, 4000, 90_000]))
            said.append((time_s, draw(st.booleans()), octets))
        made.append(
            Talk(
                said,
                start_s=START_S + draw(st.floats(0, 100)),
                seconds=time_s + draw(st.sampled_from([0.0, 1.0, 100.0])),
                home=draw(st.booleans()),
                rtt_s=rtt,
                jitter_s=draw(st.sampled_from([0.0, 0.003])),
                loss=draw(st.sampled_from([0.0, 0.05, 0.3])) if loss else 0.0,
                timestamps=draw(st.booleans()),
                ack_delay_s=draw(st.sampled_from([0.0, 0.04, 0.2])),
                keepalive_s=draw(st.sampled_from([15.0, float("inf")])),
                close=close,
                ports=(40_000 + i, 3333),
            )
        )
    return made


def made(*talks: Talk, seed: int = SEED) -> Packets:
    """Return the packets of conversations."""
    return packetize(script(*talks), seed)


def write(path: Path, said: s.Script, snaplen: int = 262_144, seed: int = SEED) -> Path:
    """Write a script as a capture; a script of one part comes sorted."""
    options = EngineOptions(seed, snaplen)
    with path.open("wb") as file:
        write_pcap(script_records(said, options), [file], snaplen)
    return path


def flag_names(packets: Packets) -> list[str]:
    """Return flags and sender, as in ``S>``, ``SA<``, ``PA>``."""
    names = "FSRPA"
    return [
        "".join(n for i, n in enumerate(names) if flags >> i & 1) + ("<" if reply else ">")
        for flags, reply in zip(packets.flags.tolist(), packets.is_reply.tolist(), strict=True)
    ]


def seconds(packets: Packets) -> list[float]:
    """Return times after ``START_S``."""
    return [(t - int(START_S) * 10**9) / 1e9 for t in packets.time_ns.tolist()]


def payload_of(said: s.Script, way: Routes, source: Source, message: int) -> bytes:
    """Return what a message is made of, by its definition."""
    from minewatch.lab.simulator.draws import Purpose, bits
    from minewatch.lab.simulator.payload import POOL_OCTETS

    m = said.messages
    start, content = int(m.content_start[message]), int(m.content_octets[message])
    first = int(np.searchsorted(m.conversation, m.conversation[message]))
    key = way.key[m.conversation[message : message + 1]]
    place = int(bits(key, Purpose.FILLER, np.array([message - first]))[0]) % POOL_OCTETS
    pool = source.octets[int(m.fill[message]) * (POOL_OCTETS + 65_536) :][:POOL_OCTETS]
    wanted = np.arange(place + content, place + int(m.octets[message])) % POOL_OCTETS
    return said.blob[start : start + content].tobytes() + pool[wanted].tobytes()


class Check:
    """Walks through packets as a pedantic observer at the point of capture.

    It knows nothing of how they were made: what was seen, and in what order, must make sense.
    """

    def __init__(self, said: s.Script, packets: Packets) -> None:
        self.said, self.packets = said, packets
        self.way = routes(said, SEED)
        rows = defaultdict(list)
        for i, conversation in enumerate(packets.conversation.tolist()):
            rows[conversation].append(i)
        for conversation, some in rows.items():
            self._conversation(conversation, some)
        assert (np.diff(packets.time_ns) >= 0).all()

    def _conversation(self, conversation: int, rows: list[int]) -> None:
        p = self.packets
        start: list[int] = [int(p.seq[rows[0]]), -1]  # -1: not heard of yet
        sent: list[set[tuple[int, int]]] = [set(), set()]
        acked = [0, 0]
        for i in rows:
            side = int(p.is_reply[i])
            flags = int(p.flags[i])
            is_refusal = flags == 0x14 and p.seq[i] == 0
            if start[side] < 0:
                start[side] = int(p.seq[i])
            if is_refusal:
                assert int(p.ack[i]) == (int(start[0]) + 1) & 0xFFFF_FFFF
                continue
            seq = (int(p.seq[i]) - start[side]) & 0xFFFF_FFFF
            length = int(p.payload_octets[i]) + (flags & 1) + (flags >> 1 & 1)
            assert (seq, length) not in sent[side] or p.is_retransmission[i] or length == 0
            sent[side].add((seq, length))
            if flags & 0x10:
                assert start[1 - side] >= 0
                ack = (int(p.ack[i]) - start[1 - side]) & 0xFFFF_FFFF
                seen = max((a + n for a, n in sent[1 - side]), default=0)
                assert acked[side] <= ack <= seen, "acknowledged what was not seen"
                acked[side] = ack
        close = int(self.said.conversations.close[conversation])
        for side in (0, 1):
            self._complete(conversation, side, sent[side], acked[1 - side], close)

    def _complete(
        self, conversation: int, side: int, sent: set[tuple[int, int]], acked: int, close: int
    ) -> None:
        m = self.said.messages
        mine = (m.conversation == conversation) & (m.is_reply == bool(side))
        octets = int(m.octets[mine].sum())
        is_open = close < s.REFUSED
        position = 0
        for seq, length in sorted(sent):
            if length:
                assert seq <= position, "a hole"
                position = max(position, seq + length)
        has_fin = close in (s.CLOSE_INITIATOR, s.CLOSE_RESPONDER)
        if is_open:
            assert position == 1 + octets + has_fin
            if close not in (s.RESET_INITIATOR, s.RESET_RESPONDER):
                assert acked == position, "not all was acknowledged"
