# SPDX-License-Identifier: Apache-2.0
"""The public contract of ``minewatch scan``: the fields of one conversation, and their JSON Schema.

Fields are only ever added within a version. ``docs/reference/jsonl.md`` is made from this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

CONTRACT_VERSION: Final = 1

_COUNT: Final[Mapping[str, Any]] = {"type": ["integer", "null"], "minimum": 0}
_PORT: Final[Mapping[str, Any]] = {"type": "integer", "minimum": 0, "maximum": 65535}
_PROBABILITY: Final[Mapping[str, Any]] = {"type": "number", "minimum": 0, "maximum": 1}
_TEXT: Final[Mapping[str, Any]] = {"type": "string"}
_NULL_OR_TEXT: Final[Mapping[str, Any]] = {"type": ["string", "null"]}
_TIME: Final[Mapping[str, Any]] = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
}
_EVIDENCE: Final[Mapping[str, Any]] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "feature": {"type": "string"},
            "value": {"type": ["number", "string", "null"]},
            "unit": {"type": "string"},
            "contribution": {"type": "number"},
            "text": {"type": "string"},
            "normal_low": {"type": ["number", "null"]},
            "normal_high": {"type": ["number", "null"]},
        },
        "required": [
            *("feature", "value", "unit", "contribution", "text", "normal_low", "normal_high")
        ],
        "additionalProperties": False,
    },
}
_DETECTORS: Final[Mapping[str, Any]] = {
    "type": "object",
    "additionalProperties": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
}


def _object_or_null(*names: str) -> Mapping[str, Any]:
    """Return the schema of an object of texts, or null."""
    return {
        "type": ["object", "null"],
        "properties": {name: {"type": "string"} for name in names},
        "required": list(names),
        "additionalProperties": False,
    }


_ALLOWANCE: Final = _object_or_null("owner", "reason", "expires", "place")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a written conversation."""

    name: str
    json: Mapping[str, Any]
    """Its JSON Schema."""
    description: str


FIELDS: Final = (
    Field("source_address", _TEXT, "Address of the initiator, IPv4 or IPv6 (RFC 5952)."),
    Field("source_transport_port", _PORT, "Port of the initiator; 0 for ICMP."),
    Field("destination_address", _TEXT, "Address of the responder."),
    Field(
        "destination_transport_port",
        _PORT,
        "Port of the responder; for ICMP the type * 256 + code of the first packet.",
    ),
    Field(
        "protocol_identifier",
        {"type": "integer", "minimum": 0, "maximum": 255},
        "IP protocol number: 6 TCP, 17 UDP.",
    ),
    Field(
        "flow_start",
        _TIME,
        "First packet: RFC 3339, UTC, always six decimals (finer ones are cut off).",
    ),
    Field("flow_end", _TIME, "Last packet, in the same form."),
    Field(
        "packet_delta_count",
        _COUNT,
        "Packets, initiator to responder; null if a flow log does not count them.",
    ),
    Field("reverse_packet_delta_count", _COUNT, "Packets, responder to initiator."),
    Field(
        "octet_delta_count",
        _COUNT,
        "Octets from the IP header on, headers included, initiator to responder. Of a log that "
        "counts payload alone, with 52 octets of headers added for each packet of TCP.",
    ),
    Field("reverse_octet_delta_count", _COUNT, "The same, responder to initiator."),
    Field(
        "mining_probability",
        _PROBABILITY,
        "Fused probability that this is mining. For a conversation that no detector scored it is "
        "the base rate.",
    ),
    Field(
        "label",
        {"enum": ["mining", "normal"]},
        "`mining` from `--threshold` on, else `normal`.",
    ),
    Field(
        "algorithm",
        _NULL_OR_TEXT,
        "Hash function: as the miner's messages name or imply it, else, for mining, its family by "
        "the shape of the traffic, `unknown` if that does not tell either; null if nobody looked. "
        "Text from the wire: at most 64 printable characters.",
    ),
    Field(
        "algorithm_source",
        {"enum": ["payload", "shape", None]},
        "What `algorithm` was told by. Neither it nor the next three move the verdict.",
    ),
    Field("dialect", _NULL_OR_TEXT, "How miner and pool talk, told in the same way."),
    Field(
        "pool_family",
        _NULL_OR_TEXT,
        "How the far end works, told in the same way: single-coin, multi-coin, f2pool, p2pool, "
        "proxy, node or browser-proxy.",
    ),
    Field(
        "payout_coin",
        _NULL_OR_TEXT,
        "Coin that the miner asks to be paid in, null if its login does not say; the chain that "
        "it mines may be another.",
    ),
    Field(
        "community_id",
        {"type": ["string", "null"], "pattern": "^1:[A-Za-z0-9+/]{27}=$"},
        "Community ID version 1, seed 0: the name other tools give the same conversation.",
    ),
    Field("capture", _TEXT, "Input as it was named, `standard input` for `-`."),
    Field(
        "detectors",
        _DETECTORS,
        "Each detector's own probability by name, null where it was not ready.",
    ),
    Field(
        "evidence",
        _EVIDENCE,
        "Reasons, strongest first: `feature`, its `value` and `unit`, its `contribution` to the "
        "log-odds of the verdict (negative speaks against mining), a sentence, `text`, and what "
        "nine in ten normal training conversations have, `normal_low` to `normal_high`, null if "
        "nobody knows.",
    ),
    Field(
        "tags",
        {"type": "array", "items": {"type": "string"}},
        "Tags that the file of `--allow` gives the watched end, and `transit` if one end is a VPN, "
        "proxy or NAT by that file.",
    ),
    Field(
        "transit",
        _object_or_null("end", "address", "name"),
        "Which end that is (`near` is the watched one, else `far`), its address, and its name in "
        "the file; else null.",
    ),
    Field(
        "allowed_by",
        _ALLOWANCE,
        "The allowance that a mining conversation meets: who answers for it, why, until when, and "
        "where it stands; else null. What is allowed keeps its label, but counts as no find.",
    ),
    Field(
        "expired_allowance",
        _ALLOWANCE,
        "The same, of an allowance that had expired when the conversation ended: it counts.",
    ),
    Field(
        "sampling_packet_interval",
        {"type": "integer", "minimum": 1},
        "1 if all packets were counted; else one packet in so many was, and counts are estimates.",
    ),
)
NAMES: Final = tuple(field.name for field in FIELDS)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one line of ``scan --format jsonl``.

    Examples
    --------
    >>> json_schema()["properties"]["label"]["enum"]
    ['mining', 'normal']
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"One conversation of minewatch scan --format jsonl, version {CONTRACT_VERSION}",
        "type": "object",
        "properties": {
            field.name: {**field.json, "description": field.description} for field in FIELDS
        },
        "required": list(NAMES),
    }
