# SPDX-License-Identifier: Apache-2.0
"""Send the packets of a capture over and over, at a rate: many in one call (sendmmsg).

    python live_send.py CAPTURE INTERFACE PACKETS PER_SECOND

Says JSON: how many were sent, and how long it took. It refuses an interface that is not one end
of a veth pair, so that nothing leaves the machine.
"""

import ctypes
import json
import os
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from wire import refuse_other

BURST = 256
SOL_PACKET, QDISC_BYPASS = 263, 20
MESSAGE_WORDS, PIECES, N_PIECES = 8, 2, 3
"""struct mmsghdr of 64-bit Linux in words of 8 octets, and where its iovec and their number are."""


class Messages:
    """The frames of a capture as sendmmsg wants them."""

    def __init__(self, path: Path) -> None:
        self.octets = np.fromfile(path, np.uint8)
        offsets, lengths = self._frames()
        self.pieces = np.empty((len(offsets), 2), np.int64)
        self.pieces[:, 0] = self.octets.ctypes.data + offsets
        self.pieces[:, 1] = lengths
        self.table = np.zeros((len(offsets), MESSAGE_WORDS), np.int64)
        self.table[:, PIECES] = self.pieces.ctypes.data + np.arange(len(offsets)) * 16
        self.table[:, N_PIECES] = 1
        self.octets_of_frames = int(lengths.sum())

    def _frames(self) -> tuple[Any, Any]:
        """Return where the frames are: the capture is little-endian, as make_capture.py writes."""
        data, at = self.octets.data, 24
        if bytes(data[:4]) != bytes.fromhex("d4c3b2a1"):
            raise SystemExit("not a capture of make_capture.py")
        offsets, lengths = [], []
        while at < len(data):
            (captured,) = struct.unpack_from("<I", data, at + 8)
            offsets.append(at + 16)
            lengths.append(captured)
            at += 16 + captured
        return np.array(offsets, np.int64), np.array(lengths, np.int64)

    def __len__(self) -> int:
        return len(self.table)


def send(interface: str, messages: Messages, packets: int, per_second: float) -> dict[str, float]:
    """Send so many packets in bursts, each when it is due; as fast as it goes if the rate is 0."""
    libc = ctypes.CDLL(None, use_errno=True)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
        sender.setsockopt(SOL_PACKET, QDISC_BYPASS, 1)
        sender.bind((interface, 0))
        number = sender.fileno()
        # At least a thousand bursts a second, so that a burst is no flood by itself.
        most = BURST if not per_second else max(1, min(BURST, int(per_second / 1000)))
        sent, at = 0, 0
        begun_s = time.perf_counter()
        while sent < packets:
            if per_second:
                early_s = begun_s + sent / per_second - time.perf_counter()
                if early_s > 0.0001:
                    time.sleep(early_s)
            count = min(most, packets - sent, len(messages) - at)
            done = libc.sendmmsg(number, ctypes.c_void_p(messages.table[at:].ctypes.data), count, 0)
            if done < 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            sent += done
            at = (at + done) % len(messages)
        return {"sent": sent, "seconds": time.perf_counter() - begun_s}


def main() -> None:
    capture, interface, packets, per_second = sys.argv[1:]
    refuse_other(interface)
    messages = Messages(Path(capture))
    print(json.dumps(send(interface, messages, int(packets), float(per_second))))


if __name__ == "__main__":
    main()
