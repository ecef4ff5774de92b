# SPDX-License-Identifier: Apache-2.0
"""NetFlow v9 (RFC 3954): templates, and times by the exporter's uptime."""

from __future__ import annotations

from struct import Struct
from typing import Final

from minewatch.readers.netflow.data_sets import gather_sets
from minewatch.readers.netflow.domain import Sent
from minewatch.readers.netflow.exporters import Exporters
from minewatch.readers.netflow.template_sets import read_v9_options_templates, read_v9_templates
from minewatch.readers.netflow.templates import NANOSECONDS

HEADER_OCTETS: Final = 20
PROTOCOL: Final = ("NetFlow v9", 9)
_HEADER: Final = Struct(">HHIIII")
_READERS: Final = {0: read_v9_templates, 1: read_v9_options_templates}


def gather(
    exporters: Exporters, datagram: memoryview, exporter: str, place: str, received_ns: int | None
) -> None:
    """Gather the records of a datagram.

    Parameters
    ----------
    exporters : where they go.
    datagram : that begins with version 9.
    exporter : its sender's address.
    place : where it stands in the input.
    received_ns : when it came, if that is known.

    Notes
    -----
    The header's count of records is not relied on: what it counts differs between exporters.
    """
    if len(datagram) < HEADER_OCTETS:
        exporters.fault("datagram cut", place, f"{len(datagram)} octets are no header of v9")
        return
    _, _, uptime_ms, seconds, sequence, source = _HEADER.unpack_from(datagram)
    export_ns = seconds * NANOSECONDS
    sent = Sent(place, export_ns, uptime_ms, export_ns if received_ns is None else received_ns)
    domain = exporters.find(exporter, PROTOCOL, source, sent)
    if domain is not None:
        domain.follow(sequence, 1)
        gather_sets(exporters, domain, datagram[HEADER_OCTETS:], sent, _READERS)
