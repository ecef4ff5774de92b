# SPDX-License-Identifier: Apache-2.0
"""Builds what many conversations say, column by column, from gaps instead of times.

A generator says who speaks, how long the speaker waited and how much is said. The path adds the
rest: a message of the far end that answers one of the near end arrives a round trip later, and a
long message takes its time on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from minewatch.lab.simulator.paths import Paths
from minewatch.lab.simulator.script import (
    CLOSE_NONE,
    FILL_RANDOM,
    FILL_TEXT,
    TCP,
    ByteArray,
    FloatArray,
    IntArray,
)
from minewatch.lab.simulator.texts import NOTHING, Texts
from minewatch.lab.simulator.tls_records import PLAIN, header_texts, sealed_octets

MAX_MESSAGE_OCTETS = 8 * 1024 * 1024
"""Longer messages are cut to this."""


@dataclass(slots=True)
class Part:
    """Conversations of one kind and what they say; rows as in the `Paths` they were made for."""

    end_s: FloatArray
    """Seconds since 1970."""
    close: ByteArray
    conversation: IntArray
    time_s: FloatArray
    """After the conversation's start."""
    is_reply: npt.NDArray[np.bool_]
    octets: IntArray
    content_start: IntArray
    content_octets: IntArray
    fill: ByteArray
    blob: ByteArray
    late_s: FloatArray = field(default_factory=lambda: np.empty(0))
    """As in ``Messages``; empty for none."""

    def __post_init__(self) -> None:
        if len(self.late_s) != len(self.octets):
            self.late_s = np.zeros(len(self.octets))


