# SPDX-License-Identifier: Apache-2.0
"""What a cloud or an exporter does with packets before it writes: windows, sampling, delays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SECOND_NS: Final = 1_000_000_000
MILLISECOND_NS: Final = 1_000_000
MICROSECOND_NS: Final = 1_000

GCP_INTERVALS_S: Final = (5.0, 30.0, 60.0, 300.0, 600.0, 900.0)
"""``INTERVAL_5_SEC`` to ``INTERVAL_15_MIN`` of the API's ``AggregationInterval``."""
GCP_SAMPLING: Final = 10
"""Packets for each one that Google Cloud looks at. Its documentation once gave "about 1 out of
every 10 packets"; now it says that the primary rate is dynamic, depends on the load of the host
and cannot be set."""


AZURE_IDLE_S: Final = 240.0
"""Azure's idle timeout of flows: 4 minutes."""


class Alignment(StrEnum):
    """What the windows of records are counted from."""

    CLOCK = "clock"
    """Multiples of the interval since 1970."""
    OBSERVER = "observer"
    """As ``CLOCK``, but shifted: each observer has a phase of its own, drawn from the seed."""
    FLOW = "flow"
    """The flow's first packet; the next record begins with the first packet after the end."""


class TcpFlags(StrEnum):
    """What a record tells of TCP flags."""

    NONE = "none"
    ALL = "all"
    """OR of the low eight bits, of TCP alone."""
    OPENING = "opening"
    """FIN, SYN and RST, and ACK only together with SYN: what AWS writes. Who opened follows."""
    LETTERS = "letters"
    """FIN, SYN, RST and ACK, of TCP alone: what Zeek's history has letters for."""


