# SPDX-License-Identifier: Apache-2.0
"""The first messages of a conversation one by one: size, direction, gap."""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.features.named import NamedFeatures
from minewatch.features.series import Series, messages_of
from minewatch.types import Conversations, FloatArray

N_MESSAGES: Final = 32
"""Fewer than the first packets that the metering keeps (64), so that it is a beginning without
gaps."""

_KINDS: Final = (
    ("octets", "octets", "size of"),
    ("is_sent", "1", "whether the client sent"),
    ("gap", "s", "time to the one before of"),
    ("step", "octets", "size, less that of the same side's one before, of"),
)
STARTS: Final = (0, 0, 1, 1)
"""The first message of which each kind is told: nothing is before the first."""


def opening_columns(conversations: Conversations) -> list[FloatArray]:
    """Return the columns of ``OpeningFeatures``, each of shape (n,).

    Parameters
    ----------
    conversations : n of them.
    """
    messages = messages_of(conversations)
    messages = messages.where(messages.is_first)
    octets = messages.octets.astype(np.float64)
    values = (octets, messages.is_sent.astype(np.float64), messages.gap_s(), _steps(messages))
    lists = messages.ragged(octets)
    place = np.arange(len(octets)) - lists.starts[lists.owner]
    kept = place < N_MESSAGES
    found = np.full((len(_KINDS), N_MESSAGES, len(conversations)), np.nan)
    for kind, column in zip(found, values, strict=True):
        kind[place[kept], lists.owner[kept]] = column[kept]
    return [row for kind, start in zip(found, STARTS, strict=True) for row in kind[start:]]


def _steps(messages: Series) -> FloatArray:
    """Octets of each message less those of the one before of the same side, shape (total,)."""
    steps = np.full(len(messages.octets), np.nan)
    for side in (messages.is_sent, ~messages.is_sent):
        sizes = messages.ragged(messages.octets.astype(np.float64)).where(side)
        steps[side] = sizes.values - sizes.previous()
    return steps


class OpeningFeatures(NamedFeatures):
    """Size, direction, gap and step in size of each of the first 32 messages.

    Packets of one side right after each other are one message, so that it does not matter how a
    stack cuts them. The steps stay as they are when a tunnel adds a constant to every message.

    Blind spots: what begins after the first 32 messages or 64 payload packets; padding to random
    sizes; conversations met in their middle look like others.

    Notes
    -----
    Cost O(p) for p kept packets. Invariant to a shift of time, addresses and ports. NaN after the
    last message, and for inputs without packets. Columns are in the order of kinds, not of
    messages, as channels of a network.

    References
    ----------
    .. [1] Lopez-Martin et al., "Network Traffic Classifier With Convolutional and Recurrent Neural
       Networks for Internet of Things", IEEE Access 2017 (packets of a flow as a time series).

    Examples
    --------
    >>> from minewatch.testing import conversations
    >>> bool(np.isnan(OpeningFeatures().transform(conversations()).values).all())
    True
    """

    name = "opening"
    requires = ("flow_id",)
    features = tuple(
        (f"{kind}_{i}", unit, f"{phrase} message {i}")
        for (kind, unit, phrase), start in zip(_KINDS, STARTS, strict=True)
        for i in range(start + 1, N_MESSAGES + 1)
    )

    def columns(self, conversations: Conversations) -> list[FloatArray]:
        """Return ``opening_columns``.

        Parameters
        ----------
        conversations : n of them.
        """
        return opening_columns(conversations)
