# SPDX-License-Identifier: Apache-2.0
"""Carries frames between the network cards of a lab, as late and as lossy as their links are.

A frame pays its sender's link on the way up and its receiver's on the way down::

    host --[loss, rate, delay, jitter]--> switch --[loss, rate, delay, jitter]--> host

Linux has netem for this; not every kernel has netem. Runs as a process of its own,
``python -m minewatch.lab.switch``, with the cards' files open and their links on standard input.
"""

from __future__ import annotations

import json
import math
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import Final

from minewatch.lab.network import mac_of
from minewatch.lab.plan import Link

MAX_FRAME: Final = 65_536
MAX_WAITING_OCTETS: Final = 1_000 * 1_514
"""That wait for one direction of a link with a rate; more is dropped, as a router does."""
MAX_UNDER_WAY: Final = 10_000
"""Frames in one direction of a link, on the wire or waiting."""

LOST: Final = -1.0
FULL: Final = -2.0

_READS_AT_ONCE: Final = 64
_OVERHEAD_OCTETS: Final = 24
"""Preamble, check sequence and gap, which take time on a wire and are in no capture."""

_GROUP: Final = 1
"""Bit of the first octet of a hardware address that is no single host's."""

_ARP_REQUEST: Final = b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01"


@dataclass(frozen=True, slots=True)
class Port:
    """Where a host is plugged in."""

    file: int
    """Each read and write is one frame."""
    mac: bytes
    """6 octets."""
    address: bytes
    """IPv4 address, 4 octets."""
    link: Link


@dataclass(slots=True)
class Counters:
    """What became of the frames."""

    carried: int = 0
    lost: int = 0
    """By chance, as the links' loss says."""
    dropped: int = 0
    """Because a queue was full."""
    unknown: int = 0
    """For a host that is not there."""


class Wire:
    """One direction of a link: says when a frame leaves it.

    Parameters
    ----------
    link : its delay, jitter, loss and rate.
    rng : source of loss and jitter.
    """

    __slots__ = ("_delay_s", "_free_s", "_jitter_s", "_last_s", "_loss", "_random", "_s_per_octet")

    def __init__(self, link: Link, rng: Random) -> None:
        self._delay_s = link.delay_s
        self._jitter_s = link.jitter_s
        self._loss = link.loss
        self._s_per_octet = 8.0 / link.rate_bps if link.rate_bps else 0.0
        self._random = rng.random
        self._free_s = 0.0
        self._last_s = 0.0

    def leave_s(self, now_s: float, octets: int) -> float:
        """Return when a frame that enters now leaves; ``LOST`` or ``FULL`` if it never does.

        Parameters
        ----------
        now_s : the time, never less than in the call before [s].
        octets : length of the frame.
        """
        if self._loss and self._random() < self._loss:
            return LOST
        if self._s_per_octet:
            if self._free_s < now_s:
                self._free_s = now_s
            elif self._free_s - now_s > MAX_WAITING_OCTETS * self._s_per_octet:
                return FULL
            self._free_s += (octets + _OVERHEAD_OCTETS) * self._s_per_octet
            now_s = self._free_s
        leave_s = now_s + self._delay_s
        if self._jitter_s:
            # Exponential: mostly little, seldom much; its mean is its standard deviation.
            leave_s -= math.log(1.0 - self._random()) * self._jitter_s
        if leave_s < self._last_s:
            leave_s = self._last_s
        self._last_s = leave_s
        return leave_s


@dataclass(slots=True)
class _Direction:
    wire: Wire
    under_way: int = 0


@dataclass(slots=True)
class _Plug:
    port: Port
    up: _Direction
    down: _Direction


