# SPDX-License-Identifier: Apache-2.0
"""One observation domain of one exporter: its templates, its samplers, its records on their way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from minewatch.readers.flowlogs.observers import observation_point
from minewatch.readers.netflow.elements import REVERSE_ENTERPRISE, vendor_name
from minewatch.readers.netflow.plans import Plan, blank_records
from minewatch.readers.netflow.templates import DecoderLimits, Template, TemplateStore, Usage
from minewatch.readers.netflow.work import Sampling, Work

_SEQUENCE_WRAP: Final = 1 << 32
_MAX_NOTED: Final = 64
"""Vendors, and sampling intervals, that are noted of one domain."""
_MAX_GAP: Final = 1 << 20
"""A sequence number further ahead than that is of an exporter that began anew."""


class Sent(NamedTuple):
    """What the head of a datagram tells of all its records."""

    place: str
    """Where it stands in the input."""
    export_ns: int
    """When it was sent, by the exporter's clock."""
    uptime_ms: int
    """What the exporter's uptime was then; ``UNKNOWN_UPTIME`` if the head does not tell."""
    now_ns: int
    """When it was received, or sent if nobody knows."""


@dataclass(slots=True)
class DomainStatistics:
    """What one observation domain sent."""

    exporter: str
    version: int
    """Of NetFlow: 5, 9, or 10 for IPFIX; sFlow is told by ``protocol``."""
    protocol: str
    """``NetFlow v5``, ``NetFlow v9``, ``IPFIX`` or ``sFlow v5``."""
    domain: str
    """Source ID, observation domain, engine, or agent of sFlow."""
    datagrams: int = 0
    records: int = 0
    """Data records, those that tell of no flow among them."""
    options: int = 0
    """Those of options among them."""
    lost: int = 0
    """What the sequence numbers say is missing: records of v5 and IPFIX, datagrams otherwise."""
    gaps: int = 0
    """How often something was missing."""
    unknown_templates: int = 0
    """Data sets whose template was not known when they came."""
    vendors: set[str] = field(default_factory=set)
    """Whose own fields were stepped over."""
    sampling: set[int] = field(default_factory=set)
    """Sampling intervals of its records, the first ones."""

    def note_vendors(self, enterprises: Iterable[int]) -> None:
        """Take note of whose fields a template has.

        Parameters
        ----------
        enterprises : their numbers; 0 is IANA.
        """
        for one in enterprises:
            if one not in (0, REVERSE_ENTERPRISE) and len(self.vendors) < _MAX_NOTED:
                self.vendors.add(vendor_name(one))

    def note_sampling(self, intervals: Iterable[int]) -> None:
        """Take note of sampling intervals that records had.

        Parameters
        ----------
        intervals : packets that one counted packet stands for.
        """
        for one in intervals:
            if len(self.sampling) < _MAX_NOTED:
                self.sampling.add(one)


class Sequence:
    """Follows the sequence numbers of one sender.

    A number tells how many records were sent before its datagram (RFC 7011 section 3.1). softflowd
    counts the datagram's own too, but no options; the first number that only one way of counting
    explains tells which it is.
    """

    def __init__(self) -> None:
        self._expected: int | None = None
        self._last = 0
        self._counts_itself: bool | None = None

    def follow(self, number: int, step: int | None, options: int = 0) -> int:
        """Return how many are missing before this datagram; negative if it came late.

        Parameters
        ----------
        number : of the datagram.
        step : by how much the next one's number is higher; None if that cannot be known.
        options : how many of these are records of options.

        Examples
        --------
        >>> sequence = Sequence()
        >>> [sequence.follow(number, 30) for number in (0, 30, 90, 60, 120)]
        [0, 0, 30, -30, 0]
        """
        ahead = self._ahead(number, step, options)
        if ahead > _SEQUENCE_WRAP - _MAX_GAP:
            return -(step or 0)
        self._expected = None if step is None else (number + step) % _SEQUENCE_WRAP
        self._last = number
        return ahead if ahead < _MAX_GAP else 0

    def _ahead(self, number: int, step: int | None, options: int) -> int:
        if self._expected is None:
            return 0
        ahead = (number - self._expected) % _SEQUENCE_WRAP
        if step is None:
            return 0 if self._counts_itself else ahead
        since = (number - self._last) % _SEQUENCE_WRAP
        explains_itself = since in (step, step - options)
        if self._counts_itself is None and explains_itself != (ahead == 0):
            self._counts_itself = explains_itself
        if not self._counts_itself:
            return ahead
        return 0 if explains_itself else (since - step) % _SEQUENCE_WRAP


@dataclass(slots=True)
class Gathered:
    """Records of one template that wait to be decoded together."""

    plan: Plan
    parts: list[bytes | memoryview] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)


class Waiting(NamedTuple):
    """A data set that waits for its template."""

    template: int
    octets: bytes
    sent: Sent


class Domain:
    """What is known of one observation domain.

    Parameters
    ----------
    exporter : its address.
    protocol : what it speaks, and the version's number in its datagrams.
    number : of the domain, as text.
    limits : how much is kept.
    usage : shared by all domains.
    """

    def __init__(
        self,
        exporter: str,
        protocol: tuple[str, int],
        number: str,
        limits: DecoderLimits,
        usage: Usage,
    ) -> None:
        name, version = protocol
        self.statistics = DomainStatistics(exporter, version, name, number)
        self.templates = TemplateStore(limits, usage)
        self.sampling = Sampling()
        self.system_start_ns: int | None = None
        self.sequence = Sequence()
        self.gathered: dict[Template, Gathered] = {}
        self.waiting: list[Waiting] = []
        self.waiting_octets = 0
        self.last_ns = 0
        self.points = np.array(
            [observation_point(exporter, number, way) for way in ("ingress", "egress", "")],
            np.uint32,
        )

    def follow(self, number: int, step: int | None, options: int = 0) -> None:
        """Take note of a datagram and of its sequence number, as ``Sequence.follow``."""
        statistics = self.statistics
        statistics.datagrams += 1
        missing = self.sequence.follow(number, step, options)
        if missing > 0:
            statistics.gaps += 1
        statistics.lost = max(0, statistics.lost + missing)

    def work_of(self, gathered: Gathered) -> Work:
        """Return the records that were gathered, ready for their plan."""
        parts, counts, sent = gathered.parts, gathered.counts, gathered.sent
        n = sum(counts)
        octets = parts[0] if len(parts) == 1 else b"".join(parts)
        starts = np.zeros(len(counts), np.int64)
        np.cumsum(counts[:-1], out=starts[1:])
        heads = np.array([(one.export_ns, one.uptime_ms) for one in sent], np.int64)
        of_each = np.repeat(heads, counts, axis=0)
        return Work(
            np.frombuffer(octets, gathered.plan.kind, n),
            blank_records(n),
            of_each[:, 0],
            of_each[:, 1],
            starts,
            self.sampling,
            self.system_start_ns,
            self.points,
        )
