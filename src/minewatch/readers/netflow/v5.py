# SPDX-License-Identifier: Apache-2.0
"""NetFlow v5: a fixed record, here a template like those of later versions.

Layout: Cisco, "NetFlow Export Datagram Format", tables B-3 and B-4. A record's octets are those
of layer 3; ICMP's type and code stand in the destination port.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from minewatch.readers.netflow import elements as e
from minewatch.readers.netflow.domain import Sent
from minewatch.readers.netflow.exporters import Exporters
from minewatch.readers.netflow.plans import Plan
from minewatch.readers.netflow.templates import NANOSECONDS, Field, Template

HEADER_OCTETS: Final = 24
RECORD_OCTETS: Final = 48
MAX_RECORDS: Final = 30
_HEADER: Final = Struct(">HHIIIIBBH")
_SAMPLING_BITS: Final = 0x3FFF
_FIELDS: Final = (
    (e.SOURCE_IPV4, 4),
    (e.DESTINATION_IPV4, 4),
    (e.FOREIGN, 8),  # next hop, input, output
    (e.PACKETS, 4),
    (e.OCTETS, 4),
    (e.START_UPTIME, 4),
    (e.END_UPTIME, 4),
    (e.SOURCE_PORT, 2),
    (e.DESTINATION_PORT, 2),
    (e.FOREIGN, 1),
    (e.TCP_FLAGS, 1),
    (e.PROTOCOL, 1),
    (e.FOREIGN, 9),  # type of service, autonomous systems, masks
)
TEMPLATE: Final = Template(0, tuple(Field(key, octets) for key, octets in _FIELDS))
TEMPLATE.plan = Plan(TEMPLATE, out_may_be_reverse=False)
PROTOCOL: Final = ("NetFlow v5", 5)


def gather(
    exporters: Exporters, datagram: memoryview, exporter: str, place: str, received_ns: int | None
) -> None:
    """Gather the records of a datagram.

    Parameters
    ----------
    exporters : where they go.
    datagram : that begins with version 5.
    exporter : its sender's address.
    place : where it stands in the input.
    received_ns : when it came, if that is known.
    """
    if len(datagram) < HEADER_OCTETS:
        exporters.fault("datagram cut", place, f"{len(datagram)} octets are no header of v5")
        return
    _, n, uptime_ms, seconds, nanoseconds, sequence, kind, engine, sampling = _HEADER.unpack_from(
        datagram
    )
    export_ns = seconds * NANOSECONDS + min(nanoseconds, NANOSECONDS - 1)
    sent = Sent(place, export_ns, uptime_ms, export_ns if received_ns is None else received_ns)
    whole = (len(datagram) - HEADER_OCTETS) // RECORD_OCTETS
    if n == 0 or n > max(whole, MAX_RECORDS):
        exporters.fault(
            "lying count", place, f"the header tells of {n} records, there is room for {whole}"
        )
        return
    domain = exporters.find(exporter, PROTOCOL, kind << 8 | engine, sent)
    if domain is None:
        return
    domain.follow(sequence, n)
    interval = sampling & _SAMPLING_BITS or None
    if interval != domain.sampling.interval:
        exporters.settle(domain)
        domain.sampling.interval = interval
    usable = min(whole, n)
    end = HEADER_OCTETS + usable * RECORD_OCTETS
    if usable:
        exporters.gather(domain, TEMPLATE, datagram[HEADER_OCTETS:end], usable, sent)
    if whole < n:
        exporters.fault(
            "datagram cut", place, f"{n} records are told, {whole} are there", n - whole
        )
    elif any(datagram[end:]):
        exporters.fault(
            "octets after the last record", place, f"{len(datagram) - end} octets, not used"
        )