class EndReason(StrEnum):
    """What a record tells of why it ended, as IPFIX 136 has it."""

    NONE = "none"
    CLOSED = "closed"
    """End of flow (3) where Zeek's state says so."""
    GOING_ON = "going on"
    """Active timeout (2) where TCP was not seen to end: what Azure's states tell."""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """How packets become the records of one kind of log.

    Parameters
    ----------
    interval_s : length of a window [s]; None for one record a whole connection.
    alignment : what windows are counted from.
    inactive_s : a silence that ends a record whatever its window [s]; None for no such rule.
    tcp_inactive_s : the same for TCP; None for ``inactive_s``.
    is_biflow : one record tells of both directions.
    by_interface : the observers are the interfaces of the ends that are at home, and each counts
        for itself; otherwise one observer sees everything once.
    resolution_ns : times are cut to multiples of this.
    sampling : packets for each one that is counted.
    is_scaled : counts are multiplied by ``sampling`` again before they are written.
    tells_sampling : how many packets a counted one stands for is told; else they look like all.
    capture_delay_s : times are late by up to this [s], drawn for each window of an observer.
    tcp_flags : what is told of them.
    tells_octets : octets of packets are told.
    tells_payload : octets of payload are told.
    tells_icmp : type and code of ICMP are told.
    tells_initiator : who opened is told.
    end_reason : what is told of why a record ended.
    continues_s : a record tells of the time since the one before of its connection, unless that
        was longer ago [s]; None if it tells of that between its own first and last packet.
    seed : of everything that is drawn.
    """

    interval_s: float | None = 60.0
    alignment: Alignment = Alignment.CLOCK
    inactive_s: float | None = None
    tcp_inactive_s: float | None = None
    is_biflow: bool = False
    by_interface: bool = False
    resolution_ns: int = 1
    sampling: int = 1
    is_scaled: bool = False
    tells_sampling: bool = False
    capture_delay_s: float = 0.0
    tcp_flags: TcpFlags = TcpFlags.NONE
    tells_octets: bool = True
    tells_payload: bool = False
    tells_icmp: bool = False
    tells_initiator: bool = False
    end_reason: EndReason = EndReason.NONE
    continues_s: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that would make no sense."""
        for name in ("interval_s", "inactive_s", "tcp_inactive_s", "continues_s"):
            value = getattr(self, name)
            if value is not None and not 0.001 <= value <= 86_400 * 365:
                raise ValueError(f"{name} must be a millisecond to a year, not {value}")
        if self.interval_s is None and self.alignment is not Alignment.FLOW:
            raise ValueError("interval_s must be given unless windows are counted from the flow")
        if self.alignment is Alignment.FLOW and self.inactive_s is None:
            raise ValueError("inactive_s must be given where windows are counted from the flow")
        if not 1 <= self.sampling <= 0xFFFF_FFFF:
            raise ValueError(f"sampling must be 1 to 4294967295, not {self.sampling}")
        if not 0 <= self.capture_delay_s <= 3600:
            raise ValueError(f"capture_delay_s must be 0 s to an hour, not {self.capture_delay_s}")

    @property
    def interval_ns(self) -> int | None:
        """Return the length of a window [ns]."""
        return None if self.interval_s is None else round(self.interval_s * SECOND_NS)

    def inactive_ns(self, is_tcp: bool) -> int | None:
        """Return after how much silence a record ends [ns].

        Parameters
        ----------
        is_tcp : whether the flow is TCP.
        """
        own = self.tcp_inactive_s if is_tcp else None
        seconds = self.inactive_s if own is None else own
        return None if seconds is None else round(seconds * SECOND_NS)


def aws(
    interval_s: float = 60.0, sampling: int = 1, seed: int = 0, capture_delay_s: float = 60.0
) -> ExportSettings:
    """Return what AWS VPC Flow Logs do.

    Documented (docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html): an aggregation
    interval of 1 or 10 minutes at most, per network interface; ``start`` and ``end`` in whole
    seconds are when the first and last packet was received within the interval, which "might be
    up to 60 seconds after the packet was transmitted or received on the network interface";
    ``tcp-flags`` knows FIN, SYN, RST and SYN-ACK, and is 0 for records of ACK alone. Nothing is
    sampled. Assumed: windows of an interface have one phase that has nothing to do with its
    flows; the delay is the same for all records of an interface's window, and any delay up to
    the documented one is as likely as any other.

    Parameters
    ----------
    interval_s : aggregation interval [s].
    sampling : packets for each one that is counted; AWS has no such thing.
    seed : of phases, delays and sampling.
    capture_delay_s : longest delay [s].

    Examples
    --------
    >>> aws(600).interval_ns
    600000000000
    """
    return ExportSettings(
        interval_s,
        Alignment.OBSERVER,
        by_interface=True,
        resolution_ns=SECOND_NS,
        sampling=sampling,
        capture_delay_s=capture_delay_s,
        tcp_flags=TcpFlags.OPENING,
        seed=seed,
    )


def gcp(interval_s: float = 5.0, sampling: int = GCP_SAMPLING, seed: int = 0) -> ExportSettings:
    """Return what Google Cloud's VPC Flow Logs do.

    Documented (cloud.google.com/vpc/docs/about-flow-logs-records and /vpc/docs/flow-logs): the
    aggregation intervals of ``GCP_INTERVALS_S``; packets are sampled where they are reported, and
    what was missed is made up for by interpolation; ``bytes_sent`` is "user payload bytes", headers
    left out; times are of the first and last observed packet. Assumed: a packet is taken with
    probability 1 / ``sampling`` whatever went before, made up for by multiplying, and intervals lie
    on the clock. The secondary sampling, of records, which users set, is left at all of them.

    Parameters
    ----------
    interval_s : aggregation interval [s].
    sampling : packets for each one that is looked at.
    seed : of the sampling.
    """
    return ExportSettings(
        interval_s,
        Alignment.CLOCK,
        by_interface=True,
        sampling=sampling,
        is_scaled=True,
        tells_octets=False,
        tells_payload=True,
        seed=seed,
    )


def azure_vnet(interval_s: float = 60.0, sampling: int = 1, seed: int = 0) -> ExportSettings:
    """Return what Azure's virtual network flow logs do.

    Documented (learn.microsoft.com/azure/network-watcher/vnet-flow-logs-overview): logs are
    collected at one-minute intervals; a flow gives a tuple when it begins (B, no counts), while
    it goes on (C; the same page speaks of five-minute intervals) and when it ends (E), both with
    what was sent either way since the tuple before, headers included; times in milliseconds.
    Azure forgets a flow after four idle minutes (virtual-network/virtual-network-tcp-reset).
    Assumed: the intervals of an interface have one phase; a tuple's time is that of the last
    packet it counts.

    Parameters
    ----------
    interval_s : time between tuples of a flow that goes on [s].
    sampling : packets for each one that is counted; Azure has no such thing.
    seed : of phases and sampling.
    """
    return ExportSettings(
        interval_s,
        Alignment.OBSERVER,
        is_biflow=True,
        by_interface=True,
        resolution_ns=MILLISECOND_NS,
        sampling=sampling,
        tells_initiator=True,
        end_reason=EndReason.GOING_ON,
        continues_s=AZURE_IDLE_S,
        seed=seed,
    )


def zeek(sampling: int = 1, seed: int = 0) -> ExportSettings:
    """Return what Zeek's conn.log does: one record a connection.

    Documented (docs.zeek.org/en/master/scripts/base/init-bare.zeek.html): a connection is over
    after 5 minutes of silence (``tcp_inactivity_timeout``), or 1 minute for UDP and ICMP; times
    in microseconds.

    Parameters
    ----------
    sampling : packets for each one that is counted; Zeek has no such thing.
    seed : of the sampling.
    """
    return ExportSettings(
        None,
        Alignment.FLOW,
        inactive_s=60.0,
        tcp_inactive_s=300.0,
        is_biflow=True,
        resolution_ns=MICROSECOND_NS,
        sampling=sampling,
        tcp_flags=TcpFlags.LETTERS,
        tells_payload=True,
        tells_icmp=True,
        tells_initiator=True,
        end_reason=EndReason.CLOSED,
        seed=seed,
    )


def ipfix(
    interval_s: float = 60.0, sampling: int = 1, seed: int = 0, inactive_s: float = 15.0
) -> ExportSettings:
    """Return what routers' NetFlow v9 and IPFIX do.

    A record ends when its flow has lasted for the active timeout or been silent for the inactive
    one, 15 s as Cisco IOS has it (RFC 5470, section 5.1.1; "Configuring NetFlow", ``ip
    flow-cache timeout``). Times in milliseconds (RFC 5102, ``flowStartMilliseconds``). With
    sampling, counts are of the sampled packets and the interval is told (RFC 5477).

    Parameters
    ----------
    interval_s : active timeout [s].
    sampling : packets for each one that is counted.
    seed : of the sampling.
    inactive_s : inactive timeout [s].
    """
    return ExportSettings(
        interval_s,
        Alignment.FLOW,
        inactive_s=inactive_s,
        resolution_ns=MILLISECOND_NS,
        sampling=sampling,
        tcp_flags=TcpFlags.ALL,
        tells_icmp=True,
        tells_sampling=True,
        end_reason=EndReason.ALL,
        seed=seed,
    )
