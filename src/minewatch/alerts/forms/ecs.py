# SPDX-License-Identifier: Apache-2.0
"""ECS: the Elastic Common Schema, version 8.17; what it has no field for lies under ``minewatch``.

See https://www.elastic.co/guide/en/ecs/8.17/ecs-field-reference.html.
"""

from __future__ import annotations

from typing import Any, Final

from minewatch import __version__
from minewatch.alert import TECHNIQUE, Alert, Severity
from minewatch.alerts.forms.clean import address_or_none, clean, moment, without_nulls
from minewatch.alerts.forms.record import record
from minewatch.alerts.forms.wording import sentences, transport

ECS_VERSION: Final = "8.17.0"
SEVERITIES: Final = {Severity.LOW: 21, Severity.MEDIUM: 47, Severity.HIGH: 73}
"""Elastic Security's own numbers of low, medium and high."""
_OWN: Final = (
    *("alert_version", "id", "revision", "change", "severity", "mining_probability"),
    *("conversations", "community_ids", "identity", "detectors", "evidence"),
    *("allowed_by", "disproof", "next_steps"),
)


def document(alert: Alert) -> dict[str, Any]:
    """Return an alert as a document for Elasticsearch.

    Parameters
    ----------
    alert : any alert.
    """
    own = record(alert)
    host, pool = address_or_none(alert.host), address_or_none(alert.pool)
    fields = {
        "@timestamp": moment(alert.updated_ns),
        "ecs": {"version": ECS_VERSION},
        "message": sentences(alert),
        "tags": alert.tags,
        "event": {
            "kind": "alert",
            "category": ["intrusion_detection", "network"],
            "type": ["info"],
            "id": f"{alert.id}-{alert.revision}",
            "action": f"mining-{alert.change}",
            "module": "minewatch",
            "dataset": "minewatch.alert",
            "provider": "minewatch",
            "start": moment(alert.first_seen_ns),
            "end": moment(alert.last_seen_ns),
            "duration": max(0, alert.last_seen_ns - alert.first_seen_ns),
            "severity": SEVERITIES[alert.severity],
            "risk_score": 100 * alert.mining_probability,
        },
        "source": {"address": alert.host, "ip": host},
        "destination": {
            "address": alert.pool_name or alert.pool,
            "ip": pool,
            "port": alert.pool_port,
            "domain": alert.pool_name,
        },
        "network": {
            "direction": "outbound",
            "transport": transport(alert.protocol_identifier),
            "iana_number": str(alert.protocol_identifier),
            "community_id": alert.community_ids[-1] if alert.community_ids else None,
        },
        "related": {
            "ip": [address for address in (host, pool) if address],
            "hosts": [alert.pool_name] if alert.pool_name else None,
        },
        "rule": {"name": "Cryptocurrency mining", "category": "cryptojacking"},
        "threat": _threat(),
        "observer": {
            "vendor": "minewatch",
            "product": "minewatch",
            "type": "ids",
            "version": __version__,
            "name": alert.source,
        },
    }
    cleaned: dict[str, Any] = clean(without_nulls(fields))
    return cleaned | {"minewatch": {name: own[name] for name in _OWN}}


def _threat() -> dict[str, Any]:
    return {
        "framework": "MITRE ATT&CK",
        "tactic": {"id": ["TA0040"], "name": ["Impact"]},
        "technique": {
            "id": [TECHNIQUE.partition(".")[0]],
            "name": ["Resource Hijacking"],
            "subtechnique": {"id": [TECHNIQUE], "name": ["Compute Hijacking"]},
        },
    }
