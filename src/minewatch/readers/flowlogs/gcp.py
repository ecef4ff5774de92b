# SPDX-License-Identifier: Apache-2.0
"""VPC Flow Logs of Google Cloud: log entries as Cloud Logging, BigQuery or a bucket gives them.

What the records tell is taken from Google's "About VPC Flow Logs records" (read 2026-04):
``bytes_sent`` is the *estimated number of user payload bytes*, zero for packets without payload,
so it is kept as payload, and the octets of whole packets are unknown. Both counts are estimates
already: "VPC Flow Logs" says that missed packets are compensated "by interpolating from the
captured packets", those missed by the first sampling, which nobody can set, and those missed by
the secondary rate, which users set. The rates are not in the log, and counts must not be scaled
again (``is_scaled``); ``sampling_packet_interval`` is the ``PRIMARY_SAMPLING`` that the
documentation once named, so that verdicts are less sure. Small flows may be missing as a whole.

A flow between two machines of the cloud is reported by both (``SRC`` and ``DEST``), each
direction in a record of its own; the observer is the side that reported together with its
machine, so that they are not counted twice. Egress is sampled before the firewall's rules:
packets that were denied look like others.
"""

from __future__ import annotations

from functools import lru_cache
from typing import BinaryIO, Final

import msgspec

from minewatch.contracts import FlowSource
from minewatch.readers.flowlogs.json_documents import begins_like_json
from minewatch.readers.flowlogs.json_source import JsonSource
from minewatch.readers.flowlogs.json_values import (
    MAX_PORT,
    Number,
    RowError,
    ShortText,
    address,
    protocol_number,
    time_of,
    whole_number,
)
from minewatch.readers.flowlogs.observers import observation_point
from minewatch.records import UNKNOWN

LOG_NAME: Final = "vpc_flows"
"""Part of ``logName``, of compute.googleapis.com and of networkmanagement.googleapis.com."""
_SIGNS: Final = (b'"connection"', b'"packets_sent"', b'"reporter"')


# Members are in the order of the alphabet, as in most logs: they are found fastest so.
class Connection(msgspec.Struct, gc=False):
    """IpConnection."""

    dest_ip: str | None = None
    dest_port: Number = None
    protocol: int | str | None = None
    src_ip: str | None = None
    src_port: Number = None


class Place(msgspec.Struct, gc=False):
    """InstanceDetails, VpcDetails or GatewayDetails: what tells one from others."""

    name: ShortText = ""
    project_id: ShortText = ""
    subnetwork_name: ShortText = ""
    vm_name: ShortText = ""
    zone: ShortText = ""


class Payload(msgspec.Struct, gc=False):
    """What a log entry tells of a flow."""

    bytes_sent: Number = None
    connection: Connection | None = None
    dest_gateway: Place | None = None
    dest_instance: Place | None = None
    dest_vpc: Place | None = None
    end_time: str | None = None
    packets_sent: Number = None
    rdma_traffic_type: str | None = None
    reporter: ShortText = ""
    src_gateway: Place | None = None
    src_instance: Place | None = None
    src_vpc: Place | None = None
    start_time: str | None = None


class Entry(Payload, gc=False, rename={"json_payload": "jsonPayload", "log_name": "logName"}):
    """A log entry, or its payload by itself."""

    json_payload: Payload | None = None
    log_name: str | None = None


class _LogName(msgspec.Struct, gc=False, rename={"log_name": "logName"}):
    log_name: str | None = None


PRIMARY_SAMPLING: Final = 10
"""Packets for each one that is looked at: "about 1 out of every 10", said Google's documentation
once; now it says that the rate depends on the load of the host."""
_ENTRIES: Final = msgspec.json.Decoder(Entry)
_LOG_NAMES: Final = msgspec.json.Decoder(_LogName)


class GcpFormat:
    """VPC Flow Logs of Google Cloud.

    Examples
    --------
    >>> GcpFormat().recognises(b'{"connection":{},"reporter":"SRC","packets_sent":"1"')
    True
    """

    name = "gcp"
    title = "Google Cloud VPC Flow Logs"

    def recognises(self, head: bytes) -> bool:
        """Return whether an input that begins so holds entries of VPC Flow Logs.

        Parameters
        ----------
        head : the first octets of the unpacked input.
        """
        return begins_like_json(head) and (
            b"%2Fvpc_flows" in head or b"/vpc_flows" in head or all(sign in head for sign in _SIGNS)
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
        return GcpSource(name, stream, _ENTRIES, strict=strict)


class GcpSource(JsonSource[Entry]):
    """One log."""

    def take(self, document: Entry) -> str | None:
        """Add the row of an entry, or return why it has none.

        Parameters
        ----------
        document : log entry or bare payload.

        Raises
        ------
        RowError : it cannot be used.
        """
        if _is_other_log(document.log_name):
            return "another log"
        payload = document.json_payload or document
        connection = payload.connection
        if connection is None:
            raise RowError("connection is missing", "a flow cannot be told without it")
        if connection.protocol is None and payload.rdma_traffic_type is not None:
            return "RDMA"
        self.packer.add(
            source=address(connection.src_ip),
            destination=address(connection.dest_ip),
            ports=(
                whole_number(connection.src_port, "src_port", MAX_PORT, 0),
                whole_number(connection.dest_port, "dest_port", MAX_PORT, 0),
            ),
            protocol=protocol_number(connection.protocol, "protocol"),
            packets=(whole_number(payload.packets_sent, "packets_sent"), UNKNOWN),
            payload_octets=(whole_number(payload.bytes_sent, "bytes_sent"), UNKNOWN),
            observer=_observer_of(payload),
            sampling=PRIMARY_SAMPLING,
            is_scaled=True,
            # Last: what is repaired must be parsed.
            times=self.in_order(
                time_of(payload.start_time, "start_time"), time_of(payload.end_time, "end_time")
            ),
        )
        return None

    def other_kind(self, octets: bytes) -> str | None:
        """Return that an entry is of another log, if it is.

        Parameters
        ----------
        octets : of the entry.
        """
        return "another log" if _is_other_log(_LOG_NAMES.decode(octets).log_name) else None


def _is_other_log(log_name: str | None) -> bool:
    return log_name is not None and LOG_NAME not in log_name


def _observer_of(payload: Payload) -> int:
    """Return the number of the side that reported; 0 if the log does not tell which one it was."""
    if payload.reporter.startswith("SRC"):
        instance, vpc, gateway = payload.src_instance, payload.src_vpc, payload.src_gateway
    else:
        instance, vpc, gateway = payload.dest_instance, payload.dest_vpc, payload.dest_gateway
    return _observer(
        payload.reporter,
        instance.project_id if instance else "",
        instance.zone if instance else "",
        instance.vm_name if instance else "",
        vpc.subnetwork_name if vpc else "",
        gateway.name if gateway else "",
    )


_observer: Final = lru_cache(1 << 12)(observation_point)
