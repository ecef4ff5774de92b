# SPDX-License-Identifier: Apache-2.0
"""Templates of NetFlow v9 and IPFIX as numpy record types, and what is kept of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from minewatch.readers.netflow.elements import ADDRESS_OCTETS, FOREIGN, USED

if TYPE_CHECKING:
    from minewatch.readers.netflow.plans import Plan

VARIABLE: Final = 65535
"""Length of a field whose records tell its length themselves (RFC 7011 section 7)."""
MAX_FIELDS: Final = 1000
"""Fields of a template; real ones have up to a hundred."""
MAX_RECORD_OCTETS: Final = 65_535
NANOSECONDS: Final = 1_000_000_000


class Field(NamedTuple):
    """One field of a template."""

    key: int
    """As in ``elements``."""
    octets: int
    """``VARIABLE`` if the records tell."""
    enterprise: int = 0


@dataclass(slots=True, eq=False)
class Template:
    """What the records of one kind look like; two of equal fields are still two."""

    identifier: int
    fields: tuple[Field, ...]
    scopes: int = 0
    """How many of the first fields say what an options record is about; 0 for flow records."""
    is_options: bool = False
    plan: Plan | None = None
    """How its records are decoded, once there were any."""
    is_variable: bool = field(init=False)
    """Whether its records differ in length."""
    least_octets: int = field(init=False)
    """Octets of the shortest record that it allows, and of all if none is variable."""

    def __post_init__(self) -> None:
        """Work out what every data set asks."""
        octets = [1 if one.octets == VARIABLE else one.octets for one in self.fields]
        self.is_variable = any(one.octets == VARIABLE for one in self.fields)
        self.least_octets = sum(octets)


def record_type(template: Template) -> np.dtype[np.void]:
    """Return the numpy type of a template's records without their variable fields.

    Parameters
    ----------
    template : of records that are at least one octet long.

    Notes
    -----
    Of fields that are there twice the first one counts: what follows is of an inner header, or
    of a later observation point. Numbers of 1, 2, 4 or 8 octets are read as they are, others of
    up to 7 as octets (``column``). A field is named by its key; an IPv6 address by its key and
    ``high`` or ``low``.

    Examples
    --------
    >>> kind = record_type(Template(256, (Field(8, 4), Field(1, 3), Field(-1, 10), Field(7, 2))))
    >>> kind.itemsize, kind.names
    (19, ('8', '1', '7'))
    """
    names: list[str] = []
    formats: list[object] = []
    offsets: list[int] = []
    at = 0
    for key, octets, _ in template.fields:
        if octets == VARIABLE:
            continue
        if key in USED and key != FOREIGN and str(key) not in names:
            for suffix, kind, beyond in _formats(key, octets):
                if f"{key}{suffix}" not in names:
                    names.append(f"{key}{suffix}")
                    formats.append(kind)
                    offsets.append(at + beyond)
        at += octets
    layout = {"names": names, "formats": formats, "offsets": offsets, "itemsize": max(at, 1)}
    kind_of_all: np.dtype[np.void] = np.dtype(layout)  # type: ignore[call-overload]
    return kind_of_all


def _formats(key: int, octets: int) -> Iterator[tuple[str, object, int]]:
    if key in ADDRESS_OCTETS:
        if octets != ADDRESS_OCTETS[key]:
            return
        if octets == 16:
            yield "high", ">u8", 0
            yield "low", ">u8", 8
            return
    if octets in (1, 2, 4, 8):
        yield "", f">u{octets}", 0
    elif 0 < octets < 8:
        yield "", ("u1", (octets,)), 0


def column(rows: npt.NDArray[np.void], key: int) -> npt.NDArray[np.unsignedinteger]:
    """Return the numbers of one field, whatever its width.

    Parameters
    ----------
    rows : n records of a template.
    key : a field that the template has.

    Examples
    --------
    >>> kind = record_type(Template(256, (Field(1, 3),)))
    >>> column(np.frombuffer(bytes([1, 0, 2]), kind), 1)
    array([65538], dtype=uint64)
    """
    values: npt.NDArray[np.unsignedinteger] = rows[str(key)]
    if values.ndim == 1:
        return values
    total = np.zeros(len(values), np.uint64)
    for place in range(values.shape[1]):
        total = (total << np.uint64(8)) | values[:, place].astype(np.uint64)
    return total


@dataclass(frozen=True, slots=True)
class DecoderLimits:
    """What a decoder keeps at most, so that a flood of templates or sources costs no memory."""

    domains: int = 1024
    """Exporters, counted by their observation domains."""
    templates_per_domain: int = 256
    templates_in_all: int = 8192
    template_octets: int = 1 << 20
    """Octets of all templates of all exporters, as they were sent."""
    template_lifetime_ns: int | None = 1800 * NANOSECONDS
    """Templates that were not sent again for so long are forgotten (RFC 7011 section 8.4)."""
    waiting_sets: int = 32
    """Data sets of one domain that wait for their template."""
    waiting_octets: int = 1 << 16
    """Octets of data that wait for their template, of one domain."""
    waiting_octets_in_all: int = 8 << 20
    samplers_per_domain: int = 1024


@dataclass(slots=True)
class Usage:
    """What all domains of a decoder hold together, and which limits they ran into."""

    templates: int = 0
    template_octets: int = 0
    waiting_octets: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """What was not kept, by the limit that forbade it."""


@dataclass(slots=True)
class _Kept:
    template: Template
    octets: bytes
    seen_ns: int


class TemplateStore:
    """The templates of one observation domain.

    Parameters
    ----------
    limits : how many, and for how long.
    usage : shared by all domains.
    """

    def __init__(self, limits: DecoderLimits, usage: Usage) -> None:
        self._limits = limits
        self._usage = usage
        self._kept: dict[int, _Kept] = {}

    def __len__(self) -> int:
        """Return the number of templates."""
        return len(self._kept)

    def find(self, identifier: int, now_ns: int) -> Template | None:
        """Return a template, or None if it was never sent or not for too long."""
        kept = self._kept.get(identifier)
        if kept is None:
            return None
        if self._is_old(kept, now_ns):
            self.withdraw(identifier)
            return None
        return kept.template

    def add(self, template: Template, octets: bytes, now_ns: int) -> bool:
        """Keep a template; return False if there is no room.

        Parameters
        ----------
        template : what was sent; ``sent_again`` finds that one is kept.
        octets : as they were sent.
        now_ns : time of the data.
        """
        self.withdraw(template.identifier)
        if not self._has_room(len(octets), now_ns):
            return False
        self._usage.templates += 1
        self._usage.template_octets += len(octets)
        self._kept[template.identifier] = _Kept(template, octets, now_ns)
        return True

    def sent_again(self, body: memoryview, at: int, now_ns: int, *, of_options: bool) -> int:
        """Return how many octets the template at ``at`` has if it is kept, 0 if it is not.

        Some exporters send their templates with every datagram, and to read them costs more than
        all the rest.

        Parameters
        ----------
        body : a set of templates.
        at : where one begins; four octets are there.
        now_ns : time of the data; from now on it is as good as new.
        of_options : the set is one of options templates.
        """
        kept = self._kept.get(body[at] << 8 | body[at + 1])
        if kept is None or kept.template.is_options != of_options:
            return 0
        # What it begins with tells how long a template is: equal so far is equal in all.
        n = len(kept.octets)
        if bytes(body[at : at + n]) != kept.octets:
            return 0
        kept.seen_ns = max(kept.seen_ns, now_ns)
        return n

    def withdraw(self, identifier: int) -> None:
        """Forget one template, if it is known."""
        kept = self._kept.pop(identifier, None)
        if kept is not None:
            self._usage.templates -= 1
            self._usage.template_octets -= len(kept.octets)

    def withdraw_all(self, *, of_options: bool) -> None:
        """Forget all templates of flow records, or all of options."""
        for identifier in [
            one for one, kept in self._kept.items() if kept.template.is_options == of_options
        ]:
            self.withdraw(identifier)

    def clear(self) -> None:
        """Forget all."""
        for identifier in list(self._kept):
            self.withdraw(identifier)

    def _has_room(self, octets: int, now_ns: int) -> bool:
        if self._fits(octets):
            return True
        for identifier in [i for i, kept in self._kept.items() if self._is_old(kept, now_ns)]:
            self.withdraw(identifier)
        return self._fits(octets)

    def _fits(self, octets: int) -> bool:
        return (
            len(self._kept) < self._limits.templates_per_domain
            and self._usage.templates < self._limits.templates_in_all
            and self._usage.template_octets + octets <= self._limits.template_octets
        )

    def _is_old(self, kept: _Kept, now_ns: int) -> bool:
        lifetime = self._limits.template_lifetime_ns
        return lifetime is not None and now_ns - kept.seen_ns > lifetime
