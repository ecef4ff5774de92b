# SPDX-License-Identifier: Apache-2.0
"""Google Cloud's VPC Flow Logs as exported by Cloud Logging: a JSON ``LogEntry`` a line.

Fields are the base fields of cloud.google.com/vpc/docs/about-flow-logs-records, and of the metadata
fields, which "may be omitted", the name of the machine that reports. Counts are text, as 64-bit
numbers are in JSON (protobuf.dev/programming-guides/json); ``bytes_sent`` is of payload, without
headers; protocols other than TCP and UDP have no ports. Each end that is at home reports for
itself: ``SRC`` what it sent, ``DEST`` what it received. Assumed: an entry's time is the end of its
interval.
"""

from __future__ import annotations

import io
from typing import Final

import polars as pl

from minewatch.address import address_text

_PROJECT: Final = "minewatch-export"
_RESOURCE: Final = {
    "location": "-",
    "project_id": _PROJECT,
    "subnetwork_id": "0",
    "subnetwork_name": "exported",
}
_TIME: Final = "%Y-%m-%dT%H:%M:%S%.9fZ"
_WITH_PORTS: Final = (6, 17)
_ABSENT: Final = (
    b'"dest_instance":null,',
    b'"dest_port":null,',
    b'"src_instance":null,',
    b',"src_port":null',
)


class GcpJson:
    """Writes records as JSON lines."""

    def __init__(self) -> None:
        self._n = 0

    def head(self) -> bytes:
        """Return what stands at the beginning of the file: nothing."""
        return b""

    def rows(self, told: pl.DataFrame) -> bytes:
        """Return records as lines.

        Parameters
        ----------
        told : of ``logged``.
        """
        if not told.height:
            return b""
        entries = told.select(
            insertId=pl.format("minewatch-{}", pl.int_range(pl.len()) + self._n),
            jsonPayload=_payload(told),
            logName=pl.lit(f"projects/{_PROJECT}/logs/compute.googleapis.com%2Fvpc_flows"),
            receiveTimestamp=_time("closes_ns"),
            resource=pl.struct(
                labels=pl.struct(*(pl.lit(text).alias(name) for name, text in _RESOURCE.items())),
                type=pl.lit("gce_subnetwork"),
            ),
            timestamp=_time("closes_ns"),
        )
        self._n += told.height
        stream = io.BytesIO()
        entries.write_ndjson(stream)
        # What is absent is left out; all text in here is ours, so this cuts nothing else.
        lines = stream.getvalue()
        for absent in _ABSENT:
            lines = lines.replace(absent, b"")
        return lines

    def end(self) -> bytes:
        """Return what stands at the end of the file: nothing."""
        return b""


def _payload(told: pl.DataFrame) -> pl.Expr:
    source, destination = (
        pl.lit(address_text(told[f"{end}_address_high"], told[f"{end}_address_low"]))
        for end in ("source", "destination")
    )
    has_ports = pl.col("protocol_identifier").is_in(list(_WITH_PORTS))
    machine = pl.struct(project_id=pl.lit(_PROJECT), vm_name=pl.format("vm-{}", pl.col("observer")))
    return pl.struct(
        bytes_sent=pl.col("payload_octet_count").cast(pl.String),
        connection=pl.struct(
            dest_ip=destination,
            dest_port=pl.when(has_ports).then(pl.col("destination_transport_port")),
            protocol=pl.col("protocol_identifier"),
            src_ip=source,
            src_port=pl.when(has_ports).then(pl.col("source_transport_port")),
        ),
        dest_instance=pl.when(~pl.col("by_source")).then(machine),
        end_time=_time("flow_end_nanoseconds"),
        packets_sent=pl.col("packet_delta_count").cast(pl.String),
        reporter=pl.when("by_source").then(pl.lit("SRC")).otherwise(pl.lit("DEST")),
        src_instance=pl.when("by_source").then(machine),
        start_time=_time("flow_start_nanoseconds"),
    )


def _time(name: str) -> pl.Expr:
    return pl.from_epoch(name, time_unit="ns").dt.strftime(_TIME)
