# SPDX-License-Identifier: Apache-2.0
"""All exporters that a decoder hears: their domains, their records until taken, the accounts."""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.readers.flowlogs.settled import sampling_of
from minewatch.readers.netflow.domain import Domain, Gathered, Sent
from minewatch.readers.netflow.plans import Plan
from minewatch.readers.netflow.sampled import Sample, SampledPackets
from minewatch.readers.netflow.templates import NANOSECONDS, DecoderLimits, Template, Usage
from minewatch.readers.netflow.work import Work
from minewatch.records import RecordArray, RecordCounters
from minewatch.types import BoolArray

_MAX_NOTES: Final = 20
_IDLE_CHECK_NS: Final = NANOSECONDS
"""How often idle exporters are looked for when there is no room for another."""
CURES: Final = {
    "time out of range": "set the exporter's clock",
    "end before start": "check the exporter's clock and its template",
    "count out of range": "check the exporter's template",
    "milliseconds where seconds belong": "they were taken as milliseconds",
    "seconds where milliseconds belong": "they were taken as seconds",
    "uptime without the start of the system": (
        "the latest end of each set was taken for the time of export; "
        "let the exporter send systemInitTimeMilliseconds"
    ),
}
"""What to do about records that vector assignments found wrong, by reason."""


class Exporters:
    """The observation domains that were heard, and what they sent.

    Parameters
    ----------
    counters : where every record is accounted for.
    strict : the first fault raises SourceError.
    limits : how much is kept.
    """

    def __init__(self, counters: RecordCounters, strict: bool, limits: DecoderLimits) -> None:
        self.counters = counters
        self.strict = strict
        self.limits = limits
        self.usage = Usage()
        self.domains: dict[tuple[str, str, str | int], Domain] = {}
        self.n_gathered = 0
        self._checked_ns = 0
        self._lost_by_forgotten = 0
        self._sampled = SampledPackets()
        self._ready: list[RecordArray] = []
        self._full: dict[int, tuple[Domain, Gathered]] = {}

    def find(
        self, exporter: str, protocol: tuple[str, int], number: str | int, sent: Sent
    ) -> Domain | None:
        """Return the domain that a datagram is of; None, and a fault, if there is no room.

        Parameters
        ----------
        exporter : its address.
        protocol : what it speaks, and the version's number.
        number : of the domain.
        sent : the datagram's head.
        """
        key = (exporter, protocol[0], number)
        domain = self.domains.get(key)
        if domain is None:
            if len(self.domains) >= self.limits.domains and not self._forget_idle(sent.now_ns):
                self.usage.refused["exporters"] += 1
                self.fault(
                    "too many exporters",
                    sent.place,
                    f"{self.limits.domains} observation domains are followed; "
                    "say which exporters to listen to",
                )
                return None
            domain = Domain(exporter, protocol, str(number), self.limits, self.usage)
            self.domains[key] = domain
        domain.last_ns = max(domain.last_ns, sent.now_ns)
        return domain

    def gather(
        self,
        domain: Domain,
        template: Template,
        octets: bytes | memoryview,
        n: int,
        sent: Sent,
    ) -> None:
        """Keep ``n`` records of a template until they are taken.

        Parameters
        ----------
        domain : whose they are.
        template : of flow records.
        octets : the records.
        n : records.
        sent : their datagram's head.
        """
        domain.statistics.records += n
        self.counters.rows_seen += n
        plan = plan_for(template, domain.statistics.version)
        if plan.ignored:
            self.counters.ignored[plan.ignored] += n
            return
        gathered = domain.gathered.get(template)
        if gathered is None:
            gathered = domain.gathered[template] = Gathered(plan)
            if not plan.tells_time:
                self.note(
                    f"template {template.identifier} of {domain.statistics.exporter or 'the file'} "
                    "tells no times: those of export stand for them"
                )
        if not gathered.parts:
            self._full[id(gathered)] = (domain, gathered)
        gathered.parts.append(octets)
        gathered.counts.append(n)
        gathered.sent.append(sent)
        self.n_gathered += n

    def gather_sampled(
        self, header: memoryview, link: int, wire_octets: int, sample: Sample
    ) -> None:
        """Keep a sampled packet until it is taken, as ``SampledPackets.add``."""
        self.counters.rows_seen += 1
        self._sampled.add(header, link, wire_octets, sample)
        self.n_gathered += 1

    def take(self) -> list[RecordArray]:
        """Return all records that were gathered since the last call, one array a template."""
        full, self._full = self._full, {}
        self.n_gathered = 0
        for domain, gathered in full.values():
            self._decode(domain, gathered)
        if len(self._sampled):
            self._take_sampled()
        ready, self._ready = self._ready, []
        return ready

    def settle(self, domain: Domain) -> None:
        """Decode what a domain has gathered, before something changes that its records need."""
        for gathered in domain.gathered.values():
            if self._full.pop(id(gathered), None) is not None:
                self._decode(domain, gathered)
        domain.gathered.clear()

    @property
    def lost(self) -> int:
        """What sequence numbers say is missing, of exporters that are forgotten too."""
        return self._lost_by_forgotten + sum(one.statistics.lost for one in self.domains.values())

    def note(self, text: str) -> None:
        """Tell of something that is wrong with the input as a whole, once."""
        notes = self.counters.notes
        if text not in notes and len(notes) < _MAX_NOTES:
            notes.append(text)

    def fault(self, reason: str, place: str, cure: str, n: int = 1) -> None:
        """Count rows that were not seen before and cannot be used, as ``RecordCounters.fault``."""
        self.counters.rows_seen += n
        self.counters.fault(reason, place, cure, n, strict=self.strict)

    def _take_sampled(self) -> None:
        records = self._sampled.take(self.counters, strict=self.strict)
        if len(records):
            self.counters.sampling.update(sampling_of(records))
            self._ready.append(records)

    def _decode(self, domain: Domain, gathered: Gathered) -> None:
        work = domain.work_of(gathered)
        sent = gathered.sent
        gathered.parts, gathered.counts, gathered.sent = [], [], []
        gathered.plan.fill(work)
        records = work.records
        if work.repairs or work.faults:
            records = self._judged(work, sent)
        if len(records):
            self.counters.rows_parsed += len(records)
            found = sampling_of(records)
            self.counters.sampling.update(found)
            domain.statistics.note_sampling(found)
            self._ready.append(records)

    def _judged(self, work: Work, sent: list[Sent]) -> RecordArray:
        """Count what is wrong with records, and return those that can be used."""
        bad = np.zeros(len(work.records), np.bool_)
        for reason, where in work.faults.items():
            new = where & ~bad
            bad |= where
            self._tell(reason, new, work, sent, is_repair=False)
        for what, where in work.repairs.items():
            self._tell(what, where & ~bad, work, sent, is_repair=True)
        return work.records[~bad]

    def _tell(
        self, reason: str, where: BoolArray, work: Work, sent: list[Sent], *, is_repair: bool
    ) -> None:
        n = int(where.sum())
        if n:
            part = int(np.searchsorted(work.starts, int(where.argmax()), "right")) - 1
            tell = self.counters.repair if is_repair else self.counters.fault
            tell(reason, sent[part].place, CURES[reason], n, strict=self.strict)

    def _forget_idle(self, now_ns: int) -> bool:
        """Forget the domains that were not heard for long; return whether there were any."""
        lifetime = self.limits.template_lifetime_ns
        if lifetime is None or abs(now_ns - self._checked_ns) < _IDLE_CHECK_NS:
            return False
        self._checked_ns = now_ns
        idle = [key for key, one in self.domains.items() if now_ns - one.last_ns > lifetime]
        for key in idle:
            self.forget(self.domains.pop(key))
        return bool(idle)

    def forget(self, domain: Domain) -> None:
        """Give back what a domain holds; what still waits for a template is a fault."""
        self._lost_by_forgotten += domain.statistics.lost
        self.settle(domain)
        domain.templates.clear()
        self.give_up_waiting(domain)

    def give_up_waiting(self, domain: Domain) -> None:
        """Count the data sets of a domain whose template never came."""
        waiting, domain.waiting = domain.waiting, []
        self.usage.waiting_octets -= domain.waiting_octets
        domain.waiting_octets = 0
        for one in waiting:
            self.template_not_seen(domain, one.template, one.sent.place)

    def template_not_seen(self, domain: Domain, template: int, place: str) -> None:
        """Count a data set that cannot be used, as nobody knows what it holds."""
        self.fault(
            "template not seen",
            place,
            f"template {template} of domain {domain.statistics.domain} of "
            f"{domain.statistics.exporter} was not sent; begin earlier, or let the exporter "
            "send its templates more often",
        )


def plan_for(template: Template, version: int) -> Plan:
    """Return how a template's records are decoded, worked out when it is first needed.

    Parameters
    ----------
    template : of ``version``.
    version : 5, 9 or 10.
    """
    if template.plan is None:
        template.plan = Plan(template, out_may_be_reverse=version == 9)
    return template.plan
