# SPDX-License-Identifier: Apache-2.0
"""Stratum V2, header-only mining over one standard channel, by the sizes of its specification.

What the frames hide is complete enough that both ends understand each other; ``sv2_frames`` says
why an observer learns no more than from the real protocol. Only sizes and times are faithful.

Options of a miner: ``host``, ``vendor``, ``hardware`` and ``firmware`` in its first message.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random

from minewatch.lab.dialects.contract import MinerSettings, PoolSettings, Work
from minewatch.lab.dialects.miner_session import CountingMiner
from minewatch.lab.dialects.pool_session import SteeredPool, Verdict
from minewatch.lab.dialects.sv2_frames import (
    ACT_ONE_OCTETS,
    ACT_TWO_OCTETS,
    FrameReader,
    Seal,
    frame,
)
from minewatch.lab.dialects.target import to_difficulty, to_target

SETUP, SETUP_SUCCESS = 0x00, 0x01
OPEN, OPEN_SUCCESS = 0x10, 0x11
NEW_JOB, SUBMIT, SUBMIT_SUCCESS, SUBMIT_ERROR = 0x15, 0x1A, 0x1C, 0x1D
NEW_PREVIOUS_HASH, SET_TARGET = 0x20, 0x21

VERSION = 2
CHANNEL = 1
PORT = 34254

_ERRORS = {Verdict.STALE: "stale-share", Verdict.LOW: "difficulty-too-low"}


def short_text(value: str) -> bytes:
    """Return a text behind its length in one octet."""
    octets = value.encode()
    if len(octets) > 255:
        raise ValueError(f"a text has at most 255 octets, not {len(octets)}")
    return bytes([len(octets)]) + octets


def _frames(reader: FrameReader) -> Iterator[tuple[int, bytes]]:
    while (found := reader.next_frame()) is not None:
        yield found


def _target(difficulty: float) -> bytes:
    return to_target(difficulty).to_bytes(32, "little")


class Sv2Pool(SteeredPool):
    """The pool's end."""

    def __init__(self, settings: PoolSettings, rng: Random) -> None:
        super().__init__(settings, rng)
        self._reader = FrameReader(ACT_ONE_OCTETS)
        self._seal: Seal | None = None
        self._last_job = 0

    def receive(self, octets: bytes, work: Work, now_s: float) -> list[bytes]:
        """Take octets in pieces of any size; return frames."""
        self._reader.feed(octets)
        answers = []
        if (act := self._reader.act()) is not None:
            self._reader.unlock(Seal(act, "miner"))
            self._seal = Seal(act, "pool")
            answers.append(self.rng.randbytes(ACT_TWO_OCTETS))
        for kind, payload in _frames(self._reader):
            try:
                answers += self._answer(kind, payload, work, now_s)
            except (struct.error, IndexError) as error:
                raise ValueError(f"not a miner's frame: kind {kind}") from error
        return answers

    def _frame(self, kind: int, payload: bytes) -> bytes:
        if self._seal is None:
            raise ValueError("no first act")
        return frame(self._seal, kind, payload, is_channel=kind >= NEW_JOB)

    def _answer(self, kind: int, payload: bytes, work: Work, now_s: float) -> list[bytes]:
        if kind == SETUP:
            return [self._frame(SETUP_SUCCESS, struct.pack("<HI", VERSION, 0))]
        if kind == OPEN:
            number = struct.unpack_from("<I", payload)[0]
            self.is_logged_in = True
            self.retarget.is_changed(now_s)  # starts its clock
            success = struct.pack("<II", number, CHANNEL) + _target(self.retarget.difficulty)
            success += short_text("prefix01") + struct.pack("<I", 0)
            return [self._frame(OPEN_SUCCESS, success), *self._on_new_block(work)]
        if kind == SUBMIT and self.is_logged_in:
            return [self._judged(payload), *self.steer(work, now_s)]
        raise ValueError(f"no frame of a miner: kind {kind}")

    def _judged(self, payload: bytes) -> bytes:
        channel, sequence, job = struct.unpack("<IIIIII", payload)[:3]
        verdict = self.judge(str(job))
        if verdict is Verdict.ACCEPTED:
            counts = struct.pack("<IIIQ", channel, sequence, 1, round(self.retarget.difficulty))
            return self._frame(SUBMIT_SUCCESS, counts)
        text = short_text(_ERRORS[verdict])
        return self._frame(SUBMIT_ERROR, struct.pack("<II", channel, sequence) + text)

    def push(self, work: Work, now_s: float) -> list[bytes]:
        """Return what new work makes the pool send; a new block makes all older jobs stale."""
        if not work.is_new_block or not self.is_logged_in:
            return super().push(work, now_s)
        self.forget()
        changed = [self._set_target()] if self.retarget.is_changed(now_s) else []
        return [*changed, *self._on_new_block(work)]

    def announce(self, work: Work, *, is_changed: bool) -> list[bytes]:
        """Return a job for the block that is sought already, behind a new target if it changed."""
        # Frames are sealed in the order in which they leave.
        changed = [self._set_target()] if is_changed else []
        return [*changed, self._job(struct.pack("<BI", 1, work.time_s))]

    def _set_target(self) -> bytes:
        target = struct.pack("<I", CHANNEL) + _target(self.retarget.difficulty)
        return self._frame(SET_TARGET, target)

    def _on_new_block(self, work: Work) -> list[bytes]:
        job = self._job(b"\x00")
        previous = struct.pack("<II", CHANNEL, self._last_job) + work.previous_hash
        previous += struct.pack("<II", work.time_s, 0x1702C4E4)
        return [job, self._frame(NEW_PREVIOUS_HASH, previous)]

    def _job(self, least_time: bytes) -> bytes:
        self._last_job += 1
        self.remember(str(self._last_job))
        ids = struct.pack("<II", CHANNEL, self._last_job)
        version = struct.pack("<I", 0x20000000)
        return self._frame(NEW_JOB, ids + least_time + version + self.rng.randbytes(32))


