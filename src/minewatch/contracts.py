# SPDX-License-Identifier: Apache-2.0
"""The plug-in points: what a decoder, a feature set and a detector must offer.

Built-ins are listed in ``registry.py``; strangers are found by entry point. Whatever is
registered is run through the conformance suites of ``minewatch.testing``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Protocol, runtime_checkable

from minewatch.alert import Alert, Block
from minewatch.records import Names, RecordArray, RecordCounters
from minewatch.schema import Column
from minewatch.types import Conversations, Evidence, FeatureMatrix, PacketBatch, Payload, Scores


@runtime_checkable
class Decoder(Protocol):
    """Reads the kept payload of one conversation into columns."""

    @property
    def name(self) -> str:
        """Short, unique: ``stratum``, ``tls``."""
        ...

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns it adds to ``Conversations.frame``, each null where it saw nothing."""
        ...

    @property
    def kinds(self) -> int:
        """Bits of ``payload_kinds`` of which a conversation must have one to be decoded."""
        ...

    def decode(self, payload: Payload) -> Mapping[str, object] | None:
        """Return values for ``columns``, or None if this is not the decoder's protocol.

        Hostile payload is the normal case: never raises on any octets, cost bounded.
        """
        ...


@runtime_checkable
class FeatureSet(Protocol):
    """Turns conversations into numbers."""

    @property
    def name(self) -> str:
        """Short, unique; model cards name it."""
        ...

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names, in the order of the columns."""
        ...

    @property
    def feature_units(self) -> tuple[str, ...]:
        """Units, in the same order."""
        ...

    @property
    def feature_phrases(self) -> tuple[str, ...]:
        """What each one measures in a few words for a person, in the same order."""
        ...

    @property
    def requires(self) -> tuple[str, ...]:
        """Columns of ``Conversations.frame`` without which every feature is NaN."""
        ...

    def transform(self, conversations: Conversations) -> FeatureMatrix:
        """Return one float32 row a conversation, in the order of ``feature_names``."""
        ...


@runtime_checkable
class Detector(Protocol):
    """Gives each conversation a probability of mining."""

    @property
    def name(self) -> str:
        """Short, unique; results call its probability so."""
        ...

    @property
    def requires(self) -> tuple[str, ...]:
        """Columns of ``Conversations.frame`` that it needs; silent (NaN) without them."""
        ...

    @property
    def uses(self) -> tuple[str, ...]:
        """Columns of decoders, and ``destination_name``, that it looks at when they are there."""
        ...

    def score(self, conversations: Conversations) -> Scores:
        """Return a probability for each row; NaN where not ready.

        Rows never affect each other, but for those of a ``CollectiveDetector``.
        """
        ...

    def explain(self, conversations: Conversations, row: int) -> Sequence[Evidence]:
        """Return the evidence behind the score of one row, strongest first."""
        ...


@runtime_checkable
class CollectiveDetector(Detector, Protocol):
    """A detector that compares conversations with each other.

    Its score of a conversation may depend on which others are given, never on their order, on
    addresses but for whether two are the same, or on the time of day. A conversation given alone
    is not ready (NaN).
    """

    @property
    def is_collective(self) -> bool:
        """True; a detector without this member scores each row by itself."""
        ...


@runtime_checkable
class PacketSource(Protocol):
    """Fills batches with the packets of one capture or interface, in the order of capture."""

    @property
    def name(self) -> str:
        """What the user called it; goes into the ``capture`` field of results."""
        ...

    def read(self, batch: PacketBatch) -> bool:
        """Read the next block of octets into ``batch``; return False when there are none left."""
        ...

    def parse(self, batch: PacketBatch) -> None:
        """Decode the block's packets into ``batch.columns``; another thread reads on meanwhile."""
        ...

    def finish(self) -> None:
        """Take stock after the last block was parsed; may raise SourceError."""
        ...

    def close(self) -> None:
        """Close what it reads from."""
        ...


@runtime_checkable
class FlowSource(Protocol):
    """The records of one flow log, or of what an exporter sent."""

    @property
    def name(self) -> str:
        """What the user called it."""
        ...

    @property
    def counters(self) -> RecordCounters:
        """What became of its rows; complete when all records were read."""
        ...

    @property
    def names(self) -> Names:
        """What it tells of names; complete when all records were read."""
        ...

    def read(self) -> Iterator[RecordArray]:
        """Yield the records in blocks, each valid until the next is asked for.

        Memory is bounded whatever the input holds. May raise SourceError; where the input is cut
        or damaged, what lies before that is yielded and ``counters.notes`` tells of it.
        """
        ...

    def close(self) -> None:
        """Close what it reads from."""
        ...


@runtime_checkable
class FlowFormat(Protocol):
    """A kind of flow log: how it is told from others, and what reads it.

    It may have ``is_beside(path, head)`` too: whether a file is read together with another one.
    """

    @property
    def name(self) -> str:
        """Value of ``--input-format``: ``aws``, ``zeek``."""
        ...

    @property
    def title(self) -> str:
        """What people call it: ``AWS VPC Flow Logs``."""
        ...

    def recognises(self, head: bytes) -> bool:
        """Return whether an input that begins so is of this kind.

        Parameters
        ----------
        head : the first octets of the unpacked input, ``HEAD_OCTETS`` or all there are; of Parquet,
            where one can go to its end, what stands there follows.
        """
        ...

    def open(self, name: str, path: str, stream: BinaryIO, *, strict: bool) -> FlowSource:
        """Return a source that reads ``stream`` from its start, and closes it.

        Parameters
        ----------
        name : what the user called the input.
        path : where it lies, ``-`` for standard input: for files that belong to it.
        stream : unpacked; not seekable where it was packed or is a pipe.
        strict : the first fault raises SourceError.

        Raises
        ------
        SourceError : nothing of it can be used: a column is missing, another version.
        """
        ...


@runtime_checkable
class Sink(Protocol):
    """Where alerts go: a file, a server, a queue."""

    @property
    def name(self) -> str:
        """What the user called it, without secrets: ``jsonl:alerts.jsonl``, ``kafka:alerts``."""
        ...

    def send(self, alerts: Sequence[Alert]) -> None:
        """Bring alerts there, all of them or none as far as that can be known.

        Raises
        ------
        SinkError : it is down or refuses; the same alerts are sent again later.
        """
        ...

    def close(self) -> None:
        """Finish what was begun."""
        ...


@runtime_checkable
class Responder(Protocol):
    """Cuts a host off from a pool, for a time."""

    @property
    def name(self) -> str:
        """Short, unique: ``nftables``."""
        ...

    def plan(self, block: Block) -> Sequence[str]:
        """Return what would be done, one command or setting a line, for a person to read."""
        ...

    def apply(self, block: Block) -> None:
        """Do it.

        Raises
        ------
        ResponseError : it could not be done; nothing is left half done.
        """
        ...

    def undo(self, block: Block) -> None:
        """Take it back; no error if it is gone already.

        Raises
        ------
        ResponseError : it could not be taken back.
        """
        ...
