# SPDX-License-Identifier: Apache-2.0
"""Frames of Stratum V2: a header and a payload, each hidden and followed by 16 octets.

The key exchange of the real protocol (Noise NX over secp256k1) is **not** computed. Both ends
derive the octets that hide their messages from the first act, which went over the wire: whoever
read it could read all. An observer who does not know this sees what he would see of the real thing,
random octets of the same lengths. Nothing here protects anything.
"""

from __future__ import annotations

from hashlib import blake2b

from minewatch.lab.dialects.contract import MAX_BUFFER_OCTETS

ACT_ONE_OCTETS = 64
ACT_TWO_OCTETS = 234
MAC_OCTETS = 16
HEADER_OCTETS = 6
SEALED_HEADER_OCTETS = HEADER_OCTETS + MAC_OCTETS


class Seal:
    """Hides, or shows, the messages of one direction, in order.

    Parameters
    ----------
    act_one : the first octets of the conversation.
    direction : ``miner`` or ``pool``, who sends.

    Examples
    --------
    >>> there, back = Seal(bytes(64), "miner"), Seal(bytes(64), "miner")
    >>> hidden = there.hide(b"share")
    >>> len(hidden), back.show(hidden)
    (21, b'share')
    """

    def __init__(self, act_one: bytes, direction: str) -> None:
        self._key = blake2b(act_one, person=direction.encode()).digest()
        self._count = 0

    def hide(self, octets: bytes) -> bytes:
        """Return as many octets that look random, and 16 more."""
        self._count += 1
        hidden = self._mixed(octets)
        return hidden + self._check(hidden)

    def show(self, hidden: bytes) -> bytes:
        """Return what ``hide`` was given.

        Raises
        ------
        ValueError : it is not what the other end hid next.
        """
        self._count += 1
        body, check = hidden[:-MAC_OCTETS], hidden[-MAC_OCTETS:]
        if self._check(body) != check:
            raise ValueError("a frame is not sealed by the other end")
        return self._mixed(body)

    def _mixed(self, octets: bytes) -> bytes:
        stream = bytearray()
        while len(stream) < len(octets):
            place = self._count.to_bytes(8, "big") + len(stream).to_bytes(8, "big")
            stream += blake2b(place, key=self._key).digest()
        number = int.from_bytes(octets, "big") ^ int.from_bytes(stream[: len(octets)], "big")
        return number.to_bytes(len(octets), "big")

    def _check(self, hidden: bytes) -> bytes:
        place = self._count.to_bytes(8, "big")
        return blake2b(place + hidden, key=self._key, digest_size=MAC_OCTETS).digest()


def frame(seal: Seal, kind: int, payload: bytes, *, is_channel: bool = False) -> bytes:
    """Return one frame; `is_channel` marks messages that belong to one channel."""
    extension = 0x8000 if is_channel else 0
    header = extension.to_bytes(2, "little") + bytes([kind]) + len(payload).to_bytes(3, "little")
    return seal.hide(header) + seal.hide(payload)


class FrameReader:
    """Splits a stream into an act of fixed length and, behind it, frames.

    Parameters
    ----------
    act_octets : length of the act with which the other end begins.
    """

    def __init__(self, act_octets: int) -> None:
        self._rest = bytearray()
        self._act_octets = act_octets
        self._seal: Seal | None = None
        self._header: tuple[int, int] | None = None

    def feed(self, octets: bytes) -> None:
        """Take octets in pieces of any size; ``act`` and ``frames`` give what they complete."""
        self._rest += octets

    def act(self) -> bytes | None:
        """Return the act, once and when it is whole."""
        if not self._act_octets or len(self._rest) < self._act_octets:
            return None
        act = bytes(self._rest[: self._act_octets])
        del self._rest[: self._act_octets]
        self._act_octets = 0
        return act

    def unlock(self, seal: Seal) -> None:
        """Read what follows with `seal`."""
        self._seal = seal

    def next_frame(self) -> tuple[int, bytes] | None:
        """Return kind and payload of the next whole frame.

        Raises
        ------
        ValueError : it is not sealed as the other end does, or too long.
        """
        if self._seal is None:
            return None
        if self._header is None:
            if len(self._rest) < SEALED_HEADER_OCTETS:
                return None
            header = self._seal.show(self._taken(SEALED_HEADER_OCTETS))
            self._header = (header[2], int.from_bytes(header[3:6], "little"))
        kind, octets = self._header
        if octets > MAX_BUFFER_OCTETS:
            raise ValueError(f"a frame is longer than {MAX_BUFFER_OCTETS} octets")
        if len(self._rest) < octets + MAC_OCTETS:
            return None
        self._header = None
        return kind, self._seal.show(self._taken(octets + MAC_OCTETS))

    def _taken(self, octets: int) -> bytes:
        taken = bytes(self._rest[:octets])
        del self._rest[:octets]
        return taken