class Switch:
    """All ports, and the frames under way between them.

    Parameters
    ----------
    ports : where the hosts are plugged in.
    rng : source of loss and jitter.
    """

    def __init__(self, ports: Sequence[Port], rng: Random) -> None:
        self.counters = Counters()
        self._plugs = [
            _Plug(port, _Direction(Wire(port.link, rng)), _Direction(Wire(port.link, rng)))
            for port in ports
        ]
        self._by_file = {plug.port.file: plug for plug in self._plugs}
        self._by_mac = {plug.port.mac: [plug] for plug in self._plugs}
        self._by_address = {plug.port.address: [plug] for plug in self._plugs}
        # When, a number that keeps equal times in order, the frame, its wire; and, while it is on
        # its sender's wire, who gets it.
        self._heap: list[tuple[float, int, bytes, _Plug, list[_Plug] | None]] = []
        self._number = 0

    def run(self, stop: int) -> None:
        """Carry frames until told to stop.

        Parameters
        ----------
        stop : a file; anything to read there is the word.
        """
        epoll = select.epoll()
        for file in self._by_file:
            epoll.register(file, select.EPOLLIN)
        clock, heap = time.monotonic, self._heap
        with epoll:
            while True:
                timeout = max(0.0, heap[0][0] - clock()) if heap else None
                # A poll of epoll itself counts in milliseconds: too coarse for links that short.
                ready, _, _ = select.select([epoll.fileno(), stop], [], [], timeout)
                if stop in ready:
                    return
                if ready:
                    for file, _ in epoll.poll(0):
                        self._read(self._by_file[file])
                self._release(clock())

    def _read(self, plug: _Plug) -> None:
        """Take the frames that a host has sent."""
        for _ in range(_READS_AT_ONCE):
            try:
                frame = os.read(plug.port.file, MAX_FRAME)
            except BlockingIOError:
                return
            if receivers := self._receivers(plug, frame):
                self._enter(plug.up, frame, time.monotonic(), plug, receivers)
            else:
                self.counters.unknown += 1

    def _receivers(self, sender: _Plug, frame: bytes) -> list[_Plug]:
        if not frame[0] & _GROUP:
            return self._by_mac.get(frame[:6], [])
        if frame[12:22] == _ARP_REQUEST:
            # Only to whom it is about: the others' captures would hold little else.
            return self._by_address.get(frame[38:42], [])
        return [plug for plug in self._plugs if plug is not sender]

    def _enter(
        self, way: _Direction, frame: bytes, now_s: float, plug: _Plug, to: list[_Plug] | None
    ) -> None:
        """Put a frame on a wire."""
        leave_s = FULL
        if way.under_way < MAX_UNDER_WAY:
            leave_s = way.wire.leave_s(now_s, len(frame))
        if leave_s < 0:
            if leave_s == LOST:
                self.counters.lost += 1
            else:
                self.counters.dropped += 1
            return
        way.under_way += 1
        self._number += 1
        heappush(self._heap, (leave_s, self._number, frame, plug, to))

    def _release(self, now_s: float) -> None:
        """Hand on what has reached the end of its wire."""
        heap = self._heap
        while heap and heap[0][0] <= now_s:
            at_s, _, frame, plug, receivers = heappop(heap)
            if receivers is None:
                plug.down.under_way -= 1
                self._write(plug.port.file, frame)
                continue
            plug.up.under_way -= 1
            for receiver in receivers:
                self._enter(receiver.down, frame, at_s, receiver, None)

    def _write(self, file: int, frame: bytes) -> None:
        try:
            os.write(file, frame)
            self.counters.carried += 1
        except BlockingIOError:
            self.counters.dropped += 1
        except OSError:  # its host has just switched its network card off
            self.counters.unknown += 1


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a switch is told on its standard input."""

    seed: int
    ports: Mapping[str, int] = field(default_factory=dict)
    """File of each host's network card."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Wiring:
        """Return what ``to_json`` made.

        Examples
        --------
        >>> wiring = Wiring(7, {"a": 3}, {"a": "10.0.0.1"}, {"a": Link(delay_s=0.1)})
        >>> Wiring.from_json(wiring.to_json()) == wiring
        True
        """
        members = json.loads(text)
        members["links"] = {name: Link(**link) for name, link in members["links"].items()}
        return cls(**members)


def main() -> None:
    """Carry frames until SIGTERM or SIGINT, then say how many, as JSON, on standard output."""
    wiring = Wiring.from_json(sys.stdin.readline())
    ports = [
        Port(file, mac_of(address), socket.inet_aton(address), wiring.links[name])
        for name, file in wiring.ports.items()
        for address in (wiring.addresses[name],)
    ]
    switch = Switch(ports, Random(wiring.seed))
    word, alarm = socket.socketpair()
    alarm.setblocking(False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(alarm.fileno())
    switch.run(word.fileno())
    sys.stdout.write(json.dumps(asdict(switch.counters)) + "\n")


if __name__ == "__main__":
    main()
