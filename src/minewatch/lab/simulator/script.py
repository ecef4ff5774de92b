# SPDX-License-Identifier: Apache-2.0
"""What conversations say and when, before there are packets: the simulator's intermediate form.

A script holds many conversations as columns and their messages as columns, and says nothing of
segments, acknowledgements or sequence numbers: ``minewatch.lab.simulator.tcp`` makes those.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

IntArray: TypeAlias = npt.NDArray[np.int64]
FloatArray: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
ByteArray: TypeAlias = npt.NDArray[np.uint8]

TCP: Final = 6
UDP: Final = 17

CLOSE_NONE: Final = 0
"""Left open, or forgotten: nothing is sent."""
CLOSE_INITIATOR: Final = 1
"""FIN by the initiator, answered by a FIN."""
CLOSE_RESPONDER: Final = 2
RESET_INITIATOR: Final = 3
RESET_RESPONDER: Final = 4
REFUSED: Final = 5
"""The SYN is answered by RST: no messages."""
UNANSWERED: Final = 6
"""The SYN is answered by nothing and sent again after 1, 3 and 7 s: no messages."""

FILL_RANDOM: Final = 0
"""Octets behind a message's content are as random as ciphertext."""
FILL_TEXT: Final = 1
"""They are printable."""


@dataclass(slots=True)
class Conversations:
    """One row a conversation, shape (n,) each."""

    protocol: ByteArray
    initiator_address: npt.NDArray[np.uint32]
    """IPv4, host order."""
    initiator_port: npt.NDArray[np.uint16]
    responder_address: npt.NDArray[np.uint32]
    responder_port: npt.NDArray[np.uint16]
    start_s: FloatArray
    """First packet, seconds since 1970, at the point of capture."""
    end_s: FloatArray
    """When it is closed, not before the last message; the close falls on the next moment."""
    is_initiator_home: BoolArray
    """True if packets are captured at the initiator; else at the responder."""
    rtt_s: FloatArray
    """Round trip between the point of capture and the far end [s]."""
    jitter_s: FloatArray
    """Standard deviation of what a packet's round trip adds to that [s]."""
    loss: FloatArray
    """Share of packets lost on the path, each way."""
    mss: npt.NDArray[np.uint16]
    has_timestamps: BoolArray
    """The TCP timestamps option (12 octets a segment; they come off the MSS)."""
    ack_delay_s: FloatArray
    """Delayed acknowledgement of the initiator: 0.04 on Linux, up to 0.2 elsewhere [s]. The
    responder is Linux. Linux also acknowledges at once (``minewatch.lab.simulator.quickack``)."""
    keepalive_s: FloatArray
    """Idle time after which the initiator probes [s]; infinity for never."""
    close: ByteArray
    """One of the constants above; UDP ignores it."""


@dataclass(slots=True)
class Messages:
    """One row a message, sorted by conversation and, within, by time; shape (m,) each."""

    conversation: IntArray
    """Row of ``Conversations``."""
    time_s: FloatArray
    """After the conversation's ``start_s``, when its first octet passes the point of capture were
    nothing lost [s]. TCP begins after the handshake: not before one ``rtt_s``."""
    is_reply: BoolArray
    """True if the responder sends it."""
    octets: IntArray
    """Length of the application's message; for UDP one datagram's payload."""
    content_start: IntArray
    """Where its first octets lie in ``Script.blob``."""
    content_octets: IntArray
    """How many of them, 0 to ``octets``; the rest is filler."""
    fill: ByteArray
    """``FILL_RANDOM`` or ``FILL_TEXT``."""
    late_s: FloatArray = field(default_factory=lambda: np.empty(0))
    """By how much its round trip exceeds ``rtt_s``, of messages from home; where it is 0, the
    path's jitter is drawn [s]."""

    def __post_init__(self) -> None:
        if len(self.late_s) != len(self.octets):
            self.late_s = np.zeros(len(self.octets))


@dataclass(slots=True)
class Script:
    """Conversations and what they say."""

    conversations: Conversations
    messages: Messages
    blob: ByteArray
    """Contents of all messages; templates are shared."""
    begin_s: float = 0.0
    """The capture's: earlier packets are not in it; seconds since 1970."""
