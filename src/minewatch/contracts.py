# SPDX-License-Identifier: Apache-2.0
"""The plug-in points: what a decoder, a feature set and a detector must offer.

Built-ins are listed in ``registry.py``; strangers are found by entry point. Whatever is
registered is run through the conformance suites of ``minewatch.testing``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from minewatch.schema import Column
from minewatch.types import Conversations, Evidence, FeatureMatrix, Payload, Scores


@runtime_checkable
class Decoder(Protocol):
    """Reads the kept payload of one conversation into columns."""

    name: str
    """Short, unique: ``stratum``, ``tls``, ``dns``."""
    columns: tuple[Column, ...]
    """The columns it adds to ``Conversations.frame``, each null where it saw nothing."""

    def decode(self, payload: Payload) -> Mapping[str, object] | None:
        """Return values for ``columns``, or None if this is not the decoder's protocol.

        Hostile payload is the normal case: never raises on any octets, cost bounded.
        """
        ...


@runtime_checkable
class FeatureSet(Protocol):
    """Turns conversations into numbers."""

    name: str
    feature_names: tuple[str, ...]
    feature_units: tuple[str, ...]
    requires: tuple[str, ...]
    """Columns of ``Conversations.frame`` without which every feature is NaN."""

    def transform(self, conversations: Conversations) -> FeatureMatrix:
        """Return one float32 row a conversation, in the order of ``feature_names``."""
        ...


@runtime_checkable
class Detector(Protocol):
    """Gives each conversation a probability of mining."""

    name: str
    requires: tuple[str, ...]
    """Columns of ``Conversations.frame`` that it needs; silent (NaN) without them."""

    def score(self, conversations: Conversations) -> Scores:
        """Return a probability for each row; NaN where not ready. Rows never affect each other."""
        ...

    def explain(self, conversations: Conversations, row: int) -> Sequence[Evidence]:
        """Return the evidence behind the score of one row, strongest first."""
        ...


@runtime_checkable
class PacketSource(Protocol):
    """Yields packets of one capture or interface, in order, in batches of numpy columns."""

    name: str
    """What the user called it; goes into the ``capture`` field of results."""

    def batches(self) -> Iterator[object]:
        """Yield ``minewatch.metering.PacketBatch`` objects."""
        ...
