# SPDX-License-Identifier: Apache-2.0
"""Alerts for tests that need some."""

from pathlib import Path

from minewatch.alert import Alert, Change, Severity, alert_id
from minewatch.alerts.forms import stored

NOW = 1_700_000_000_000_000_000


def some_alert(host: str = "10.0.0.5", **changed: object) -> Alert:
    values = {
        "revision": 1,
        "change": Change.NEW,
        "host": host,
        "pool": "203.0.113.9",
        "pool_port": 3333,
        "protocol_identifier": 6,
        "severity": Severity.MEDIUM,
        "mining_probability": 0.99,
        "first_seen_ns": NOW,
        "last_seen_ns": NOW,
        "updated_ns": NOW,
        "conversations": 1,
        "community_ids": (),
        "detectors": {"signature": 0.999},
        "evidence": (),
        "source": "eth0",
    } | changed
    values.setdefault(
        "id",
        alert_id(
            host,
            str(values["pool"]),
            int(str(values["pool_port"])),
            int(str(values["first_seen_ns"])),
        ),
    )
    return Alert(**values)  # type: ignore[arg-type]


def write_alerts(path: Path, *alerts: Alert) -> Path:
    path.write_text("".join(stored.write(alert) + "\n" for alert in alerts), encoding="ascii")
    return path
