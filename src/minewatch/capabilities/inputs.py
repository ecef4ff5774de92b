# SPDX-License-Identifier: Apache-2.0
"""Every kind of input: what it tells, as its makers document it, and how it comes to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from minewatch.exporting import settings as exports
from minewatch.exporting.settings import ExportSettings
from minewatch.training.corpus.views import InputKind

PACKET: Final = "packet"
INTERVAL: Final = "interval"
CONNECTION: Final = "connection"
NO_NAMES: Final = "none"


@dataclass(frozen=True, slots=True)
class Tells:
    """What an input tells.

    Parameters
    ----------
    payload : what was said, and so the protocol.
    unit : what a row is of: ``PACKET``, ``INTERVAL`` or ``CONNECTION``.
    both_directions : one row tells of both.
    packet_counts : packets are counted.
    tcp_flags : flags, or none.
    names : names that clients asked for.
    sampling : which part of the packets is counted.
    shortest_interval : shortest time that a row can be of.
    delay : how long after the fact it is there.
    """

    payload: bool
    unit: str
    both_directions: bool
    packet_counts: bool
    tcp_flags: str
    names: str
    sampling: str
    shortest_interval: str
    delay: str

    @property
    def names_servers(self) -> bool:
        """Return whether any name is told."""
        return self.names != NO_NAMES


@dataclass(frozen=True, slots=True)
class InputEntry:
    """A kind of input.

    Parameters
    ----------
    name : short, unique.
    title : what people call it.
    formats : names of formats of ``registry.flow_formats`` that read it; none for captures.
    tells : what it tells.
    shown : how packets come to be it: a kind of input of packets, or what an exporter does.
    measured : names of measurements (``recall.json``) that are about it.
    note : what else to know; may be empty.
    """

    name: str
    title: str
    formats: tuple[str, ...]
    tells: Tells
    shown: InputKind | ExportSettings
    measured: tuple[str, ...] = ()
    note: str = ""


_ALL: Final = "every packet"
_SET: Final = "as the exporter was set; told in the data"
_FLAGS: Final = "all, each direction"
_NETFLOW: Final = Tells(
    payload=False,
    unit=INTERVAL,
    both_directions=False,
    packet_counts=True,
    tcp_flags=_FLAGS,
    names=NO_NAMES,
    sampling=_SET,
    shortest_interval="the active timeout: often 60 s, by default 30 min",
    delay="the active timeout",
)
_NETFLOW_MEASURED: Final = (
    "netflow-60s",
    "netflow-1800s",
    "netflow-60s-1in100",
    "netflow-60s-1in1000",
)


def _connection(names: str, flags: str, delay: str, *, packet_counts: bool = True) -> Tells:
    return Tells(
        payload=False,
        unit=CONNECTION,
        both_directions=True,
        packet_counts=packet_counts,
        tcp_flags=flags,
        names=names,
        sampling=_ALL,
        shortest_interval="a whole connection",
        delay=delay,
    )


INPUTS: Final[tuple[InputEntry, ...]] = (
    InputEntry(
        "capture",
        "Capture with payload",
        (),
        Tells(
            payload=True,
            unit=PACKET,
            both_directions=True,
            packet_counts=True,
            tcp_flags=_FLAGS,
            names="TLS, HTTP and DNS",
            sampling=_ALL,
            shortest_interval="each packet",
            delay="none",
        ),
        InputKind.PACKETS,
        (InputKind.PACKETS.value,),
        "Payload of the first and latest packets is read; encrypted payload tells as little as "
        "none, but for names.",
    ),
    InputEntry(
        "capture-headers",
        "Capture without payload",
        (),
        Tells(
            payload=False,
            unit=PACKET,
            both_directions=True,
            packet_counts=True,
            tcp_flags=_FLAGS,
            names=NO_NAMES,
            sampling=_ALL,
            shortest_interval="each packet",
            delay="none",
        ),
        InputKind.NO_PAYLOAD,
        (InputKind.NO_PAYLOAD.value,),
        "A snapshot length of 128 octets keeps all headers.",
    ),
    InputEntry(
        "first-packets",
        "First 30 packets of a flow",
        (),
        Tells(
            payload=False,
            unit=CONNECTION,
            both_directions=True,
            packet_counts=True,
            tcp_flags=_FLAGS,
            names="TLS, where the exporter reads it",
            sampling=_ALL,
            shortest_interval="a whole connection, with its first packets",
            delay="until the connection ends",
        ),
        InputKind.FIRST_30,
        (InputKind.FIRST_30.value,),
        "What ipfixprobe sends as PSTATS; trained and measured on, but read by no command yet.",
    ),
    InputEntry(
        "aws",
        "AWS VPC Flow Logs",
        ("aws",),
        Tells(
            payload=False,
            unit=INTERVAL,
            both_directions=False,
            packet_counts=True,
            tcp_flags="FIN, SYN, SYN-ACK and RST, from version 3 on",
            names=NO_NAMES,
            sampling=_ALL,
            shortest_interval="60 s (the default is 600 s)",
            delay="some 5 min to CloudWatch Logs, 10 min to S3",
        ),
        exports.aws(60.0),
        ("aws-60s", "aws-600s"),
        "Set the aggregation interval to one minute: at ten, half an hour is three records.",
    ),
    InputEntry(
        "gcp",
        "Google Cloud VPC Flow Logs",
        ("gcp",),
        Tells(
            payload=False,
            unit=INTERVAL,
            both_directions=False,
            packet_counts=True,
            tcp_flags="none",
            names=NO_NAMES,
            sampling="about 1 packet in 10, counts made up for it",
            shortest_interval="5 s",
            delay="not documented",
        ),
        exports.gcp(5.0),
        ("gcp-5s", "gcp-30s"),
        "Leave the secondary sampling of records at 1.0; a lower rate drops records besides.",
    ),
    InputEntry(
        "azure-nsg",
        "Azure NSG flow logs",
        ("azure-nsg",),
        Tells(
            payload=False,
            unit=INTERVAL,
            both_directions=True,
            packet_counts=True,
            tcp_flags="none; begin and end of a flow",
            names=NO_NAMES,
            sampling=_ALL,
            shortest_interval="60 s",
            delay="a minute and more",
        ),
        exports.azure_vnet(60.0),
        ("azure-60s",),
        "Version 1 has no counts, and nothing can be said of it.",
    ),
    InputEntry(
        "azure-vnet",
        "Azure virtual network flow logs",
        ("azure-vnet",),
        Tells(
            payload=False,
            unit=INTERVAL,
            both_directions=True,
            packet_counts=True,
            tcp_flags="none; begin and end of a flow",
            names=NO_NAMES,
            sampling=_ALL,
            shortest_interval="60 s",
            delay="a minute and more",
        ),
        exports.azure_vnet(60.0),
        ("azure-60s",),
    ),
    InputEntry(
        "zeek",
        "Zeek conn.log",
        ("zeek",),
        _connection(
            "TLS and DNS, with ssl.log and dns.log beside it",
            "which occurred, each direction",
            "until the connection ends",
        ),
        exports.zeek(),
        ("zeek",),
        "A miner that stays connected for days is logged when it ends. Let Zeek write long "
        "connections early (zeek-long-connections), or capture.",
    ),
    InputEntry(
        "suricata",
        "Suricata EVE",
        ("suricata",),
        _connection("TLS and DNS events", _FLAGS, "until the flow ends"),
        exports.zeek(),
        (),
        "One record a connection, as with Zeek.",
    ),
    InputEntry(
        "netflow",
        "NetFlow v5, v9 and IPFIX",
        ("netflow",),
        _NETFLOW,
        exports.ipfix(60.0),
        _NETFLOW_MEASURED,
        "Set the active timeout to 60 s.",
    ),
    InputEntry(
        "sflow",
        "sFlow v5",
        ("netflow",),
        Tells(
            payload=False,
            unit=PACKET,
            both_directions=False,
            packet_counts=True,
            tcp_flags="of the sampled packets",
            names=NO_NAMES,
            sampling="1 packet in some hundreds or thousands, told in the data",
            shortest_interval="a sampled packet",
            delay="seconds",
        ),
        exports.ipfix(60.0, sampling=1000),
        ("netflow-60s-1in1000",),
        "A miner sends some packets a minute: of those, sampling leaves one an hour or none.",
    ),
    InputEntry(
        "nfcapd",
        "nfdump files",
        ("nfcapd",),
        _NETFLOW,
        exports.ipfix(60.0),
        _NETFLOW_MEASURED,
        "What the exporter sent, kept by nfcapd.",
    ),
    InputEntry(
        "argus",
        "Argus CSV",
        ("argus",),
        Tells(
            payload=False,
            unit=INTERVAL,
            both_directions=True,
            packet_counts=True,
            tcp_flags="as a state",
            names=NO_NAMES,
            sampling=_ALL,
            shortest_interval="the status interval of argus (-S)",
            delay="the status interval",
        ),
        exports.azure_vnet(60.0),
        (),
        "Not measured: other conversions of Argus may merge a flow's records into one.",
    ),
    InputEntry(
        "joy",
        "Cisco Joy",
        ("joy",),
        _connection("TLS and DNS", "none", "until the flow is cut"),
        exports.ipfix(1800.0, inactive_s=10.0),
        (),
        "Its lists of packets are not read.",
    ),
    InputEntry(
        "nfstream",
        "nfstream CSV",
        ("nfstream",),
        _connection("TLS and DNS", "counted, each direction", "until the flow ends"),
        exports.zeek(),
        (),
    ),
    InputEntry(
        "minewatch",
        "Tables of minewatch meter and collect",
        ("minewatch",),
        Tells(
            payload=False,
            unit=INTERVAL,
            both_directions=True,
            packet_counts=True,
            tcp_flags=_FLAGS,
            names=NO_NAMES,
            sampling=_ALL,
            shortest_interval="60 s, or as --interval was",
            delay="none",
        ),
        exports.azure_vnet(60.0),
        (InputKind.FLOWS_60.value, InputKind.FLOWS_600.value),
    ),
)
