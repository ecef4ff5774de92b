# SPDX-License-Identifier: Apache-2.0
"""OCSF: Detection Finding, class 2004 of the Open Cybersecurity Schema Framework, version 1.4.0.

See https://schema.ocsf.io/1.4.0/classes/detection_finding. What has no place there goes into
``unmapped``.
"""

from __future__ import annotations

from typing import Any, Final

from minewatch import __version__
from minewatch.alert import TECHNIQUE, Alert, Change, Severity
from minewatch.alerts.forms.clean import address_or_none, clean, without_nulls
from minewatch.alerts.forms.record import record
from minewatch.alerts.forms.wording import sentences, title, transport

OCSF_VERSION: Final = "1.4.0"
CLASS: Final = 2004
_ACTIVITIES: Final = {
    Change.NEW: (1, "Create"),
    Change.UPDATED: (2, "Update"),
    Change.ENDED: (3, "Close"),
}
_STATUSES: Final = {
    Change.NEW: (1, "New"),
    Change.UPDATED: (2, "In Progress"),
    Change.ENDED: (4, "Resolved"),
}
_SUPPRESSED: Final = (3, "Suppressed")
_SEVERITIES: Final = {
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
}
_HOSTNAME, _ADDRESS, _PORT = 1, 2, 11
_OUTBOUND: Final = 2
_LEARNING: Final = 4
_UNMAPPED: Final = (
    *("alert_version", "revision", "mining_probability", "conversations", "identity"),
    *("detectors", "evidence", "allowed_by", "disproof"),
)


def finding(alert: Alert) -> dict[str, Any]:
    """Return an alert as a Detection Finding.

    Parameters
    ----------
    alert : any alert.
    """
    activity, activity_name = _ACTIVITIES[alert.change]
    status, status_name = _SUPPRESSED if alert.allowed_by else _STATUSES[alert.change]
    severity, severity_name = _SEVERITIES[alert.severity]
    own = record(alert)
    fields = {
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity,
        "type_name": f"Detection Finding: {activity_name}",
        "time": _milliseconds(alert.updated_ns),
        "start_time": _milliseconds(alert.first_seen_ns),
        "end_time": _milliseconds(alert.last_seen_ns),
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "confidence_score": round(100 * alert.mining_probability),
        "count": alert.conversations,
        "message": sentences(alert),
        "metadata": {
            "version": OCSF_VERSION,
            "uid": f"{alert.id}-{alert.revision}",
            "product": {"name": "minewatch", "vendor_name": "minewatch", "version": __version__},
            "log_name": alert.source,
            "labels": alert.tags,
        },
        "finding_info": _finding_info(alert),
        "evidences": _evidences(alert),
        "observables": _observables(alert),
        "remediation": {"desc": "\n".join(own["next_steps"])} if own["next_steps"] else None,
    }
    cleaned: dict[str, Any] = clean(without_nulls(fields))
    if own["next_steps"]:
        # Its own line breaks are meant.
        cleaned["remediation"]["desc"] = "\n".join(own["next_steps"])
    return cleaned | {"unmapped": {name: own[name] for name in _UNMAPPED}}


def _finding_info(alert: Alert) -> dict[str, Any]:
    return {
        "uid": alert.id,
        "title": title(alert),
        "desc": sentences(alert),
        "types": ["Cryptojacking"],
        "created_time": _milliseconds(alert.first_seen_ns),
        "modified_time": _milliseconds(alert.updated_ns),
        "first_seen_time": _milliseconds(alert.first_seen_ns),
        "last_seen_time": _milliseconds(alert.last_seen_ns),
        "analytic": {"name": "minewatch", "type_id": _LEARNING, "version": __version__},
        "attacks": [
            {
                "tactic": {"uid": "TA0040", "name": "Impact"},
                "technique": {"uid": TECHNIQUE.partition(".")[0], "name": "Resource Hijacking"},
                "sub_technique": {"uid": TECHNIQUE, "name": "Compute Hijacking"},
            }
        ],
    }


def _evidences(alert: Alert) -> list[dict[str, Any]]:
    """Return the two ends once for each conversation that the alert names."""
    host, pool = address_or_none(alert.host), address_or_none(alert.pool)
    return [
        without_nulls(
            {
                "src_endpoint": {"ip": host, "name": None if host else alert.host},
                "dst_endpoint": {
                    "ip": pool,
                    "name": None if pool else alert.pool,
                    "hostname": alert.pool_name,
                    "port": alert.pool_port,
                },
                "connection_info": {
                    "direction_id": _OUTBOUND,
                    "direction": "Outbound",
                    "protocol_num": alert.protocol_identifier,
                    "protocol_name": transport(alert.protocol_identifier),
                    "community_uid": community_id,
                },
            }
        )
        for community_id in alert.community_ids or (None,)
    ]


def _observables(alert: Alert) -> list[dict[str, Any]]:
    found = [
        ("evidences.src_endpoint.ip", _ADDRESS, "IP Address", address_or_none(alert.host)),
        ("evidences.dst_endpoint.ip", _ADDRESS, "IP Address", address_or_none(alert.pool)),
        ("evidences.dst_endpoint.port", _PORT, "Port", str(alert.pool_port)),
        ("evidences.dst_endpoint.hostname", _HOSTNAME, "Hostname", alert.pool_name),
    ]
    return [
        {"name": name, "type_id": type_id, "type": kind, "value": value}
        for name, type_id, kind, value in found
        if value
    ]


def _milliseconds(time_ns: int) -> int:
    return time_ns // 1_000_000