class Talk:
    """Collects messages of conversations over given paths; `finish` puts them in order of time.

    Messages are added in blocks. Within a conversation, blocks follow each other in the order in
    which they were added, and messages within a block in the order of its rows.
    """

    def __init__(self, paths: Paths, protocol: int = TCP) -> None:
        self.paths = paths
        self.texts = Texts()
        self.protocol = protocol
        self.versions: ByteArray = np.full(len(paths), PLAIN, np.uint8)
        """TLS version of each conversation; messages said with ``is_sealed`` go into records."""
        self._relative: list[tuple[npt.NDArray[Any], ...]] = []
        self._absolute: list[tuple[npt.NDArray[Any], ...]] = []

    def say(
        self,
        rows: npt.ArrayLike,
        is_reply: npt.ArrayLike,
        octets: npt.ArrayLike | None = None,
        *,
        gap_s: npt.ArrayLike = 0.0,
        text: npt.ArrayLike = NOTHING,
        fill: npt.ArrayLike = FILL_RANDOM,
        is_sealed: bool = True,
    ) -> None:
        """Add a message to each conversation in `rows`.

        Parameters
        ----------
        rows : conversation of each message, shape (m,); a row may come again.
        is_reply : whether the responder sends it; one value or shape (m,), as all that follow.
        octets : length; None: as long as its text.
        gap_s : how long the sender waits after the message before it, as the sender sees it.
        text : number of the content in ``texts``.
        fill : what follows the content.
        is_sealed : whether TLS, if the conversation has it, wraps the message.
        """
        self._relative.append(
            self._block(rows, is_reply, octets, gap_s, text=text, fill=fill, is_sealed=is_sealed)
        )

    def say_at(
        self,
        rows: npt.ArrayLike,
        time_s: npt.ArrayLike,
        is_reply: npt.ArrayLike,
        octets: npt.ArrayLike | None = None,
        *,
        text: npt.ArrayLike = NOTHING,
        fill: npt.ArrayLike = FILL_RANDOM,
    ) -> None:
        """Add messages at given times after the conversation's start; otherwise as `say`."""
        self._absolute.append(
            self._block(rows, is_reply, octets, time_s, text=text, fill=fill, is_sealed=True)
        )

    def exchange(
        self,
        rows: npt.ArrayLike,
        request: npt.ArrayLike | None,
        reply: npt.ArrayLike | None,
        *,
        think_s: npt.ArrayLike = 0.0,
        serve_s: npt.ArrayLike = 0.0,
        request_text: npt.ArrayLike = NOTHING,
        reply_text: npt.ArrayLike = NOTHING,
        fill: int = FILL_RANDOM,
        is_sealed: bool = True,
    ) -> None:
        """Add a request and its reply to each conversation in `rows`, in turn.

        Parameters
        ----------
        rows : conversation of each exchange, shape (m,).
        request, reply : lengths; None: as long as their texts.
        think_s, serve_s : what the initiator waits before, and the responder.
        request_text, reply_text : numbers of contents.
        fill : what follows the contents.
        is_sealed : see `say`.
        """
        rows = np.asarray(rows, np.int64)
        self.say(
            np.repeat(rows, 2),
            np.tile([False, True], len(rows)),
            _interleave(
                self._lengths(request, request_text), self._lengths(reply, reply_text), len(rows)
            ),
            gap_s=_interleave(think_s, serve_s, len(rows)),
            text=_interleave(request_text, reply_text, len(rows)).astype(np.int64),
            fill=fill,
            is_sealed=is_sealed,
        )

    def exchange_at(
        self,
        rows: npt.ArrayLike,
        time_s: npt.ArrayLike,
        request: npt.ArrayLike | None,
        reply: npt.ArrayLike | None,
        *,
        serve_s: npt.ArrayLike = 0.0003,
        request_text: npt.ArrayLike = NOTHING,
        reply_text: npt.ArrayLike = NOTHING,
        is_from_responder: bool = False,
    ) -> None:
        """Add requests at given times and their replies; otherwise as `exchange`.

        Parameters
        ----------
        rows, time_s : conversation of each request, and when it passes the point of capture.
        request, reply, serve_s, request_text, reply_text : see `exchange`.
        is_from_responder : True if the responder asks.
        """
        rows = np.asarray(rows, np.int64)
        answers_far = self.paths.is_initiator_home[rows] != is_from_responder
        later = np.asarray(time_s) + serve_s + np.where(answers_far, self.paths.rtt_s[rows], 0.0)
        self.say_at(rows, time_s, is_from_responder, request, text=request_text)
        self.say_at(rows, later, not is_from_responder, reply, text=reply_text)

    def finish(
        self,
        close: npt.ArrayLike = CLOSE_NONE,
        *,
        linger_s: npt.ArrayLike = 0.0,
        horizon_s: float = np.inf,
    ) -> Part:
        """Return the part.

        Parameters
        ----------
        close : how each conversation ends.
        linger_s : from its last message to its end.
        horizon_s : end of the capture, seconds since 1970: what goes on then is left open.
        """
        start = self.paths.start_s
        n = len(start)
        rows, replies, octets, times, texts, fill, sealed = self._in_order()
        keep = start[rows] + times < horizon_s
        cut = rows[~keep]
        rows, replies, octets, times = rows[keep], replies[keep], octets[keep], times[keep]
        texts, fill, sealed = texts[keep], fill[keep], sealed[keep]
        last = np.array(self.paths.rtt_s)
        np.maximum.at(last, rows, times)
        end = start + last + np.broadcast_to(np.asarray(linger_s, np.float64), n)
        is_cut = end >= horizon_s
        is_cut[cut] = True
        octets, texts = self._seal(rows, octets, texts, sealed)
        lengths = self.texts.lengths()
        starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        return Part(
            end_s=np.where(is_cut, np.maximum(np.minimum(end, horizon_s), start + last), end),
            close=np.where(is_cut, CLOSE_NONE, np.broadcast_to(close, n)).astype(np.uint8),
            conversation=rows,
            time_s=times,
            is_reply=replies,
            octets=octets,
            content_start=starts[texts],
            content_octets=np.minimum(lengths[texts], octets),
            fill=fill,
            blob=self.texts.blob(),
        )

    def _block(
        self,
        rows: npt.ArrayLike,
        is_reply: npt.ArrayLike,
        octets: npt.ArrayLike | None,
        times: npt.ArrayLike,
        *,
        text: npt.ArrayLike,
        fill: npt.ArrayLike,
        is_sealed: bool,
    ) -> tuple[npt.NDArray[Any], ...]:
        rows = np.asarray(rows, np.int64)
        m = len(rows)
        lengths = np.clip(self._lengths(octets, text), 1, MAX_MESSAGE_OCTETS)
        return (
            rows,
            np.broadcast_to(np.asarray(is_reply, np.bool_), m),
            np.broadcast_to(lengths, m),
            np.broadcast_to(np.asarray(times, np.float64), m),
            np.broadcast_to(np.asarray(text, np.int64), m),
            np.broadcast_to(np.asarray(fill, np.uint8), m),
            np.full(m, is_sealed),
        )

    def _lengths(self, octets: npt.ArrayLike | None, text: npt.ArrayLike) -> IntArray:
        if octets is None:
            return self.texts.lengths()[np.asarray(text, np.int64)]
        return np.asarray(np.rint(np.asarray(octets, np.float64)), np.int64)

    def _in_order(self) -> tuple[npt.NDArray[Any], ...]:
        """Return the messages of both kinds by conversation and time."""
        columns = _joined(self._relative)
        order = np.argsort(columns[0], kind="stable")
        columns = tuple(column[order] for column in columns)
        columns = (*columns[:3], self._times(*columns[:4]), *columns[4:])
        if self._absolute:
            extra = _joined(self._absolute)
            least = self._first_moment(extra[0], extra[1])
            extra = (*extra[:3], np.maximum(extra[3], least), *extra[4:])
            columns = tuple(np.concatenate(pair) for pair in zip(columns, extra, strict=True))
            order = np.lexsort((columns[3], columns[0]))
            columns = tuple(column[order] for column in columns)
        return columns

    def _first_moment(self, rows: IntArray, replies: npt.NDArray[np.bool_]) -> FloatArray:
        """Return the earliest time of a first message: UDP has no handshake to wait for."""
        rtt = self.paths.rtt_s[rows]
        if self.protocol != TCP:
            return np.zeros(len(rows))
        return rtt * (1.0 + (self.paths.is_initiator_home[rows] & replies))

    def _times(
        self,
        rows: IntArray,
        replies: npt.NDArray[np.bool_],
        octets: IntArray,
        gaps: FloatArray,
    ) -> FloatArray:
        if not len(rows):
            return np.empty(0)
        paths = self.paths
        is_first = np.concatenate(([True], rows[1:] != rows[:-1]))
        is_far = replies == paths.is_initiator_home[rows]
        answers = is_far & ~np.concatenate(([False], is_far[:-1]))
        on_wire = np.concatenate(([0.0], octets[:-1] / paths.rate[rows[:-1]]))
        steps = gaps + on_wire + np.where(answers, paths.rtt_s[rows], 0.0)
        steps[is_first] = (gaps + self._first_moment(rows, replies))[is_first]
        total = np.cumsum(steps)
        lengths = np.diff(np.concatenate((np.flatnonzero(is_first), [len(rows)])))
        return total - np.repeat((total - steps)[is_first], lengths)

    def _seal(
        self, rows: IntArray, octets: IntArray, texts: IntArray, sealed: npt.NDArray[np.bool_]
    ) -> tuple[IntArray, IntArray]:
        versions = self.versions[rows]
        inside = sealed & (versions != PLAIN)
        if not inside.any():
            return octets, texts
        octets, texts = octets.copy(), texts.copy()
        octets[inside] = sealed_octets(octets[inside], versions[inside])
        texts[inside] = header_texts(self.texts, octets[inside])
        return octets, texts


def text_fill(versions: ByteArray) -> ByteArray:
    """Return the filler of messages that are text unless TLS hides it."""
    return np.where(versions == PLAIN, FILL_TEXT, FILL_RANDOM).astype(np.uint8)


def _joined(
    blocks: list[tuple[npt.NDArray[Any], ...]],
) -> tuple[npt.NDArray[Any], ...]:
    if not blocks:
        kinds = (np.int64, np.bool_, np.int64, np.float64, np.int64, np.uint8, np.bool_)
        return tuple(np.empty(0, kind) for kind in kinds)
    return tuple(np.concatenate(column) for column in zip(*blocks, strict=True))


def _interleave(first: npt.ArrayLike, second: npt.ArrayLike, n: int) -> FloatArray:
    result = np.empty(2 * n)
    result[0::2], result[1::2] = first, second
    return result
