# SPDX-License-Identifier: Apache-2.0
"""minewatch's own form: one JSON object an alert; ``docs/how-to/send-alerts.md`` lists its fields.

Within a version fields are only added.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from minewatch.alert import TECHNIQUE, Alert
from minewatch.alerts.forms.clean import clean, moment
from minewatch.alerts.forms.wording import title

RECORD_VERSION: Final = 1


def record(alert: Alert) -> dict[str, Any]:
    """Return an alert as an object whose texts are printable.

    Parameters
    ----------
    alert : any alert.
    """
    fields = {
        "alert_version": RECORD_VERSION,
        "id": alert.id,
        "revision": alert.revision,
        "change": str(alert.change),
        "severity": str(alert.severity),
        "title": title(alert),
        "host": alert.host,
        "pool": alert.pool,
        "pool_name": alert.pool_name,
        "pool_port": alert.pool_port,
        "protocol_identifier": alert.protocol_identifier,
        "mining_probability": alert.mining_probability,
        "first_seen": moment(alert.first_seen_ns),
        "last_seen": moment(alert.last_seen_ns),
        "updated": moment(alert.updated_ns),
        "conversations": alert.conversations,
        "community_ids": alert.community_ids,
        "identity": alert.identity,
        "detectors": alert.detectors,
        "evidence": [asdict(evidence) for evidence in alert.evidence],
        "tags": alert.tags,
        "allowed_by": alert.allowed_by,
        "source": alert.source,
        "technique": TECHNIQUE,
        "disproof": alert.disproof,
        "next_steps": alert.next_steps,
    }
    cleaned: dict[str, Any] = clean(fields)
    return cleaned
