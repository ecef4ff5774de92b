# SPDX-License-Identifier: Apache-2.0
"""Datagrams of NetFlow v5 and v9, IPFIX and sFlow v5 into records, told apart by their version."""

from __future__ import annotations

from collections import Counter
from typing import Final

from minewatch.readers.netflow import ipfix, sflow, v5, v9
from minewatch.readers.netflow.domain import DomainStatistics
from minewatch.readers.netflow.exporters import Exporters
from minewatch.readers.netflow.templates import DecoderLimits
from minewatch.records import RecordArray, RecordCounters

_READERS: Final = {5: v5.gather, 9: v9.gather, 10: ipfix.gather}
_SFLOW_VERSION: Final = b"\0\0\0\5"
"""Four octets long, unlike the others."""


class ExportDecoder:
    """Decodes what exporters send.

    Parameters
    ----------
    counters : where every record is accounted for; a template is no record.
    strict : the first fault or repair raises SourceError.
    limits : how much is kept of templates, sources and data that waits.

    Notes
    -----
    ``decode`` gives the records of one datagram. Where many come at once, ``add`` each and
    ``take`` their records together: sets of one template are then decoded as one, which is
    several times faster.
    """

    def __init__(
        self,
        counters: RecordCounters,
        strict: bool = False,
        limits: DecoderLimits = DecoderLimits(),  # noqa: B008  frozen
    ) -> None:
        self._exporters = Exporters(counters, strict, limits)

    def decode(
        self, datagram: bytes | memoryview, exporter: str, place: str, received_ns: int | None
    ) -> list[RecordArray]:
        """Return the records of a datagram, and of earlier ones that waited for its templates.

        Parameters
        ----------
        datagram : UDP payload, or message of an IPFIX file.
        exporter : its sender's address as text.
        place : where it stands in the input, for messages: ``a.pcap: datagram 3``.
        received_ns : when it came; None if that is not known.

        Raises
        ------
        SourceError : strict, and there is a fault.
        """
        self.add(datagram, exporter, place, received_ns)
        return self.take()

    def add(
        self, datagram: bytes | memoryview, exporter: str, place: str, received_ns: int | None
    ) -> None:
        """Gather the records of a datagram, as ``decode``; its octets may not change until taken.

        Parameters
        ----------
        datagram : UDP payload, or message of an IPFIX file.
        exporter : its sender's address as text.
        place : where it stands in the input, for messages.
        received_ns : when it came; None if that is not known.

        Raises
        ------
        SourceError : strict, and there is a fault.
        """
        view = memoryview(datagram)
        self._exporters.counters.octets_read += len(view)
        head = bytes(view[:4])
        gather = _READERS.get(int.from_bytes(head[:2], "big"))
        if head == _SFLOW_VERSION:
            gather = sflow.gather
        if gather is None:
            self._exporters.fault(
                "unknown version",
                place,
                f"it begins with {head.hex() or 'nothing'}; NetFlow v5 and v9, IPFIX "
                "and sFlow v5 are read",
            )
            return
        gather(self._exporters, view, exporter, place, received_ns)

    def take(self) -> list[RecordArray]:
        """Return the records that were gathered, one array a template; order is by template."""
        return self._exporters.take()

    def finish(self) -> list[RecordArray]:
        """Return the last records, and count the data whose templates never came."""
        records = self.take()
        for domain in self._exporters.domains.values():
            self._exporters.give_up_waiting(domain)
        return records

    @property
    def n_gathered(self) -> int:
        """Records that ``take`` would decode; take them before they are too many."""
        return self._exporters.n_gathered

    @property
    def statistics(self) -> list[DomainStatistics]:
        """What each observation domain sent that is followed, in the order of being heard."""
        return [domain.statistics for domain in self._exporters.domains.values()]

    @property
    def lost(self) -> int:
        """Records or datagrams that are missing by the sequence numbers of all that were heard."""
        return self._exporters.lost

    @property
    def refused(self) -> Counter[str]:
        """What was not kept, by the limit that forbade it."""
        return self._exporters.usage.refused
