# SPDX-License-Identifier: Apache-2.0
"""Names that Suricata's TLS, QUIC and DNS events tell, before the flow event of the same flow."""

from __future__ import annotations

from typing import Final

import msgspec

from minewatch.readers.flowlogs.known_names import KnownNames
from minewatch.records import UNKNOWN

MAX_OPEN_FLOWS: Final = 1 << 17
"""Flows with a name of which the flow event is still to come; the oldest are forgotten."""
_ADDRESS_TYPES: Final = ("A", "AAAA")


class _Hello(msgspec.Struct, gc=False):
    sni: str | None = None


class _Answer(msgspec.Struct, gc=False):
    rrname: str | None = None
    rrtype: str | None = None
    rdata: str | None = None


class _Query(msgspec.Struct, gc=False):
    rrname: str | None = None


class _Grouped(msgspec.Struct, gc=False, rename={"a": "A", "aaaa": "AAAA"}):
    a: list[str] | None = None
    aaaa: list[str] | None = None


class _Dns(msgspec.Struct, gc=False):
    """An answer: version 1 has one record, 2 a list of them, 3 names the queries apart."""

    rrname: str | None = None
    rrtype: str | None = None
    rdata: str | None = None
    queries: list[_Query] | None = None
    answers: list[_Answer] | None = None
    grouped: _Grouped | None = None


_HELLOS: Final = msgspec.json.Decoder(_Hello)
_DNS: Final = msgspec.json.Decoder(_Dns)


class EveNames:
    """What names an EVE log told so far.

    Parameters
    ----------
    known : where they are kept.

    Examples
    --------
    >>> from minewatch.records import Names
    >>> names = EveNames(KnownNames(Names()))
    >>> names.take_hello(7, msgspec.Raw(b'{"sni": "pool.example"}'))
    >>> names.server(7), names.server(8)
    (0, -1)
    """

    def __init__(self, known: KnownNames) -> None:
        self._known = known
        self._open: dict[int | str, int] = {}

    def server(self, flow_id: int | str | None) -> int:
        """Return the place of the name of a flow's server, unknown if none was told.

        Parameters
        ----------
        flow_id : of the flow.
        """
        return UNKNOWN if flow_id is None else self._open.get(flow_id, UNKNOWN)

    def take_hello(self, flow_id: int | str | None, hello: msgspec.Raw) -> None:
        """Keep the server name of a flow.

        Parameters
        ----------
        flow_id : of the flow.
        hello : member ``tls`` or ``quic`` of an event.

        Raises
        ------
        ValueError : it cannot be decoded.
        """
        if flow_id is None or not bytes(hello):
            return
        place = self._known.server(_HELLOS.decode(hello).sni)
        if place == UNKNOWN:
            return
        if len(self._open) >= MAX_OPEN_FLOWS:
            del self._open[next(iter(self._open))]
        self._open[flow_id] = place

    def take_dns(self, dns: msgspec.Raw) -> None:
        """Keep the names of the addresses of an answer.

        Parameters
        ----------
        dns : member of an event.

        Raises
        ------
        ValueError : it cannot be decoded.
        """
        if not bytes(dns):
            return
        answer = _DNS.decode(dns)
        asked = answer.rrname or (answer.queries[0].rrname if answer.queries else None)
        if answer.rrtype in _ADDRESS_TYPES:
            self._known.answer(answer.rdata, asked)
        for one in answer.answers or ():
            if one.rrtype in _ADDRESS_TYPES:
                self._known.answer(one.rdata, asked or one.rrname)
        if answer.grouped is not None:
            for text in (*(answer.grouped.a or ()), *(answer.grouped.aaaa or ())):
                self._known.answer(text, asked)
