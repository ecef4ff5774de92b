# SPDX-License-Identifier: Apache-2.0
"""Template sets of NetFlow v9 (RFC 3954 section 5) and IPFIX (RFC 7011 section 3.4)."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from minewatch.readers.netflow.domain import Domain, Sent
from minewatch.readers.netflow.elements import FOREIGN, INPUT_INTERFACE, key_of
from minewatch.readers.netflow.exporters import Exporters
from minewatch.readers.netflow.templates import (
    MAX_FIELDS,
    MAX_RECORD_OCTETS,
    Field,
    Template,
)

FIRST_DATA_SET: Final = 256
_PAIR: Final = Struct(">HH")
_TRIPLE: Final = Struct(">HHH")
_ENTERPRISE_BIT: Final = 0x8000
_V9_INTERFACE: Final = 2
"""Scopes of v9 have numbers of their own; 1 is the system (RFC 3954 section 6.1)."""


class LyingTemplateError(Exception):
    """A template that cannot be; what follows it in its set cannot be found."""


def read_v9_templates(
    exporters: Exporters, domain: Domain, body: memoryview, sent: Sent
) -> list[int]:
    """Keep the templates of a v9 template set, and return the numbers of those that are new."""
    return _read(exporters, domain, body, sent, _v9_template, of_options=False)


def read_v9_options_templates(
    exporters: Exporters, domain: Domain, body: memoryview, sent: Sent
) -> list[int]:
    """Keep the templates of a v9 options template set, as ``read_v9_templates``."""
    return _read(exporters, domain, body, sent, _v9_options_template, of_options=True)


def read_ipfix_templates(
    exporters: Exporters, domain: Domain, body: memoryview, sent: Sent
) -> list[int]:
    """Keep or withdraw the templates of an IPFIX template set, as ``read_v9_templates``."""
    return _read(exporters, domain, body, sent, _ipfix_template, of_options=False)


def read_ipfix_options_templates(
    exporters: Exporters, domain: Domain, body: memoryview, sent: Sent
) -> list[int]:
    """Keep or withdraw the templates of an IPFIX options template set."""
    return _read(exporters, domain, body, sent, _ipfix_options_template, of_options=True)


def _read(
    exporters: Exporters,
    domain: Domain,
    body: memoryview,
    sent: Sent,
    parse: Callable[[memoryview, int, Domain], tuple[Template | None, int]],
    *,
    of_options: bool,
) -> list[int]:
    new = []
    at = 0
    while len(body) - at >= _PAIR.size and any(body[at : at + _PAIR.size]):
        known = domain.templates.sent_again(body, at, sent.now_ns, of_options=of_options)
        if known:
            at += known
            continue
        try:
            template, end = parse(body, at, domain)
        except LyingTemplateError as bad:
            exporters.fault("lying template", sent.place, f"{bad}; its set is not read further")
            break
        exporters.settle(domain)
        if template is not None and _keep(exporters, domain, template, bytes(body[at:end]), sent):
            new.append(template.identifier)
        at = end
    return new


def _keep(
    exporters: Exporters, domain: Domain, template: Template, octets: bytes, sent: Sent
) -> bool:
    """Keep a template that was not known; return False if there is no room for it."""
    if domain.templates.add(template, octets, sent.now_ns):
        domain.statistics.note_vendors(one.enterprise for one in template.fields)
        return True
    exporters.usage.refused["templates"] += 1
    exporters.fault(
        "too many templates",
        sent.place,
        f"{len(domain.templates)} templates of domain {domain.statistics.domain} of "
        f"{domain.statistics.exporter} are kept; say which exporters to listen to",
    )
    return False


def _v9_template(body: memoryview, at: int, domain: Domain) -> tuple[Template | None, int]:
    identifier, n = _PAIR.unpack_from(body, at)
    _check(identifier, n)
    fields, end = _fields(body, at + _PAIR.size, n, has_enterprises=False)
    return _checked(Template(identifier, fields)), end


def _v9_options_template(body: memoryview, at: int, domain: Domain) -> tuple[Template | None, int]:
    if len(body) - at < _TRIPLE.size:
        raise LyingTemplateError("it ends within its head")
    identifier, scope_octets, option_octets = _TRIPLE.unpack_from(body, at)
    scopes, n = scope_octets // 4, (scope_octets + option_octets) // 4
    _check(identifier, n)
    if scope_octets % 4 or option_octets % 4:
        raise LyingTemplateError(f"template {identifier} has fields that are not four octets long")
    fields, end = _fields(body, at + _TRIPLE.size, n, has_enterprises=False)
    named = [
        Field(INPUT_INTERFACE if one.key == _V9_INTERFACE else FOREIGN, one.octets)
        for one in fields[:scopes]
    ]
    return _checked(Template(identifier, (*named, *fields[scopes:]), scopes, True)), end


def _ipfix_template(body: memoryview, at: int, domain: Domain) -> tuple[Template | None, int]:
    identifier, n = _PAIR.unpack_from(body, at)
    if n == 0:
        _withdraw(domain, identifier)
        return None, at + _PAIR.size
    _check(identifier, n)
    fields, end = _fields(body, at + _PAIR.size, n, has_enterprises=True)
    return _checked(Template(identifier, fields)), end


def _ipfix_options_template(
    body: memoryview, at: int, domain: Domain
) -> tuple[Template | None, int]:
    identifier, n = _PAIR.unpack_from(body, at)
    if n == 0:
        _withdraw(domain, identifier)
        return None, at + _PAIR.size
    _check(identifier, n)
    if len(body) - at < _TRIPLE.size:
        raise LyingTemplateError("it ends within its head")
    _, _, scopes = _TRIPLE.unpack_from(body, at)
    if not 0 < scopes <= n:
        raise LyingTemplateError(f"template {identifier} has {scopes} scopes of {n} fields")
    fields, end = _fields(body, at + _TRIPLE.size, n, has_enterprises=True)
    return _checked(Template(identifier, fields, scopes, True)), end


def _withdraw(domain: Domain, identifier: int) -> None:
    if identifier >= FIRST_DATA_SET:
        domain.templates.withdraw(identifier)
    elif identifier in (2, 3):
        domain.templates.withdraw_all(of_options=identifier == 3)
    else:
        raise LyingTemplateError(f"{identifier} is no number of a template that could be withdrawn")


def _check(identifier: int, n: int) -> None:
    if identifier < FIRST_DATA_SET:
        raise LyingTemplateError(f"{identifier} is no number of a template")
    if not 0 < n <= MAX_FIELDS:
        raise LyingTemplateError(f"template {identifier} has {n} fields")


def _fields(
    body: memoryview, at: int, n: int, *, has_enterprises: bool
) -> tuple[tuple[Field, ...], int]:
    fields = []
    for _ in range(n):
        if len(body) - at < _PAIR.size:
            raise LyingTemplateError(f"it has {n} fields, and its set ends before them")
        number, octets = _PAIR.unpack_from(body, at)
        at += _PAIR.size
        enterprise = 0
        if has_enterprises and number & _ENTERPRISE_BIT:
            if len(body) - at < 4:
                raise LyingTemplateError(f"it has {n} fields, and its set ends before them")
            enterprise = int.from_bytes(body[at : at + 4], "big")
            number &= ~_ENTERPRISE_BIT
            at += 4
        fields.append(Field(key_of(number, enterprise), octets, enterprise))
    return tuple(fields), at


def _checked(template: Template) -> Template:
    if not 0 < template.least_octets <= MAX_RECORD_OCTETS:
        raise LyingTemplateError(
            f"records of template {template.identifier} would have {template.least_octets} octets"
        )
    return template
