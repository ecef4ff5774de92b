# SPDX-License-Identifier: Apache-2.0
"""EVE logs of Suricata: its flow and netflow events, names from its TLS, QUIC and DNS events.

Suricata counts octets of whole frames (``GET_PKT_LEN`` in ``flow.c``), records count from the IP
header on: the Ethernet header is taken off, unless too little for the packets would be left.
A flow event tells of a flow from its first packet to its last, so its counts are whole; its source
is who sent the first packet or the SYN. Netflow events tell the same of each direction by itself:
they are another observer, so that a log with both does not count a flow twice.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import BinaryIO, Final

import msgspec

from minewatch.contracts import FlowSource
from minewatch.readers.flowlogs.eve_names import EveNames
from minewatch.readers.flowlogs.frame_octets import take_off_ethernet
from minewatch.readers.flowlogs.json_documents import begins_like_json
from minewatch.readers.flowlogs.json_source import JsonSource
from minewatch.readers.flowlogs.json_values import (
    ICMP,
    MAX_PORT,
    Number,
    RowError,
    ShortText,
    address,
    protocol_number,
    shown,
    time_of,
    whole_number,
)
from minewatch.readers.flowlogs.observers import observation_point
from minewatch.records import DENIED, UNKNOWN, RecordArray

_FLAGS: Final = re.compile("[0-9a-fA-F]{1,4}")
_MAX_VLAN: Final = 4095
_END_REASONS: Final = {"timeout": 1, "forced": 4, "shutdown": 4}
"""IPFIX 136: idle timeout, forced end."""
_END_DETECTED: Final = 3


class Flow(msgspec.Struct, gc=False):
    """Member ``flow`` of a flow event."""

    pkts_toserver: Number = None
    pkts_toclient: Number = None
    bytes_toserver: Number = None
    bytes_toclient: Number = None
    start: str | None = None
    end: str | None = None
    state: str | None = None
    reason: str | None = None
    action: str | None = None


class Netflow(msgspec.Struct, gc=False):
    """Member ``netflow`` of a netflow event."""

    pkts: Number = None
    bytes: Number = None
    start: str | None = None
    end: str | None = None


class Tcp(msgspec.Struct, gc=False):
    """Member ``tcp``: flags in hexadecimal."""

    tcp_flags: str | None = None
    tcp_flags_ts: str | None = None
    tcp_flags_tc: str | None = None


class Event(msgspec.Struct, gc=False):
    """One event."""

    event_type: str
    flow_id: int | ShortText | None = None
    in_iface: ShortText = ""
    host: ShortText = ""
    src_ip: str | None = None
    src_port: Number = None
    dest_ip: str | None = None
    dest_port: Number = None
    proto: int | str | None = None
    icmp_type: Number = None
    icmp_code: Number = None
    vlan: int | list[int] | None = None
    flow: Flow | None = None
    netflow: Netflow | None = None
    tcp: Tcp | None = None
    tls: msgspec.Raw = msgspec.Raw()
    quic: msgspec.Raw = msgspec.Raw()
    dns: msgspec.Raw = msgspec.Raw()


class _Kind(msgspec.Struct, gc=False):
    event_type: str


_EVENTS: Final = msgspec.json.Decoder(Event)
_KINDS: Final = msgspec.json.Decoder(_Kind)
_USED: Final = frozenset({"flow", "netflow", "tls", "quic", "dns"})


class SuricataFormat:
    """EVE logs of Suricata.

    Examples
    --------
    >>> SuricataFormat().recognises(b'{"timestamp":"2021-06-06T15:57:37+0200","event_type":"flow"')
    True
    """

    name = "suricata"
    title = "Suricata EVE"

    def recognises(self, head: bytes) -> bool:
        """Return whether an input that begins so is an EVE log.

        Parameters
        ----------
        head : the first octets of the unpacked input.
        """
        return begins_like_json(head) and b'"event_type"' in head and b'"timestamp"' in head

    def open(self, name: str, path: str, stream: BinaryIO, *, strict: bool) -> FlowSource:
        """Return a source that reads the log.

        Parameters
        ----------
        name : what the user called the input.
        path : where it lies; not used.
        stream : unpacked.
        strict : the first fault raises SourceError.
        """
        return SuricataSource(name, stream, strict=strict)


class SuricataSource(JsonSource[Event]):
    """One log.

    Parameters
    ----------
    name : what the user called the input.
    stream : unpacked.
    strict : the first fault raises SourceError.
    """

    def __init__(self, name: str, stream: BinaryIO, *, strict: bool) -> None:
        super().__init__(name, stream, _EVENTS, strict=strict)
        self._names = EveNames(self.known)

    def take(self, document: Event) -> str | None:
        """Add the row of an event, or return its type if it has none.

        Parameters
        ----------
        document : event.

        Raises
        ------
        RowError : it cannot be used.
        """
        kind = document.event_type
        if kind == "flow":
            self._take_flow(document)
        elif kind == "netflow":
            self._take_netflow(document)
        else:
            if kind == "dns":
                self._names.take_dns(document.dns)
            elif kind in ("tls", "quic"):
                hello = document.tls if kind == "tls" else document.quic
                self._names.take_hello(document.flow_id, hello)
            return kind
        return None

    def other_kind(self, octets: bytes) -> str | None:
        """Return the type of an event that is not used.

        Parameters
        ----------
        octets : of the event.
        """
        kind = _KINDS.decode(octets).event_type
        return None if kind in _USED else kind

    def finish(self, records: RecordArray) -> None:
        """Count octets from the IP header on.

        Parameters
        ----------
        records : of a block.
        """
        take_off_ethernet(records)

    def _take_flow(self, event: Event) -> None:
        flow = event.flow
        if flow is None:
            raise RowError("flow is missing", "an event of type flow tells of one")
        self.packer.add(
            source=address(event.src_ip),
            destination=address(event.dest_ip),
            ports=_ports(event),
            protocol=protocol_number(event.proto, "proto"),
            packets=(
                whole_number(flow.pkts_toserver, "pkts_toserver"),
                whole_number(flow.pkts_toclient, "pkts_toclient"),
            ),
            octets=(
                whole_number(flow.bytes_toserver, "bytes_toserver"),
                whole_number(flow.bytes_toclient, "bytes_toclient"),
            ),
            tcp_control_bits=_both_bits(event.tcp) if event.tcp else (UNKNOWN, UNKNOWN),
            vlan=0 if event.vlan is None else _vlan(event.vlan),
            end_reason=_end_reason(flow),
            firewall_event=DENIED if flow.action == "drop" else 0,
            is_source_initiator=1,
            observer=_observer(event.host, event.in_iface, ""),
            server_name=self._names.server(event.flow_id),
            # Last: what is repaired must be parsed.
            times=self.in_order(time_of(flow.start, "start"), time_of(flow.end, "end")),
        )

    def _take_netflow(self, event: Event) -> None:
        flow = event.netflow
        if flow is None:
            raise RowError("netflow is missing", "an event of type netflow tells of a flow")
        self.packer.add(
            source=address(event.src_ip),
            destination=address(event.dest_ip),
            ports=_ports(event),
            protocol=protocol_number(event.proto, "proto"),
            packets=(whole_number(flow.pkts, "pkts"), UNKNOWN),
            octets=(whole_number(flow.bytes, "bytes"), UNKNOWN),
            tcp_control_bits=(_bits(event.tcp.tcp_flags) if event.tcp else UNKNOWN, UNKNOWN),
            vlan=0 if event.vlan is None else _vlan(event.vlan),
            observer=_observer(event.host, event.in_iface, "netflow"),
            server_name=self._names.server(event.flow_id),
            # Last: what is repaired must be parsed.
            times=self.in_order(time_of(flow.start, "start"), time_of(flow.end, "end")),
        )


def _ports(event: Event) -> tuple[int, int]:
    if event.icmp_type is not None and protocol_number(event.proto, "proto") in ICMP:
        icmp_type = whole_number(event.icmp_type, "icmp_type", 255, 0)
        return 0, icmp_type << 8 | whole_number(event.icmp_code, "icmp_code", 255, 0)
    return (
        whole_number(event.src_port, "src_port", MAX_PORT, 0),
        whole_number(event.dest_port, "dest_port", MAX_PORT, 0),
    )


def _end_reason(flow: Flow) -> int:
    return _END_DETECTED if flow.state == "closed" else _END_REASONS.get(flow.reason or "", 0)


def _both_bits(tcp: Tcp) -> tuple[int, int]:
    return _bits(tcp.tcp_flags_ts), _bits(tcp.tcp_flags_tc)


@lru_cache(1 << 10)
def _bits(text: str | None) -> int:
    if text is None:
        return UNKNOWN
    if not _FLAGS.fullmatch(text):
        raise RowError("TCP flags are no number", f"hexadecimal is expected; found {shown(text)}")
    return int(text, 16) & 0xFF


def _vlan(value: int | list[int]) -> int:
    if isinstance(value, list):
        value = value[0] if value else 0
    return whole_number(value, "vlan", _MAX_VLAN, 0)


_observer: Final = lru_cache(1 << 12)(observation_point)
