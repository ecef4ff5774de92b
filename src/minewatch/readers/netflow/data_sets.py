# SPDX-License-Identifier: Apache-2.0
"""Sets of NetFlow v9 and IPFIX: what they hold, and data that came before its template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Final, TypeAlias

from minewatch.readers.netflow.domain import Domain, Sent, Waiting
from minewatch.readers.netflow.exporters import Exporters, plan_for
from minewatch.readers.netflow.sampling import read_options
from minewatch.readers.netflow.template_sets import FIRST_DATA_SET
from minewatch.readers.netflow.templates import VARIABLE, Template

TemplateReader: TypeAlias = Callable[[Exporters, Domain, memoryview, Sent], list[int]]

_SET: Final = Struct(">HH")
_LONG: Final = 255
"""A variable length of 255 says that two octets of length follow (RFC 7011 section 7)."""


def gather_sets(
    exporters: Exporters,
    domain: Domain,
    body: memoryview,
    sent: Sent,
    readers: Mapping[int, TemplateReader],
) -> int | None:
    """Gather the records of a datagram's sets; return how many, None if that cannot be known.

    Parameters
    ----------
    exporters : where they go.
    domain : whose they are.
    body : the datagram without its head.
    sent : its head.
    readers : of sets that hold templates, by the sets' number.
    """
    total: int | None = 0
    at, end = 0, len(body)
    while end - at >= _SET.size:
        identifier, octets = _SET.unpack_from(body, at)
        if octets < _SET.size or octets > end - at:
            if any(body[at:]):
                _lying_length(exporters, sent, octets, end - at)
                total = None
            return total
        content = body[at + _SET.size : at + octets]
        at += octets
        if identifier >= FIRST_DATA_SET:
            n = _gather_set(exporters, domain, identifier, content, sent)
            total = None if n is None or total is None else total + n
        elif identifier in readers:
            for new in readers[identifier](exporters, domain, content, sent):
                _gather_waiting(exporters, domain, new)
        else:
            exporters.fault("unknown set", sent.place, f"a set is numbered {identifier}")
    return total


def _lying_length(exporters: Exporters, sent: Sent, octets: int, rest: int) -> None:
    exporters.fault(
        "lying set length",
        sent.place,
        f"a set of {octets} octets where {rest} are left; the datagram is cut or damaged",
    )


def _gather_set(
    exporters: Exporters, domain: Domain, identifier: int, content: memoryview, sent: Sent
) -> int | None:
    template = domain.templates.find(identifier, sent.now_ns)
    if template is None:
        domain.statistics.unknown_templates += 1
        _wait(exporters, domain, Waiting(identifier, bytes(content), sent))
        return None
    return _gather_records(exporters, domain, template, content, sent)


def _gather_records(
    exporters: Exporters, domain: Domain, template: Template, content: memoryview, sent: Sent
) -> int:
    octets: bytes | memoryview
    if template.is_variable:
        octets, n = _without_variable(exporters, template, content, sent)
    else:
        size = template.least_octets
        n = len(content) // size
        octets = content[: n * size]
    if len(content) < template.least_octets:
        exporters.fault(
            "set shorter than a record",
            sent.place,
            f"{len(content)} octets for records of {template.least_octets} "
            f"of template {template.identifier}",
        )
    if n == 0:
        return 0
    if template.is_options:
        domain.statistics.records += n
        domain.statistics.options += n
        exporters.counters.rows_seen += n
        exporters.counters.ignored["options"] += n
        read_options(exporters, domain, plan_for(template, domain.statistics.version), octets, n)
    else:
        exporters.gather(domain, template, octets, n, sent)
    return n


def _without_variable(
    exporters: Exporters, template: Template, content: memoryview, sent: Sent
) -> tuple[bytes, int]:
    """Return records without their variable fields, all of one length then; and how many."""
    runs = _fixed_runs(template)
    least = template.least_octets
    parts: list[memoryview] = []
    at, n = 0, 0
    while len(content) - at >= least:
        end = _step(content, at, runs, parts)
        if end is None:
            del parts[n * len(runs) :]
            exporters.fault(
                "record overruns its set",
                sent.place,
                f"record {n + 1} of template {template.identifier}; what is before it is used",
            )
            break
        at = end
        n += 1
    return b"".join(parts), n


def _fixed_runs(template: Template) -> list[int]:
    """Return the octets before each variable field, and after the last one."""
    runs = [0]
    for one in template.fields:
        if one.octets == VARIABLE:
            runs.append(0)
        else:
            runs[-1] += one.octets
    return runs


def _step(content: memoryview, at: int, runs: list[int], parts: list[memoryview]) -> int | None:
    """Add the fixed parts of one record; return where it ends, None if that is beyond its set."""
    end = len(content)
    for fixed in runs[:-1]:
        parts.append(content[at : at + fixed])
        at += fixed
        if at >= end:
            return None
        octets = content[at]
        at += 1
        if octets == _LONG:
            if at + 2 > end:
                return None
            octets = content[at] << 8 | content[at + 1]
            at += 2
        at += octets
    parts.append(content[at : at + runs[-1]])
    at += runs[-1]
    return at if at <= end else None


def _wait(exporters: Exporters, domain: Domain, waiting: Waiting) -> None:
    """Keep a data set until its template comes, or count it as a fault if there is no room."""
    octets = len(waiting.octets)
    usage, limits = exporters.usage, exporters.limits
    if (
        domain.waiting_octets + octets > limits.waiting_octets
        or usage.waiting_octets + octets > limits.waiting_octets_in_all
        or len(domain.waiting) >= limits.waiting_sets
    ):
        usage.refused["data before its template"] += 1
        exporters.template_not_seen(domain, waiting.template, waiting.sent.place)
        return
    domain.waiting.append(waiting)
    domain.waiting_octets += octets
    usage.waiting_octets += octets


def _gather_waiting(exporters: Exporters, domain: Domain, identifier: int) -> None:
    """Gather the data sets that waited for a template."""
    fitting = [one for one in domain.waiting if one.template == identifier]
    if not fitting:
        return
    domain.waiting = [one for one in domain.waiting if one.template != identifier]
    octets = sum(len(one.octets) for one in fitting)
    domain.waiting_octets -= octets
    exporters.usage.waiting_octets -= octets
    for one in fitting:
        template = domain.templates.find(identifier, one.sent.now_ns)
        if template is None:  # they came later than the template lives
            exporters.template_not_seen(domain, identifier, one.sent.place)
        else:
            _gather_records(exporters, domain, template, memoryview(one.octets), one.sent)
