# SPDX-License-Identifier: Apache-2.0
"""Suricata's EVE JSON: each conversation that is labelled mining as an alert event.

Category and severity are those of Suricata's class ``coin-mining``. There is no rule behind an
alert, so ``gid`` is a number of our own and ``signature_id`` is always 1. What the user allows
stays an event, of the lowest severity and with ``minewatch.allowed_by``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from minewatch import __version__
from minewatch.allow.marking import COLUMNS as KNOWN
from minewatch.identify.names import UNKNOWN
from minewatch.output.contract import CONTRACT_VERSION
from minewatch.output.destination import Destination
from minewatch.output.records import IDENTITY_NAMES, records
from minewatch.types import Verdict

GENERATOR: Final = 77_000
CATEGORY: Final = "Crypto Currency Mining Activity Detected"
SEVERITY: Final = 2
ALLOWED_SEVERITY: Final = 4
"""Of what the user allows: Suricata's lowest."""
TECHNIQUE: Final = "T1496.001"
_PROTOCOLS: Final = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "IPv6-ICMP", 132: "SCTP"}


def event(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the alert event of one record of the contract.

    Parameters
    ----------
    record : a conversation that is labelled mining.
    """
    protocol = record["protocol_identifier"]
    algorithm = record["algorithm"]
    what = f" ({algorithm})" if algorithm and algorithm != UNKNOWN else ""
    if record["allowed_by"]:
        what += ", allowed"
    return {
        "timestamp": _timestamp(record["flow_start"]),
        "event_type": "alert",
        "src_ip": record["source_address"],
        "src_port": record["source_transport_port"],
        "dest_ip": record["destination_address"],
        "dest_port": record["destination_transport_port"],
        "proto": _PROTOCOLS.get(protocol, f"{protocol:03}"),
        "community_id": record["community_id"],
        "pcap_filename": record["capture"],
        "flow": {
            "pkts_toserver": record["packet_delta_count"],
            "pkts_toclient": record["reverse_packet_delta_count"],
            "bytes_toserver": record["octet_delta_count"],
            "bytes_toclient": record["reverse_octet_delta_count"],
            "start": _timestamp(record["flow_start"]),
        },
        "alert": {
            "action": "allowed",
            "gid": GENERATOR,
            "signature_id": 1,
            "rev": CONTRACT_VERSION,
            "signature": f"minewatch: cryptocurrency mining{what}",
            "category": CATEGORY,
            "severity": ALLOWED_SEVERITY if record["allowed_by"] else SEVERITY,
            "metadata": {"mitre_technique_id": [TECHNIQUE]},
        },
        "minewatch": {
            "version": __version__,
            "mining_probability": record["mining_probability"],
            **{name: record[name] for name in IDENTITY_NAMES},
            "flow_end": record["flow_end"],
            "sampling_packet_interval": record["sampling_packet_interval"],
            "detectors": record["detectors"],
            "evidence": record["evidence"],
            **{name: record[name] for name in KNOWN},
        },
    }


def _timestamp(time: str) -> str:
    """Return a time as Suricata writes it, with the offset spelled out."""
    return time.removesuffix("Z") + "+0000"


class EveWriter:
    """Writes an alert event for each conversation that is labelled mining, and no other.

    Parameters
    ----------
    destination : where the lines go.
    """

    def __init__(self, destination: Destination) -> None:
        self._destination = destination

    def write(self, frame: pl.DataFrame, verdicts: Sequence[Verdict], capture: str) -> None:
        """Write the alerts among these conversations."""
        for record in records(frame, verdicts, capture):
            if record["label"] == "mining":
                line = json.dumps(event(record), allow_nan=False, separators=(",", ":"))
                self._destination.write(line.encode("ascii") + b"\n")

    def write_gated(self, gated: pl.DataFrame, capture: str) -> None:
        """Write nothing: what the gate stopped is no alert."""

    def finish(self) -> None:
        """Write what is left: nothing."""
