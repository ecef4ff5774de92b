# SPDX-License-Identifier: Apache-2.0
"""Who speaks unasked, who answers, and how fast: the roles of messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.features.series import Series, messages_of
from minewatch.types import BoolArray, Conversations, FloatArray

ANSWER_S: Final = 1.0
"""A message that follows one of the other side within this is its answer; a pool answers a share
within its round trip and some milliseconds, and pushes jobs whenever it likes."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Messages with their roles; every message has one of the four.

    Shapes are (total,).
    """

    messages: Series
    gap_s: FloatArray
    """Seconds since the message before; NaN for the first and across an unseen gap."""
    is_asked: BoolArray
    """The client spoke unasked."""
    is_answer: BoolArray
    """The server answered the client."""
    is_push: BoolArray
    """The server spoke unasked."""
    is_reply: BoolArray
    """The client answered the server."""
    is_answered: BoolArray
    """The other side answered this message."""


def exchange_of(conversations: Conversations) -> Exchange:
    """Return the messages of conversations with their roles.

    Parameters
    ----------
    conversations : n of them.
    """
    known = conversations.memory.get("exchange")
    if isinstance(known, Exchange):
        return known
    messages = messages_of(conversations)
    gaps = messages.gap_s()
    sent = messages.is_sent
    other = messages.ragged(sent.astype(np.float64)).previous() == ~sent
    follows = other & (gaps <= ANSWER_S)
    answered = np.zeros(len(follows), np.bool_)
    answered[:-1] = follows[1:]
    found = Exchange(
        messages, gaps, sent & ~follows, ~sent & follows, ~sent & ~follows, sent & follows, answered
    )
    conversations.memory["exchange"] = found
    return found
