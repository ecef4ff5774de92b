# SPDX-License-Identifier: Apache-2.0
"""IPFIX (RFC 7011), from datagrams and from files (RFC 5655)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from minewatch.readers.netflow.data_sets import gather_sets
from minewatch.readers.netflow.domain import Sent
from minewatch.readers.netflow.exporters import Exporters
from minewatch.readers.netflow.template_sets import (
    read_ipfix_options_templates,
    read_ipfix_templates,
)
from minewatch.readers.netflow.templates import NANOSECONDS
from minewatch.readers.netflow.work import UNKNOWN_UPTIME

HEADER_OCTETS: Final = 16
PROTOCOL: Final = ("IPFIX", 10)
_HEADER: Final = Struct(">HHIII")
_READERS: Final = {2: read_ipfix_templates, 3: read_ipfix_options_templates}


def gather(
    exporters: Exporters, datagram: memoryview, exporter: str, place: str, received_ns: int | None
) -> None:
    """Gather the records of a message.

    Parameters
    ----------
    exporters : where they go.
    datagram : that begins with version 10.
    exporter : its sender's address.
    place : where it stands in the input.
    received_ns : when it came, if that is known.
    """
    if len(datagram) < HEADER_OCTETS:
        exporters.fault("datagram cut", place, f"{len(datagram)} octets are no header of IPFIX")
        return
    _, octets, seconds, sequence, number = _HEADER.unpack_from(datagram)
    if octets < HEADER_OCTETS:
        exporters.fault("lying length", place, f"the header tells of {octets} octets")
        return
    export_ns = seconds * NANOSECONDS
    now_ns = export_ns if received_ns is None else received_ns
    sent = Sent(place, export_ns, UNKNOWN_UPTIME, now_ns)
    domain = exporters.find(exporter, PROTOCOL, number, sent)
    if domain is None:
        return
    if octets > len(datagram):
        exporters.fault(
            "datagram cut", place, f"{octets} octets are told, {len(datagram)} are there"
        )
    options = domain.statistics.options
    n = gather_sets(exporters, domain, datagram[HEADER_OCTETS:octets], sent, _READERS)
    domain.follow(sequence, n, domain.statistics.options - options)
