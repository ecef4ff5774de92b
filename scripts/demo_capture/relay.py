# SPDX-License-Identifier: Apache-2.0
"""Carries frames between two interfaces and holds each back as long as a long line would.

Runs inside the switch namespace: ``python -m demo_capture.relay internet relay``. Linux has netem
for this; not every kernel has netem.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from random import Random

from demo_capture import scenario

_ETH_P_ALL = 3
_ETH_P_IPV4 = b"\x08\x00"
_OUTGOING = 4  # PACKET_OUTGOING: our own frames, seen again
_MAX_FRAME = 65_536
_JITTER_S = 0.002
_GAP_S = 0.000_02


class Relay:
    """One direction of the line.

    Parameters
    ----------
    source, target : where frames come from and where they go.
    rng : source of jitter.
    """

    def __init__(self, source: socket.socket, target: socket.socket, rng: Random) -> None:
        self._source = source
        self._target = target
        self._rng = rng
        self._last_s: dict[bytes, float] = {}

    def receive(self) -> None:
        """Take one frame and send it later, but never before an earlier one of its two ends."""
        frame, address = self._source.recvfrom(_MAX_FRAME)
        if address[2] == _OUTGOING:
            return
        loop = asyncio.get_running_loop()
        due_s = loop.time() + delay_s(frame) + self._rng.uniform(0, _JITTER_S)
        ends = frame[26:34]
        due_s = max(due_s, self._last_s.get(ends, 0.0) + _GAP_S)
        self._last_s[ends] = due_s
        loop.call_at(due_s, self._target.send, frame)


def delay_s(frame: bytes) -> float:
    """Return how long the line to the frame's far end is [s]; 0 if it is not IPv4."""
    if frame[12:14] != _ETH_P_IPV4:
        return 0.0
    ends = socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34])
    known = [scenario.ONE_WAY_S[end] for end in ends if end in scenario.ONE_WAY_S]
    return known[0] if known else scenario.ONE_WAY_DEFAULT_S


def _open(interface: str) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    opened.bind((interface, 0))
    opened.setblocking(False)
    return opened


async def _run(one: str, other: str) -> None:
    loop = asyncio.get_running_loop()
    rng = Random(one)
    left, right = _open(one), _open(other)
    loop.add_reader(left, Relay(left, right, rng).receive)
    loop.add_reader(right, Relay(right, left, rng).receive)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], sys.argv[2]))
