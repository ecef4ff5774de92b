# SPDX-License-Identifier: Apache-2.0
"""Scripts cut into parts that fit into memory as packets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Final

import numpy as np

from minewatch.lab.simulator.script import Conversations, IntArray, Messages, Script

PART_PACKETS: Final = 250_000
"""Aimed at; a part takes about 2 kB of memory a packet."""
MAX_PACKETS: Final = 4_000_000
"""Of one conversation, which is never cut."""
PART_SECONDS: Final = 1e9
"""Sum of the lengths of a part's conversations: what a timeline of nanoseconds holds."""


def expected_packets(script: Script) -> IntArray:
    """Return about how many packets each conversation becomes, rather too many.

    Parameters
    ----------
    script : what is said.
    """
    c, m = script.conversations, script.messages
    segments = 1 + m.octets // np.maximum(c.mss[m.conversation].astype(np.int64) - 12, 1)
    said = np.bincount(m.conversation, segments + 0.5 * segments + 1, len(c.start_s))
    probes = 2 * (c.end_s - c.start_s) / np.maximum(c.keepalive_s, 1.0)
    return (said + probes).astype(np.int64) + 8


def parts(script: Script, part_packets: int = PART_PACKETS) -> Iterator[Script]:
    """Yield a script in parts, each of whole conversations.

    Parameters
    ----------
    script : what is said.
    part_packets : packets that a part may become, unless it is one conversation.

    Raises
    ------
    ValueError : one conversation alone is too long.
    """
    n = len(script.conversations.start_s)
    packets = expected_packets(script)
    if n and packets.max() > MAX_PACKETS:
        row = int(np.argmax(packets))
        raise ValueError(
            f"conversation {row}: about {packets[row]} packets, at most {MAX_PACKETS}; "
            "make it shorter"
        )
    seconds = script.conversations.end_s - script.conversations.start_s + 60.0
    share = np.maximum(packets / part_packets, seconds / PART_SECONDS)
    total = np.cumsum(share)
    first = np.searchsorted(script.messages.conversation, np.arange(n + 1))
    begin = 0
    while begin < n:
        used = total[begin - 1] if begin else 0.0
        end = max(int(np.searchsorted(total, used + 1.0, side="right")), begin + 1)
        yield _part(script, slice(begin, end), slice(int(first[begin]), int(first[end])))
        begin = end


def _part(script: Script, conversations: slice, messages: slice) -> Script:
    c, m = script.conversations, script.messages
    part = Messages(*(getattr(m, field.name)[messages] for field in fields(m)))
    part.conversation = part.conversation - conversations.start
    return Script(
        Conversations(*(getattr(c, field.name)[conversations] for field in fields(c))),
        part,
        script.blob,
        script.begin_s,
    )