class Sv2Miner(CountingMiner):
    """The miner's end."""

    def __init__(self, settings: MinerSettings, rng: Random) -> None:
        super().__init__(settings, rng)
        self._reader = FrameReader(ACT_TWO_OCTETS)
        self._seal: Seal | None = None
        self._act = b""
        self._channel = 0
        self._job = 0
        self._sequence = 0
        self._time_s = 0
        self._set_difficulty: float | None = None

    def open(self, now_s: float) -> list[bytes]:
        """Return the first act."""
        self._act = self.rng.randbytes(ACT_ONE_OCTETS)
        self._seal = Seal(self._act, "miner")
        return [self._act]

    def receive(self, octets: bytes, now_s: float) -> list[bytes]:
        """Take octets in pieces of any size; return frames."""
        self._reader.feed(octets)
        sent = []
        if self._reader.act() is not None:
            self._reader.unlock(Seal(self._act, "pool"))
            sent.append(self._frame(SETUP, self._setup()))
        for kind, payload in _frames(self._reader):
            try:
                sent += self._take(kind, payload)
            except (struct.error, IndexError) as error:
                raise ValueError(f"not a pool's frame: kind {kind}") from error
        return sent

    def _frame(self, kind: int, payload: bytes) -> bytes:
        if self._seal is None:
            raise ValueError("not opened")
        return frame(self._seal, kind, payload, is_channel=kind == SUBMIT)

    def _setup(self) -> bytes:
        host = short_text(self.option("host", "pool.example"))
        texts = [self.option("vendor", "Bitmain"), self.option("hardware", "901")]
        texts += [self.option("firmware", "abcX"), self.settings.rig]
        head = struct.pack("<BHHI", 0, VERSION, VERSION, 1)
        return head + host + struct.pack("<H", PORT) + b"".join(map(short_text, texts))

    def _take(self, kind: int, payload: bytes) -> list[bytes]:
        if kind == SETUP_SUCCESS:
            user = short_text(f"{self.settings.login}.{self.settings.rig}"[:255])
            rate = struct.pack("<f", min(self.settings.hash_rate, 3e38))
            return [self._frame(OPEN, struct.pack("<I", 1) + user + rate + b"\xff" * 32)]
        if kind == OPEN_SUCCESS:
            self._channel = struct.unpack_from("<II", payload)[1]
            self._set_difficulty = _difficulty(payload[8:40])
        elif kind == SET_TARGET:
            self._set_difficulty = _difficulty(payload[4:36])
        elif kind == NEW_JOB:
            job, has_time = struct.unpack_from("<IB", payload, 4)
            if has_time:
                self._start(job, struct.unpack_from("<I", payload, 9)[0])
        elif kind == NEW_PREVIOUS_HASH:
            self._start(*struct.unpack_from("<I32xI", payload, 4))
        elif kind in (SUBMIT_SUCCESS, SUBMIT_ERROR):
            self.count(is_accepted=kind == SUBMIT_SUCCESS)
        else:
            raise ValueError(f"no frame of a pool: kind {kind}")
        return []

    def _start(self, job: int, time_s: int) -> None:
        self._job, self._time_s = job, time_s
        self.difficulty = self._set_difficulty
        self.jobs += 1

    def share(self, now_s: float) -> list[bytes]:
        """Return a share."""
        if not self._job or not self._channel:
            return []
        self._sequence += 1
        nonce, version = self.rng.getrandbits(32), 0x20000000 | self.rng.getrandbits(16) << 13
        fields = (self._channel, self._sequence, self._job, nonce, self._time_s, version)
        return [self._frame(SUBMIT, struct.pack("<IIIIII", *fields))]


def _difficulty(target: bytes) -> float:
    return to_difficulty(int.from_bytes(target, "little"))


class Sv2:
    """Stratum's second version."""

    name = "stratum-v2"
    decoded_as = "stratum-v2"
    carrier = "lines"

    def pool(self, settings: PoolSettings, rng: Random) -> Sv2Pool:
        """Return the pool's end of a new connection."""
        return Sv2Pool(settings, rng)

    def miner(self, settings: MinerSettings, rng: Random) -> Sv2Miner:
        """Return the miner's end of a new connection."""
        return Sv2Miner(settings, rng)


DIALECTS = (Sv2(),)
