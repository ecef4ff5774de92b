# SPDX-License-Identifier: Apache-2.0
"""The fields of AWS VPC and Transit Gateway Flow Logs, and which of them a log's header names.

Sources: "Flow log records" in the Amazon VPC User Guide, versions 2 to 10, and "Transit Gateway
Flow Logs records" in the Amazon VPC Transit Gateways guide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.metering import text_records as words
from minewatch.types import Int64Array

DEFAULT_FIELDS: Final = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes"
    " start end action log-status"
).split()
"""Version 2, the default: what a log without a header line holds."""
KNOWN_FIELDS: Final = frozenset(
    DEFAULT_FIELDS
    + (
        "vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr"  # version 3
        " region az-id sublocation-type sublocation-id"  # 4
        " pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path"  # 5
        " resource-type tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id"  # 6
        " tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni"
        " tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id packets-lost-no-route"
        " packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired"
        " ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn"  # 7
        " ecs-container-instance-id ecs-container-id ecs-second-container-id"
        " ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id"
        " reject-reason resource-id encryption-status"  # 8, 9, 10
    ).split()
)
STATUSES: Final = frozenset({"OK", "NODATA", "SKIPDATA"})
ACTIONS: Final = frozenset({"ACCEPT", "REJECT"})
MAX_FIELDS: Final = 256
"""Of a header; AWS documents about 60."""

_PLACES: Final = (
    ("srcaddr", words.SOURCE),
    ("dstaddr", words.DESTINATION),
    ("pkt-srcaddr", words.PACKET_SOURCE),
    ("pkt-dstaddr", words.PACKET_DESTINATION),
    ("srcport", words.SOURCE_PORT),
    ("dstport", words.DESTINATION_PORT),
    ("protocol", words.PROTOCOL),
    ("packets", words.PACKETS),
    ("bytes", words.OCTETS),
    ("start", words.START),
    ("end", words.END),
    ("action", words.ACTION),
    ("log-status", words.STATUS),
    ("tcp-flags", words.FLAGS),
)
_NEEDED: Final = ("srcport", "dstport", "protocol", "start", "end")
USED_FIELDS: Final = (*(name for name, _ in _PLACES), "tgw-id", "tgw-attachment-id")
"""What records are made of, besides ``OBSERVERS``."""
OBSERVERS: Final = (
    "interface-id",
    "resource-id",
    "instance-id",
    "subnet-id",
    "vpc-id",
    "account-id",
)
"""What tells observers apart, finest first."""
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
"""What CloudWatch Logs puts before each line that it exports to S3."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a log has which field."""

    fields: tuple[str, ...]
    """Names, with hyphens."""
    missing: tuple[str, ...]
    """Fields without which no line can be used."""
    words: Int64Array
    """The same for ``metering.text_records``."""

    def __contains__(self, field: str) -> bool:
        return field in self.fields


def names_of(line: str) -> list[str]:
    """Return the words of a line, written as AWS writes names of fields.

    Examples
    --------
    >>> names_of("version ${account-id} pkt_srcaddr")
    ['version', 'account-id', 'pkt-srcaddr']
    """
    return [word.removeprefix("${").removesuffix("}").replace("_", "-") for word in line.split()]


def is_header(line: str) -> bool:
    """Return whether a line names fields, and tells of no flow.

    Examples
    --------
    >>> is_header("version account-id srcaddr dstaddr new-field"), is_header("2 1 eni-1 10.0.0.1")
    (True, False)
    """
    names = names_of(line)
    known = sum(name in KNOWN_FIELDS for name in names)
    return known >= 2 and 2 * known > len(names) and len(names) <= MAX_FIELDS


def layout_of(fields: Sequence[str], *, is_stated: bool = True) -> Layout:
    """Return where the fields are.

    Parameters
    ----------
    fields : their names in order.
    is_stated : a header says so; else each line must say that it is of version 2.

    Examples
    --------
    >>> layout_of(["srcaddr", "dstaddr", "start"]).missing
    ('srcport', 'dstport', 'protocol', 'end')
    """
    place = {name: at for at, name in reversed(list(enumerate(fields)))}
    found = np.full(words.LAYOUT_WORDS, -1, np.int64)
    found[words.FIELDS] = len(fields)
    for name, word in _PLACES:
        found[word] = place.get(name, -1)
    found[words.VERSION] = -1 if is_stated else place["version"]
    found[words.TELLS_ACK] = found[words.TAKES_MILLISECONDS] = 0
    if "tgw-id" in place:
        found[words.OBSERVERS] = place["tgw-id"]
        found[words.ATTACHMENT] = place.get("tgw-attachment-id", -1)
        found[words.TELLS_ACK] = 1
    else:
        observers = [place[name] for name in OBSERVERS if name in place]
        found[words.OBSERVERS : words.OBSERVERS + len(observers)] = observers
    missing = [name for name in ("srcaddr", "dstaddr") if not {name, f"pkt-{name}"} & place.keys()]
    missing += [name for name in _NEEDED if name not in place]
    return Layout(tuple(fields), tuple(missing), found)


def layout_without_header(line: str) -> Layout | None:
    """Return the layout of a log that begins with this line, None if it cannot be known.

    Examples
    --------
    >>> layout_without_header("2 1 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 40 1 2 ACCEPT OK").fields[0]
    'version'
    >>> layout_without_header("10.0.0.1 10.0.0.2 443 6 OK") is None
    True
    """
    fields = line.split()
    export = 1 if fields and _TIME.fullmatch(fields[0]) else 0
    values = dict(zip(DEFAULT_FIELDS, fields[export:], strict=False))
    if (
        len(fields) - export != len(DEFAULT_FIELDS)
        or values["version"] != "2"
        or values["action"] not in ACTIONS | {"-"}
        or values["log-status"] not in STATUSES
    ):
        return None
    return layout_of(["time-of-export"] * export + DEFAULT_FIELDS, is_stated=False)


def resembles_a_log(line: str) -> bool:
    """Return whether a line may be of a flow log whose order of fields is not known.

    Examples
    --------
    >>> resembles_a_log("5 6411 eni-0 10.0.0.1 10.0.0.2 1 2 6 1 40 1 2 REJECT OK vpc-1 1 IPv4")
    True
    >>> resembles_a_log("REJECT OK"), resembles_a_log("GET / 10.0.0.1 10.0.0.2 OK OK OK OK")
    (False, False)
    """
    fields = line.split(" ")
    numbers = sum(field.isdecimal() for field in fields)
    addresses = sum(field.count(".") == 3 or field.count(":") >= 2 for field in fields)
    has_status = not STATUSES.isdisjoint(fields)
    return has_status and len(fields) >= 8 and numbers >= 4 and (addresses >= 2 or "-" in fields)
