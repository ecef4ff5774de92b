# SPDX-License-Identifier: Apache-2.0
"""How large messages are: a ladder of few sizes, which encryption only shifts."""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.features.exchange import exchange_of
from minewatch.features.named import NamedFeatures
from minewatch.features.ragged import Ragged
from minewatch.types import Conversations, FloatArray

OPENING: Final = 4
"""Messages of a login or a TLS handshake at most, which say little of what follows."""
LONG_ENOUGH: Final = 10
"""From so many messages on the opening is left out."""

_ROLES: Final = (
    ("asked", "messages that the client sends unasked"),
    ("answer", "the server's answers"),
    ("push", "messages that the server sends unasked"),
)
_SIZES: Final = (
    ("octets", "octets", "median size of"),
    ("octets_spread", "octets", "90th less 10th percentile of the size of"),
    ("octets_same_share", "1", "share of the most frequent size among"),
    ("octets_distinct_share", "1", "different sizes per message among"),
    ("octets_repeat_share", "1", "share of those as large as the one before, among"),
)


def sequence_columns(conversations: Conversations) -> list[FloatArray]:
    """Return the columns of ``SequenceFeatures``, each of shape (n,).

    Parameters
    ----------
    conversations : n of them.
    """
    talk = exchange_of(conversations)
    messages = talk.messages
    all_sizes = messages.ragged(messages.octets.astype(np.float64))
    place = np.arange(len(all_sizes.values)) - all_sizes.starts[all_sizes.owner]
    is_steady = (place >= OPENING) | (all_sizes.count()[all_sizes.owner] < LONG_ENOUGH)
    columns: list[FloatArray] = []
    medians: dict[str, FloatArray] = {}
    masks = {"asked": talk.is_asked, "answer": talk.is_answer, "push": talk.is_push}
    for role, mask in masks.items():
        sizes = all_sizes.where(mask & is_steady)
        medians[role] = sizes.quantile(0.5)
        columns += [medians[role], *_ladder(sizes)]
    sent = messages.is_sent
    directions = messages.ragged(sent.astype(np.float64))
    turns = directions.previous() != directions.values
    steady = all_sizes.where(is_steady)
    first = {
        way: _first(all_sizes.where(mask)) - all_sizes.where(mask & is_steady).quantile(0.5)
        for way, mask in (("sent", sent), ("received", ~sent))
    }
    return [
        *columns,
        medians["push"] - medians["answer"],
        medians["asked"] - medians["answer"],
        medians["push"] - medians["asked"],
        first["sent"],
        first["received"],
        directions.mean(),
        directions.share(turns),
        _entropy(steady),
        _per_received(all_sizes, sent),
        steady.quantile(1.0) - steady.quantile(0.5),
    ]


def _ladder(sizes: Ragged) -> list[FloatArray]:
    low, high = sizes.quantile(0.1, 0.9)
    count = np.where(sizes.count() >= 2, sizes.count(), np.nan)
    repeats = sizes.previous() == sizes.values
    return [
        np.where(sizes.count() >= 2, high - low, np.nan),
        most_frequent(sizes) / count,
        sizes.distinct() / count,
        np.where(sizes.count() >= 2, sizes.share(repeats), np.nan),
    ]


def _runs(sizes: Ragged) -> Ragged:
    """How often each different value of each list occurs."""
    order = np.lexsort((sizes.values, sizes.owner))
    ordered = Ragged(sizes.values[order], sizes.stops)
    fresh = ordered.values != ordered.previous()
    begins = np.flatnonzero(fresh)
    lengths = np.diff(np.append(begins, len(ordered.values))).astype(np.float64)
    return Ragged(lengths, ordered.where(fresh).stops)


def most_frequent(sizes: Ragged) -> FloatArray:
    """Return how often each list's most frequent value occurs in it; NaN for an empty list.

    Parameters
    ----------
    sizes : any numbers.

    Examples
    --------
    >>> most_frequent(Ragged(np.array([5.0, 7.0, 5.0]), np.array([3, 3])))
    array([ 2., nan])
    """
    return _runs(sizes).quantile(1.0)


def _entropy(sizes: Ragged) -> FloatArray:
    """Entropy of each list's values [bit], over the most there can be; NaN below two values."""
    runs, count = _runs(sizes), sizes.count()
    share = runs.values / count[runs.owner]
    bits = runs.with_values(-share * np.log2(share)).sum()
    return bits / np.where(count >= 2, np.log2(np.maximum(count, 2)), np.nan)


def _first(sizes: Ragged) -> FloatArray:
    result = np.full(len(sizes.stops), np.nan)
    has = sizes.count() > 0
    result[has] = sizes.values[sizes.starts[has]]
    return result


def _per_received(sizes: Ragged, sent: np.ndarray) -> FloatArray:
    """Octets sent per octet received, of messages."""
    received = sizes.where(~sent).sum()
    quotient: FloatArray = sizes.where(sent).sum() / np.where(received > 0, received, np.nan)
    return quotient


class SequenceFeatures(NamedFeatures):
    """Sizes of messages by their role, their repeats and differences.

    A miner says few different things: shares of one size, results of one size, jobs of one size.
    TLS adds a constant to each, so that repeats, spreads and differences between roles stay as they
    are.

    Blind spots: padding to random sizes; compression; several sessions in one connection.

    Notes
    -----
    Cost O(p log p) for p kept packets. Invariant to times (but for what is an answer), addresses
    and ports. NaN for inputs without packets. The first four messages are left out where there are
    ten or more, but for ``first_*``.

    References
    ----------
    .. [1] Sizes of messages by dialect: docs/concepts/how-it-decides.md.

    Examples
    --------
    >>> from minewatch.testing import conversations
    >>> bool(np.isnan(SequenceFeatures().transform(conversations()).values).all())
    True
    """

    name = "sequence"
    requires = ("flow_id",)
    features = (
        *(
            (f"{role}_{name}", unit, f"{phrase} {what}")
            for role, what in _ROLES
            for name, unit, phrase in _SIZES
        ),
        ("push_over_answer", "octets", "server's unasked messages less its answers, median sizes"),
        (
            "asked_over_answer",
            "octets",
            "client's unasked messages less their answers, median sizes",
        ),
        ("push_over_asked", "octets", "server's unasked messages less the client's, median sizes"),
        ("first_sent_over_rest", "octets", "client's first message less the median of the rest"),
        (
            "first_received_over_rest",
            "octets",
            "server's first message less the median of the rest",
        ),
        ("sent_share", "1", "share of the messages that the client sent"),
        ("turn_share", "1", "share of the messages at which the direction changes"),
        ("octets_entropy", "1", "entropy of the sizes of messages (1: all different)"),
        ("message_octets_ratio", "1", "octets of messages sent per octet received"),
        ("largest_over_median", "octets", "largest message less the median one"),
    )

    def columns(self, conversations: Conversations) -> list[FloatArray]:
        """Return ``sequence_columns``.

        Parameters
        ----------
        conversations : n of them.
        """
        return sequence_columns(conversations)
