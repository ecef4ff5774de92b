# SPDX-License-Identifier: Apache-2.0
"""What takes up sequence numbers, in order: SYN, SYN-ACK, messages, FIN or RST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from minewatch.lab.simulator.draws import Purpose, uniform
from minewatch.lab.simulator.routes import GAP_NS, NS, Routes
from minewatch.lab.simulator.script import (
    CLOSE_INITIATOR,
    CLOSE_RESPONDER,
    REFUSED,
    RESET_INITIATOR,
    RESET_RESPONDER,
    TCP,
    UNANSWERED,
    BoolArray,
    ByteArray,
    IntArray,
    Script,
)

SYN: Final = 0
SYN_ACK: Final = 1
DATA: Final = 2
FIN: Final = 3
ANSWERING_FIN: Final = 4
RST: Final = 5

MAX_APPLICATION_CLOSE_S: Final = 0.02
"""A program that must be told of a FIN before it closes takes up to this long."""


@dataclass(slots=True)
class Units:
    """One row a unit, sorted by conversation and order of sending."""

    conversation: IntArray
    kind: ByteArray
    is_reply: BoolArray
    time_ns: IntArray
    """When the script wants it; 0 for as soon as it may be."""
    octets: IntArray
    """Payload."""
    message: IntArray
    """Row of the script's messages, -1 for none."""
    late_ns: IntArray
    """What its round trip takes longer; 0 for what chance will have."""

    def __len__(self) -> int:
        return len(self.conversation)


def units(script: Script, routes: Routes) -> Units:
    """Return the units of a script's TCP conversations.

    Parameters
    ----------
    script : what is said.
    routes : of its conversations.

    Raises
    ------
    ValueError : messages where there can be none.
    """
    is_tcp = script.conversations.protocol == TCP
    is_open = is_tcp & (routes.close != REFUSED) & (routes.close != UNANSWERED)
    opened = np.flatnonzero(is_open)
    parts = [
        _single(SYN, np.flatnonzero(is_tcp), False),
        _single(SYN_ACK, opened, True),
        _messages(script, is_tcp, is_open),
        *_closes(routes, is_open),
        _single(RST, np.flatnonzero(is_tcp & (routes.close == REFUSED)), True),
    ]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[0] * 8 + columns[1], kind="stable")
    conversation, kind, is_reply, time_ns, octets, message = (c[order] for c in columns)
    late = np.append(script.messages.late_s, 0.0)[message]
    return Units(
        conversation,
        kind.astype(np.uint8),
        is_reply,
        time_ns,
        octets,
        message,
        np.rint(late * NS).astype(np.int64),
    )


def _messages(
    script: Script, is_tcp: BoolArray, is_open: BoolArray
) -> tuple[npt.NDArray[np.generic], ...]:
    messages = script.messages
    kept = np.flatnonzero(is_tcp[messages.conversation] & (messages.octets > 0))
    conversation = messages.conversation[kept]
    if not is_open[conversation].all():
        row = int(conversation[np.argmin(is_open[conversation])])
        raise ValueError(f"conversation {row}: messages, though it was never opened")
    return (
        conversation,
        np.full(len(kept), DATA, np.int64),
        messages.is_reply[kept],
        np.rint(messages.time_s[kept] * NS).astype(np.int64),
        messages.octets[kept],
        kept,
    )


def _single(
    kind: int, rows: IntArray, is_reply: bool | BoolArray, time_ns: IntArray | None = None
) -> tuple[npt.NDArray[np.generic], ...]:
    nothing = np.zeros(len(rows), np.int64)
    return (
        rows,
        nothing + kind,
        np.broadcast_to(np.asarray(is_reply), len(rows)),
        nothing if time_ns is None else time_ns,
        nothing,
        nothing - 1,
    )


def _closes(routes: Routes, is_open: BoolArray) -> list[tuple[npt.NDArray[np.generic], ...]]:
    close = routes.close
    is_fin = (close == CLOSE_INITIATOR) | (close == CLOSE_RESPONDER)
    is_rst = (close == RESET_INITIATOR) | (close == RESET_RESPONDER)
    fins = np.flatnonzero(is_open & is_fin)
    resets = np.flatnonzero(is_open & is_rst)
    by_responder = close[fins] == CLOSE_RESPONDER
    return [
        _single(FIN, fins, by_responder, routes.end_ns[fins]),
        _single(ANSWERING_FIN, fins, ~by_responder),
        _single(RST, resets, close[resets] == RESET_RESPONDER, routes.end_ns[resets]),
    ]


def application_close_ns(routes: Routes) -> IntArray:
    """Return how long after a FIN the other side closes.

    Half of the programs close at once, so that their FIN carries the acknowledgement; the others
    take a moment, and the FIN is acknowledged by itself first.

    Parameters
    ----------
    routes : the conversations.
    """
    at_once = uniform(routes.key, Purpose.CLOSE) < 0.5
    moment = uniform(routes.key, Purpose.CLOSE_DELAY) * (MAX_APPLICATION_CLOSE_S * NS) + GAP_NS
    return np.where(at_once, 0, moment.astype(np.int64))
