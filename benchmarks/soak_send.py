# SPDX-License-Identifier: Apache-2.0
"""Send a soak's packets in real time: ordinary traffic over and over, and the miners' in between.

    python soak_send.py BACKGROUND MINERS INTERFACE PER_SECOND SECONDS ORIGIN LOG

BACKGROUND is a capture of make_capture.py; each time round its clients have other addresses, so
that every conversation is new. MINERS is a capture whose times count from the start. ORIGIN is when
the start is, by the monotonic clock. Once a second a line of LOG says what was sent until then.
As with live_send.py, nothing is sent on anything but a veth pair.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from live_send import BURST, QDISC_BYPASS, SOL_PACKET, Messages
from wire import refuse_other

PAUSE_S = 0.004
STRATUM_PORT = 3333
ROUNDS = 180
REFUSALS = (errno.ENOBUFS, errno.ENETDOWN, errno.ENXIO, errno.EAGAIN)
"""What a wire says whose other end is down."""


def frame_times_s(messages: Messages) -> Any:
    """Return the times of all frames [s]."""
    heads = messages.pieces[:, 0] - messages.octets.ctypes.data - 16
    words = messages.octets[heads[:, np.newaxis] + np.arange(8)].copy().view("<u4")
    return words[:, 0] + words[:, 1] / 1e6


class Background:
    """Ordinary traffic at a steady rate, with other clients each time round."""

    def __init__(self, path: Path, per_second: float) -> None:
        self.messages = Messages(path)
        starts = self.messages.pieces[:, 0] - self.messages.octets.ctypes.data
        kept = ~self._is_stratum(starts)
        self.table = self.messages.table[kept]
        times_s = frame_times_s(self.messages)[kept]
        count = len(self.table)
        self.due_s = (times_s - times_s[0]) * (count / per_second / (times_s[-1] - times_s[0]))
        self.round_s = count / per_second
        self._clients, self._first = self._client_octets(starts[kept])
        self.begin_round(0)

    def _network_at(self, starts: Any) -> Any:
        is_tagged = self._octet(starts, 12) == 0x81
        return starts + 14 + 4 * is_tagged

    def _octet(self, starts: Any, at: int) -> Any:
        return self.messages.octets[starts + at]

    def _is_stratum(self, starts: Any) -> Any:
        """The capture's own miners: those of a soak are known by time and address."""
        at = self._network_at(starts)
        is_v4 = self._octet(at, 0) >> 4 == 4
        ports = self.messages.octets[at[:, np.newaxis] + np.arange(20, 24)].copy().view(">u2")
        return is_v4 & (ports == STRATUM_PORT).any(axis=1)

    def _client_octets(self, starts: Any) -> tuple[Any, Any]:
        """Return where an octet of each frame's client address is that can be changed."""
        at = self._network_at(starts)
        is_v4 = self._octet(at, 0) >> 4 == 4
        source = np.where(is_v4, at + 12, at + 8)
        destination = np.where(is_v4, at + 16, at + 24)
        # Clients are 10.1.0.0/16 and 2001:db8:1::/48.
        from_client = np.where(is_v4, self._octet(source, 0) == 10, self._octet(source, 5) == 1)
        place = np.where(from_client, source, destination) + np.where(is_v4, 1, 7)
        return place, self.messages.octets[place].copy()

    def begin_round(self, number: int) -> None:
        self.messages.octets[self._clients] = self._first + number % ROUNDS


class Sender:
    """Sends what is due."""

    def __init__(self, interface: str) -> None:
        self.sent = self.refused = 0
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(SOL_PACKET, QDISC_BYPASS, 1)
        self._socket.bind((interface, 0))

    def send(self, table: Any, start: int, stop: int) -> None:
        """Send some of the messages; what the wire refuses is lost, as on any wire."""
        number = self._socket.fileno()
        while start < stop:
            place = ctypes.c_void_p(table[start:].ctypes.data)
            done = self._libc.sendmmsg(number, place, min(BURST, stop - start), 0)
            if done > 0:
                self.sent += done
                start += done
                continue
            if ctypes.get_errno() not in REFUSALS:
                raise OSError(ctypes.get_errno(), "sending")
            self.refused += 1
            start += 1


def run(
    background: Background,
    miners: Messages,
    sender: Sender,
    origin_s: float,
    seconds: float,
    log: TextIO,
) -> None:
    due_s = frame_times_s(miners)
    at = mined = rounds = 0
    next_line_s = 0.0
    while True:
        now_s = time.monotonic() - origin_s
        if now_s >= seconds:
            break
        in_round_s = now_s - rounds * background.round_s
        stop = int(np.searchsorted(background.due_s, in_round_s, "right"))
        sender.send(background.table, at, stop)
        at = stop
        if at == len(background.due_s):
            rounds, at = rounds + 1, 0
            background.begin_round(rounds)
        stop = int(np.searchsorted(due_s, now_s, "right"))
        sender.send(miners.table, mined, stop)
        mined = stop
        if now_s >= next_line_s:
            next_line_s += 1.0
            print(f"{now_s:.2f} {sender.sent} {sender.refused} {mined}", file=log, flush=True)
        time.sleep(PAUSE_S)
    print(f"{seconds:.2f} {sender.sent} {sender.refused} {mined}", file=log, flush=True)


def main() -> None:
    capture, mining, interface, per_second, seconds, origin_s, log_path = sys.argv[1:]
    refuse_other(interface)
    background = Background(Path(capture), float(per_second))
    miners = Messages(Path(mining))
    sender = Sender(interface)
    time.sleep(max(0.0, float(origin_s) - time.monotonic()))
    with Path(log_path).open("w") as log:
        run(background, miners, sender, float(origin_s), float(seconds), log)


if __name__ == "__main__":
    main()
