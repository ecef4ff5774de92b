# SPDX-License-Identifier: Apache-2.0
"""A Stratum exchange reconstructed from messages: requests, their answers, and notifications."""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.features.exchange import Exchange, exchange_of
from minewatch.features.matrix import divide
from minewatch.features.ragged import Ragged
from minewatch.features.sequence import most_frequent
from minewatch.types import BoolArray, Conversations, FloatArray

OPENING_MESSAGES: Final = 4
"""Messages of a login or a TLS handshake, which are of other sizes than what follows."""
LEAST: Final = 3
"""Messages of a role below which nothing is said of how its sizes or gaps are spread."""

MESSAGE_FEATURES: Final = (
    ("requests_per_minute", "1/min", "requests of the client per minute"),
    ("notices_per_minute", "1/min", "messages that the server sends unasked, per minute"),
    ("notices_per_request", "1", "messages that the server sends unasked, per request"),
    ("answered_share", "1", "share of the client's requests answered at once"),
    ("replied_share", "1", "share of the server's unasked messages that the client answers"),
    ("answer_s", "s", "median time to the server's answer"),
    ("request_over_answer", "octets", "requests less answers, median sizes"),
    ("notice_over_answer", "octets", "server's unasked messages less its answers, median sizes"),
    ("notice_over_request", "octets", "server's unasked messages less requests, median sizes"),
    ("request_spread", "octets", "90th less 10th percentile of the size of requests"),
    ("answer_spread", "octets", "90th less 10th percentile of the size of answers"),
    ("notice_spread", "octets", "90th less 10th percentile of the size of unasked messages"),
    ("sent_same_share", "1", "share of the most frequent size among the client's messages"),
    ("received_same_share", "1", "share of the most frequent size among the server's messages"),
    ("sent_message", "octets", "median size of the client's messages"),
    ("received_message", "octets", "median size of the server's messages"),
    ("mean_message", "octets", "mean size of all messages"),
    ("request_gap_variation", "1", "variation of the time between requests"),
    ("notice_gap_variation", "1", "variation of the time between the server's unasked messages"),
)
"""Name, unit and phrase of what ``message_columns`` returns, in order."""


def message_columns(conversations: Conversations) -> list[FloatArray]:
    """Return the columns of ``MESSAGE_FEATURES``, each of shape (n,).

    Parameters
    ----------
    conversations : n of them.
    """
    talk = exchange_of(conversations)
    messages = talk.messages
    gaps = messages.ragged(np.nan_to_num(talk.gap_s))
    seen_s = gaps.sum()
    requests, notices = (
        messages.where(role).count().astype(np.float64) for role in (talk.is_asked, talk.is_push)
    )
    some = np.where(messages.count() > 0, 1.0, np.nan)
    sizes = messages.ragged(messages.octets.astype(np.float64))
    settled = _settled(sizes)
    by_role = [
        sizes.where(role & settled) for role in (talk.is_asked, talk.is_answer, talk.is_push)
    ]
    request, answer, notice = (of_role.quantile(0.5) for of_role in by_role)
    by_way = [sizes.where(way & settled) for way in (messages.is_sent, ~messages.is_sent)]
    return [
        60 * divide(requests * some, seen_s),
        60 * divide(notices * some, seen_s),
        (notices + 0.5) / (requests + 0.5) * some,
        _share(talk, talk.is_asked, talk.is_answered),
        _share(talk, talk.is_push, talk.is_answered),
        messages.ragged(talk.gap_s).where(talk.is_answer).quantile(0.5),
        request - answer,
        notice - answer,
        notice - request,
        *(_spread(of_role) for of_role in by_role),
        *(_same_share(of_way) for of_way in by_way),
        *(of_way.quantile(0.5) for of_way in by_way),
        sizes.where(settled).mean(),
        _gap_variation(talk, talk.is_asked),
        _gap_variation(talk, talk.is_push),
    ]


def _settled(sizes: Ragged) -> BoolArray:
    """Whether a message comes after the opening, or is of a talk too short to leave it out."""
    place = np.arange(len(sizes.values)) - sizes.starts[sizes.owner]
    found: BoolArray = (place >= OPENING_MESSAGES) | (
        sizes.count()[sizes.owner] < 2 * OPENING_MESSAGES
    )
    return found


def _share(talk: Exchange, among: BoolArray, such: BoolArray) -> FloatArray:
    return talk.messages.ragged(talk.gap_s).where(among).share(such[among])


def _spread(sizes: Ragged) -> FloatArray:
    low, high = sizes.quantile(0.1, 0.9)
    return np.where(sizes.count() >= LEAST, high - low, np.nan)


def _same_share(sizes: Ragged) -> FloatArray:
    share = divide(most_frequent(sizes), sizes.count().astype(np.float64))
    return np.where(sizes.count() >= LEAST, share, np.nan)


def _gap_variation(talk: Exchange, role: BoolArray) -> FloatArray:
    series = talk.messages.where(role)
    gaps = series.gap_s()
    known = series.ragged(gaps).where(np.isfinite(gaps))
    return np.where(known.count() >= LEAST, known.variation(), np.nan)
