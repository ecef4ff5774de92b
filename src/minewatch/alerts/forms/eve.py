# SPDX-License-Identifier: Apache-2.0
"""Suricata's EVE JSON: an alert event, as ``minewatch scan --format eve`` writes conversations.

There is no rule behind it, so ``gid`` is a number of our own. An alert is about a host and a pool
and may have many conversations: the port of the host is left out.
"""

from __future__ import annotations

from typing import Any, Final

from minewatch import __version__
from minewatch.alert import TECHNIQUE, Alert, Severity
from minewatch.alerts.forms.clean import clean, moment, without_nulls
from minewatch.alerts.forms.record import RECORD_VERSION, record
from minewatch.alerts.forms.wording import transport

GENERATOR: Final = 77_000
SIGNATURE: Final = 2
"""An alert of a host and a pool; 1 is a conversation."""
CATEGORY: Final = "Crypto Currency Mining Activity Detected"
SEVERITIES: Final = {Severity.HIGH: 1, Severity.MEDIUM: 2, Severity.LOW: 3}
ALLOWED_SEVERITY: Final = 4
"""Of what the user allows: Suricata's lowest."""
_IN_THE_EVENT: Final = frozenset("host pool pool_port protocol_identifier title technique".split())


def event(alert: Alert) -> dict[str, Any]:
    """Return an alert as an event of Suricata.

    Parameters
    ----------
    alert : any alert.
    """
    own = record(alert)
    allowed = ", allowed" if alert.allowed_by else ""
    ended = ", ended" if own["change"] == "ended" else ""
    fields = {
        "timestamp": _timestamp(alert.updated_ns),
        "event_type": "alert",
        "src_ip": alert.host,
        "dest_ip": alert.pool,
        "dest_port": alert.pool_port,
        "proto": transport(alert.protocol_identifier).upper().zfill(3),
        "community_id": alert.community_ids[-1] if alert.community_ids else None,
        "flow": {"start": _timestamp(alert.first_seen_ns), "end": _timestamp(alert.last_seen_ns)},
        "alert": {
            "action": "allowed",
            "gid": GENERATOR,
            "signature_id": SIGNATURE,
            "rev": RECORD_VERSION,
            "signature": f"minewatch: host mines cryptocurrency{allowed}{ended}",
            "category": CATEGORY,
            "severity": ALLOWED_SEVERITY if alert.allowed_by else SEVERITIES[alert.severity],
            "metadata": {"mitre_technique_id": [TECHNIQUE]},
        },
    }
    kept = {key: value for key, value in own.items() if key not in _IN_THE_EVENT}
    cleaned: dict[str, Any] = clean(without_nulls(fields))
    return cleaned | {"minewatch": {"version": __version__, **kept}}


def _timestamp(time_ns: int) -> str:
    """Return a time as Suricata writes it, with the offset spelled out."""
    return moment(time_ns).removesuffix("Z") + "+0000"
