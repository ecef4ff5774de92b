# SPDX-License-Identifier: Apache-2.0
"""AWS VPC Flow Logs as text: a header and one line a record, fields separated by spaces.

Fields and their order are those of the table "Available fields" in
docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html: the default format has all fields
of version 2, and version 5 adds those of versions 3 to 5. "If a field is not applicable or could
not be computed for a specific record, the record displays a '-'". What a capture does not tell
(accounts, instances, regions, services) is ``-``; every record is accepted, because a capture does
not tell what was rejected. Assumed: ``tcp-flags`` of other protocols is 0, as are ICMP's ports.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from minewatch.address import address_text
from minewatch.exporting.settings import SECOND_NS

V2_FIELDS: Final = (
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
)
V5_FIELDS: Final = (
    *V2_FIELDS,
    "vpc-id",
    "subnet-id",
    "instance-id",
    "tcp-flags",
    "type",
    "pkt-srcaddr",
    "pkt-dstaddr",
    "region",
    "az-id",
    "sublocation-type",
    "sublocation-id",
    "pkt-src-aws-service",
    "pkt-dst-aws-service",
    "flow-direction",
    "traffic-path",
)

_CONSTANT: Final = {"action": "ACCEPT", "log-status": "OK"}


class AwsText:
    """Writes records as text.

    Parameters
    ----------
    version : 2 or 5.
    """

    def __init__(self, version: int) -> None:
        self._version = version
        self._fields = V5_FIELDS if version == 5 else V2_FIELDS

    def head(self) -> bytes:
        """Return the line of field names that files in S3 begin with."""
        return " ".join(self._fields).encode() + b"\n"

    def rows(self, told: pl.DataFrame) -> bytes:
        """Return records as lines.

        Parameters
        ----------
        told : of ``logged``.
        """
        values = self._values(told)
        texts = [values.get(name, pl.lit(_CONSTANT.get(name, "-"))) for name in self._fields]
        lines = told.select(pl.concat_str(texts, separator=" ")).to_series()
        return ("\n".join(lines.to_list()) + "\n").encode() if len(lines) else b""

    def end(self) -> bytes:
        """Return what stands at the end of the file: nothing."""
        return b""

    def _values(self, told: pl.DataFrame) -> dict[str, pl.Expr]:
        source, destination = (
            pl.lit(address_text(told[f"{end}_address_high"], told[f"{end}_address_low"]))
            for end in ("source", "destination")
        )
        is_tcp = pl.col("protocol_identifier") == 6
        return {
            "version": pl.lit(str(self._version)),
            "interface-id": pl.lit(interface_ids(told["observer"])),
            "srcaddr": source,
            "dstaddr": destination,
            "srcport": pl.col("source_transport_port"),
            "dstport": pl.col("destination_transport_port"),
            "protocol": pl.col("protocol_identifier"),
            "packets": pl.col("packet_delta_count"),
            "bytes": pl.col("octet_delta_count"),
            "start": pl.col("flow_start_nanoseconds") // SECOND_NS,
            "end": pl.col("flow_end_nanoseconds") // SECOND_NS,
            "tcp-flags": pl.when(is_tcp).then(pl.col("tcp_control_bits")).otherwise(0),
            "type": pl.when(source.str.contains(":", literal=True))
            .then(pl.lit("IPv6"))
            .otherwise(pl.lit("IPv4")),
            "pkt-srcaddr": source,
            "pkt-dstaddr": destination,
            "flow-direction": pl.when("by_source")
            .then(pl.lit("egress"))
            .otherwise(pl.lit("ingress")),
        }


def interface_ids(observer: pl.Series) -> pl.Series:
    """Return an identifier of the interface of each observer: ``eni-`` and 17 digits.

    Parameters
    ----------
    observer : numbers of observers.

    Examples
    --------
    >>> interface_ids(pl.Series([10, 10])).to_list()
    ['eni-0000000000000000a', 'eni-0000000000000000a']
    """
    names = {number: f"eni-{number:017x}" for number in observer.unique().to_list()}
    return observer.replace_strict(names, return_dtype=pl.String)
