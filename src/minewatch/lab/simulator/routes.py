# SPDX-License-Identifier: Apache-2.0
"""A script's conversations as the engine reckons with them: in nanoseconds, and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.lab.simulator.draws import KeyArray, Purpose, conversation_keys, uniform
from minewatch.lab.simulator.groups import first_rows
from minewatch.lab.simulator.script import (
    FILL_TEXT,
    UNANSWERED,
    BoolArray,
    ByteArray,
    Conversations,
    FloatArray,
    IntArray,
    Script,
)

NS: Final = 1_000_000_000
GAP_NS: Final = 12_000
"""Between two frames of one burst: 1,500 octets at 1 Gbit/s."""
LINUX_ACK_DELAY_S: Final = 0.04
NEVER_NS: Final = 1 << 60
MIN_SEGMENT_OCTETS: Final = 64
MAX_MESSAGE_OCTETS: Final = 1 << 32
_MIN_REACTION_NS: Final = 3_000
_MAX_REACTION_NS: Final = 9_000
_TIMESTAMPS_OCTETS: Final = 12
_MAX_S: Final = 400 * 86_400.0


@dataclass(slots=True)
class Routes:
    """One row a conversation; times relative to its first packet, at the point of capture."""

    key: KeyArray
    is_initiator_home: BoolArray
    start_ns: IntArray
    """Since 1970."""
    end_ns: IntArray
    rtt_ns: IntArray
    jitter_ns: FloatArray
    loss: FloatArray
    segment_octets: IntArray
    """Payload of a full segment."""
    has_timestamps: BoolArray
    ack_delay_ns: IntArray
    """Of the initiator; the responder's is that of Linux."""
    is_linux: BoolArray
    """The initiator delays acknowledgements as Linux does: not at all after a silence."""
    keepalive_ns: IntArray
    """``NEVER_NS`` for never."""
    reaction_ns: IntArray
    """What a host takes to answer by itself, less than ``GAP_NS``."""
    close: ByteArray

    def __len__(self) -> int:
        return len(self.key)

    def delay_ns(self, conversation: IntArray, is_reply: BoolArray) -> IntArray:
        """Return how long each receiver may wait with its acknowledgement.

        Parameters
        ----------
        conversation, is_reply : of what arrives, not of the receiver.
        """
        linux = np.maximum(int(LINUX_ACK_DELAY_S * NS), self.reaction_ns[conversation])
        return np.where(is_reply, self.ack_delay_ns[conversation], linux)


def routes(script: Script, seed: int) -> Routes:
    """Return the routes of a script's conversations.

    Parameters
    ----------
    script : what is said; it is checked.
    seed : of the whole run.

    Raises
    ------
    ValueError : a value is outside its domain; the text names column and row.
    """
    check(script)
    conversations = script.conversations
    key = conversation_keys(conversations, seed)
    spread = _MAX_REACTION_NS - _MIN_REACTION_NS
    reaction = _MIN_REACTION_NS + np.floor(uniform(key, Purpose.REACTION) * spread)
    timestamps = conversations.has_timestamps.astype(np.int64) * _TIMESTAMPS_OCTETS
    seconds, fraction = np.divmod(conversations.start_s, 1.0)
    return Routes(
        key=key,
        is_initiator_home=conversations.is_initiator_home,
        start_ns=seconds.astype(np.int64) * NS + _ns(fraction),
        end_ns=_ns(conversations.end_s - conversations.start_s),
        rtt_ns=_ns(conversations.rtt_s),
        jitter_ns=conversations.jitter_s * NS,
        loss=conversations.loss,
        segment_octets=conversations.mss.astype(np.int64) - timestamps,
        has_timestamps=conversations.has_timestamps,
        ack_delay_ns=np.maximum(_ns(conversations.ack_delay_s), reaction.astype(np.int64)),
        is_linux=np.isclose(conversations.ack_delay_s, LINUX_ACK_DELAY_S),
        keepalive_ns=_ns(np.minimum(conversations.keepalive_s, NEVER_NS / NS)),
        reaction_ns=reaction.astype(np.int64),
        close=conversations.close,
    )


def _ns(seconds: FloatArray) -> IntArray:
    return np.rint(seconds * NS).astype(np.int64)


def check(script: Script) -> None:
    """Refuse a script with a value outside its domain.

    Parameters
    ----------
    script : what is said.

    Raises
    ------
    ValueError : so it is; the text names column and row.
    """
    _check_conversations(script.conversations)
    _check_messages(script)


def _check_conversations(c: Conversations) -> None:
    _demand("start_s", np.isfinite(c.start_s) & (c.start_s >= 0) & (c.start_s < 2.0**32 - _MAX_S))
    _demand("end_s", (c.end_s >= c.start_s) & (c.end_s - c.start_s < _MAX_S))
    _demand("rtt_s", (c.rtt_s >= 0) & (c.rtt_s < 60))
    _demand("jitter_s", (c.jitter_s >= 0) & (c.jitter_s < 60))
    _demand("loss", (c.loss >= 0) & (c.loss <= 0.5))
    _demand("mss", c.mss >= MIN_SEGMENT_OCTETS + _TIMESTAMPS_OCTETS)
    _demand("ack_delay_s", (c.ack_delay_s >= 0) & (c.ack_delay_s <= 0.5))
    _demand("keepalive_s", c.keepalive_s >= 1)
    _demand("close", c.close <= UNANSWERED)


def _check_messages(script: Script) -> None:
    m, n = script.messages, len(script.conversations.start_s)
    _demand("conversation", (m.conversation >= 0) & (m.conversation < n), "message")
    _demand("time_s", (m.time_s >= 0) & (m.time_s < _MAX_S), "message")
    _demand("octets", (m.octets >= 0) & (m.octets < MAX_MESSAGE_OCTETS), "message")
    _demand("content_octets", (m.content_octets >= 0) & (m.content_octets <= m.octets), "message")
    last = m.content_start + m.content_octets
    _demand("content_start", (m.content_start >= 0) & (last <= len(script.blob)), "message")
    _demand("late_s", (m.late_s >= 0) & (m.late_s < 60), "message")
    _demand("fill", m.fill <= FILL_TEXT, "message")
    if not len(m.conversation):
        return
    step = np.diff(m.time_s)
    step[first_rows(m.conversation)[1:] - 1] = 0.0
    if (np.diff(m.conversation) < 0).any() or (step < 0).any():
        raise ValueError("messages must be sorted by conversation and time")


def _demand(name: str, is_good: BoolArray, what: str = "conversation") -> None:
    if not is_good.all():
        row = int(np.argmin(is_good))
        raise ValueError(f"{what} {row}: {name} is outside its domain")
