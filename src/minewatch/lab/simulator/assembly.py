# SPDX-License-Identifier: Apache-2.0
"""Puts parts of several kinds together into one script, ordered by start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minewatch.lab.simulator.paths import Paths
from minewatch.lab.simulator.script import Conversations, IntArray, Messages, Script
from minewatch.lab.simulator.talk import Part
from minewatch.lab.simulator.world import Ends


@dataclass(frozen=True, slots=True)
class Piece:
    """Conversations of one kind, complete."""

    protocol: int
    ends: Ends
    paths: Paths
    part: Part


def assemble(pieces: Sequence[Piece], begin_s: float = 0.0) -> tuple[Script, IntArray]:
    """Return the script, and which of the joined conversations became each of its rows.

    Parameters
    ----------
    pieces : at least one.
    begin_s : of the capture, seconds since 1970.
    """
    sizes = [len(piece.paths) for piece in pieces]
    start = np.concatenate([piece.paths.start_s for piece in pieces])
    order = np.argsort(start, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    conversations = Conversations(
        protocol=np.repeat(np.array([p.protocol for p in pieces], np.uint8), sizes)[order],
        initiator_address=_ends(pieces, "initiator_address")[order],
        initiator_port=_ends(pieces, "initiator_port")[order],
        responder_address=_ends(pieces, "responder_address")[order],
        responder_port=_ends(pieces, "responder_port")[order],
        start_s=start[order],
        end_s=np.concatenate([piece.part.end_s for piece in pieces])[order],
        is_initiator_home=_paths(pieces, "is_initiator_home")[order],
        rtt_s=_paths(pieces, "rtt_s")[order],
        jitter_s=_paths(pieces, "jitter_s")[order],
        loss=_paths(pieces, "loss")[order],
        mss=_paths(pieces, "mss")[order].astype(np.uint16),
        has_timestamps=_paths(pieces, "has_timestamps")[order],
        ack_delay_s=_paths(pieces, "ack_delay_s")[order],
        keepalive_s=_paths(pieces, "keepalive_s")[order],
        close=np.concatenate([piece.part.close for piece in pieces])[order],
    )
    return Script(conversations, *_messages(pieces, sizes, rank), begin_s), order


def _messages(
    pieces: Sequence[Piece], sizes: list[int], rank: IntArray
) -> tuple[Messages, npt.NDArray[np.uint8]]:
    parts = [piece.part for piece in pieces]
    first = np.cumsum([0, *sizes])
    blobs = np.cumsum([0, *(len(part.blob) for part in parts)])
    rows = np.concatenate([p.conversation + at for p, at in zip(parts, first, strict=False)])
    content = np.concatenate([p.content_start + at for p, at in zip(parts, blobs, strict=False)])
    rows = rank[rows]
    # Within a conversation messages are in order already.
    order = np.argsort(rows, kind="stable")
    messages = Messages(
        conversation=rows[order],
        time_s=_parts(parts, "time_s")[order],
        is_reply=_parts(parts, "is_reply")[order],
        octets=_parts(parts, "octets")[order],
        content_start=content[order],
        content_octets=_parts(parts, "content_octets")[order],
        fill=_parts(parts, "fill")[order],
        late_s=_parts(parts, "late_s")[order],
    )
    return messages, _parts(parts, "blob")


def _ends(pieces: Sequence[Piece], name: str) -> npt.NDArray[Any]:
    return np.concatenate([getattr(piece.ends, name) for piece in pieces])


def _paths(pieces: Sequence[Piece], name: str) -> npt.NDArray[Any]:
    return np.concatenate([getattr(piece.paths, name) for piece in pieces])


def _parts(parts: Sequence[Part], name: str) -> npt.NDArray[Any]:
    return np.concatenate([getattr(part, name) for part in parts])
