# SPDX-License-Identifier: Apache-2.0
"""JSON of Cisco Joy: a flow a line, after a line with the configuration.

``bytes_out`` and ``bytes_in`` count what lies behind the transport header (of other protocols than
TCP and UDP, behind the IP header): they are payload, and the octets of whole packets are unknown.
The packets' lengths and times in ``packets`` are not used: they are of the first ones only.
``tcp.out.flags`` are those of the handshake, not of the whole flow.
"""

from __future__ import annotations

from typing import BinaryIO, Final

import msgspec

from minewatch.contracts import FlowSource
from minewatch.readers.flowlogs.json_source import JsonSource
from minewatch.readers.flowlogs.json_values import (
    MAX_PORT,
    Number,
    address,
    epoch_time,
    protocol_number,
    whole_number,
)
from minewatch.records import UNKNOWN

_SECOND: Final = 10**9
_END_REASONS: Final = {"i": 1, "a": 2}
"""IPFIX 136: idle and active timeout."""


class Side(msgspec.Struct, gc=False):
    """What the handshake of one side was."""

    flags: str | None = None


class Tcp(msgspec.Struct, gc=False):
    """Member ``tcp``."""

    out: Side | None = None


class Tls(msgspec.Struct, gc=False):
    """Member ``tls``."""

    sni: str | list[str] | None = None


class Resource(msgspec.Struct, gc=False):
    """A record of an answer."""

    a: str | None = None
    aaaa: str | None = None


class Dns(msgspec.Struct, gc=False):
    """A query and its answer."""

    qn: str | None = None
    rr: list[Resource] | None = None


class JoyFlow(msgspec.Struct, gc=False):
    """A line: a flow, or the configuration."""

    sa: str | None = None
    da: str | None = None
    pr: int | str | None = None
    sp: Number = None
    dp: Number = None
    bytes_out: Number = None
    bytes_in: Number = None
    num_pkts_out: Number = None
    num_pkts_in: Number = None
    time_start: Number = None
    time_end: Number = None
    expire_type: str | None = None
    tcp: Tcp | None = None
    tls: Tls | None = None
    dns: list[Dns] | None = None
    version: str | None = None
    bidir: Number = None


_FLOWS: Final = msgspec.json.Decoder(JoyFlow)
_FLOW_SIGNS: Final = (b'"sa"', b'"da"', b'"pr"', b'"num_pkts_out"')
_CONFIGURATION_SIGNS: Final = (b'"version"', b'"bidir"', b'"num_pkts"', b'"idp"')


class JoyFormat:
    """JSON of Cisco Joy.

    Examples
    --------
    >>> JoyFormat().recognises(b'{"sa":"10.0.0.1","da":"10.0.0.2","pr":6,"num_pkts_out":1')
    True
    """

    name = "joy"
    title = "Cisco Joy"

    def recognises(self, head: bytes) -> bool:
        """Return whether an input that begins so is of Joy.

        Parameters
        ----------
        head : the first octets of the unpacked input.
        """
        if head.lstrip()[:1] != b"{":
            return False
        return any(
            all(sign in head for sign in signs) for signs in (_FLOW_SIGNS, _CONFIGURATION_SIGNS)
        )

    def open(self, name: str, path: str, stream: BinaryIO, *, strict: bool) -> FlowSource:
        """Return a source that reads the log.

        Parameters
        ----------
        name : what the user called the input.
        path : where it lies; not used.
        stream : unpacked.
        strict : the first fault raises SourceError.
        """
        return JoySource(name, stream, strict=strict)


class JoySource(JsonSource[JoyFlow]):
    """One log.

    Parameters
    ----------
    name : what the user called the input.
    stream : unpacked.
    strict : the first fault raises SourceError.
    """

    def __init__(self, name: str, stream: BinaryIO, *, strict: bool) -> None:
        super().__init__(name, stream, _FLOWS, strict=strict)
        self._absent = UNKNOWN
        """What a count of the way back is that is not told: 0 if Joy joins directions."""

    def take(self, document: JoyFlow) -> str | None:
        """Add the row of a line, or return that it is the configuration.

        Parameters
        ----------
        document : the line.

        Raises
        ------
        RowError : it cannot be used.
        """
        if document.sa is None and document.da is None and document.version is not None:
            self._absent = 0 if document.bidir == 1 else UNKNOWN
            return "configuration"
        self.packer.add(
            source=address(document.sa),
            destination=address(document.da),
            ports=(
                whole_number(document.sp, "sp", MAX_PORT, 0),
                whole_number(document.dp, "dp", MAX_PORT, 0),
            ),
            protocol=protocol_number(document.pr, "pr"),
            packets=(
                whole_number(document.num_pkts_out, "num_pkts_out"),
                whole_number(document.num_pkts_in, "num_pkts_in", missing=self._absent),
            ),
            payload_octets=(
                whole_number(document.bytes_out, "bytes_out"),
                whole_number(document.bytes_in, "bytes_in", missing=self._absent),
            ),
            end_reason=_END_REASONS.get(document.expire_type or "", 0),
            is_source_initiator=_initiator(document.tcp),
            server_name=self.known.server(_server_name(document.tls)),
            # Last: what is repaired must be parsed.
            times=self.in_order(
                epoch_time(document.time_start, "time_start", _SECOND),
                epoch_time(document.time_end, "time_end", _SECOND),
            ),
        )
        for query in document.dns or ():
            for resource in query.rr or ():
                self.known.answer(resource.a or resource.aaaa, query.qn)
        return None


def _initiator(tcp: Tcp | None) -> int:
    """Return 1 if the source sent the SYN, 0 if it sent the answer to it."""
    flags = tcp.out.flags if tcp and tcp.out else None
    if not flags or "S" not in flags:
        return UNKNOWN
    return 0 if "A" in flags else 1


def _server_name(tls: Tls | None) -> str | None:
    names = tls.sni if tls else None
    if isinstance(names, list):
        return names[0] if names else None
    return names
