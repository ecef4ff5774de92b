# SPDX-License-Identifier: Apache-2.0
"""Relay what tcpdump captures, with time stamps of a clock that is set while it runs.

    python soak_clock.py INTERFACE ORIGIN LOG [AT:STEP ...]

AT is in seconds after ORIGIN (of the monotonic clock), STEP in seconds. tcpdump is started again
if it ends because its interface went down. Ends on SIGTERM; what tcpdump says goes to LOG.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

HEADER_OCTETS, RECORD_OCTETS = 24, 16
READ_OCTETS = 1 << 18
AGAIN_S = 0.5
RING_KIB = 65_536


class Relay:
    """Shifts time stamps."""

    def __init__(self, interface: str, origin_s: float, steps: list[tuple[float, float]]) -> None:
        self._command = ["tcpdump", "-i", interface, "-n", "-U", "-B", str(RING_KIB), "-w", "-"]
        self._origin_s = origin_s
        self._steps = steps
        self._process: subprocess.Popen[bytes] | None = None
        self._has_header = False
        self._over = threading.Event()

    def stop(self) -> None:
        """Let tcpdump end; what it has is passed on."""
        self._over.set()
        if self._process is not None:
            self._process.terminate()

    def run(self, out: BinaryIO, log: BinaryIO) -> None:
        while not self._over.is_set():
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )
            if self._over.is_set():
                self._process.terminate()
            assert self._process.stdout is not None
            self._pass_on(self._process.stdout.fileno(), out)
            self._process.wait()
            if not self._over.is_set():
                time.sleep(AGAIN_S)

    def _pass_on(self, source: int, out: BinaryIO) -> None:
        rest = bytearray()
        has_header = False
        while octets := os.read(source, READ_OCTETS):
            rest += octets
            if not has_header:
                if len(rest) < HEADER_OCTETS:
                    continue
                if not self._has_header:
                    out.write(rest[:HEADER_OCTETS])
                del rest[:HEADER_OCTETS]
                has_header = self._has_header = True
            end = self._shift(rest)
            out.write(rest[:end])
            out.flush()
            del rest[:end]

    def _shift(self, records: bytearray) -> int:
        """Set the time stamps of whole records; return where they end."""
        now_s = time.monotonic() - self._origin_s
        shift_s = int(sum(step_s for at_s, step_s in self._steps if at_s <= now_s))
        at = 0
        while at + RECORD_OCTETS <= len(records):
            seconds, captured = struct.unpack_from("<I4xI", records, at)
            if at + RECORD_OCTETS + captured > len(records):
                break
            struct.pack_into("<I", records, at, seconds + shift_s)
            at += RECORD_OCTETS + captured
        return at


def main() -> None:
    interface, origin_s, log_path, *steps = sys.argv[1:]
    pairs = [(float(at), float(step)) for at, _, step in (one.partition(":") for one in steps)]
    relay = Relay(interface, float(origin_s), pairs)
    signal.signal(signal.SIGTERM, lambda *_: relay.stop())
    # Whoever reads may be gone first.
    with Path(log_path).open("ab") as log, contextlib.suppress(BrokenPipeError):
        relay.run(sys.stdout.buffer, log)


if __name__ == "__main__":
    main()
