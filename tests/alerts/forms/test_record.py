# SPDX-License-Identifier: Apache-2.0
import re
from pathlib import Path

import pytest

from made_up_alerts import ALL, HOSTILE, NASTY, PLAIN
from minewatch.alerts.forms.clean import json_line, printable
from minewatch.alerts.forms.record import record

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "send-alerts.md"


def test_a_plain_alert():
    assert record(PLAIN) == {
        "alert_version": 1,
        "id": PLAIN.id,
        "revision": 1,
        "change": "new",
        "severity": "high",
        "title": "10.0.0.5 mines at pool.example (203.0.113.9:443)",
        "host": "10.0.0.5",
        "pool": "203.0.113.9",
        "pool_name": "pool.example",
        "pool_port": 443,
        "protocol_identifier": 6,
        "mining_probability": 0.9871234567890123,
        "first_seen": "2023-11-14T22:13:20.123456Z",
        "last_seen": "2023-11-14T22:14:50.123456Z",
        "updated": "2023-11-14T22:14:51.123456Z",
        "conversations": 2,
        "community_ids": list(PLAIN.community_ids),
        "identity": {"algorithm": "rx/0", "dialect": None},
        "detectors": {"signature": 0.99, "rhythm": None},
        "evidence": [
            {
                "feature": "stratum_login",
                "value": "login",
                "unit": "text",
                "contribution": 4.5,
                "text": "A miner logged in.",
                "normal_low": None,
                "normal_high": None,
            },
            {
                "feature": "mean_octets",
                "value": 96.25,
                "unit": "octets",
                "contribution": -0.125,
                "text": "Small packets.",
                "normal_low": 60.0,
                "normal_high": 1400.0,
            },
        ],
        "tags": ["build server"],
        "allowed_by": None,
        "source": "eth0",
        "technique": "T1496.001",
        "disproof": ["It is a backup."],
        "next_steps": ["Look at the host's processes.", "Ask its owner."],
    }


def test_every_field_is_documented():
    table = re.findall(r"^\| `(\w+)`", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name in table if name in record(PLAIN)] == list(record(PLAIN))


@pytest.mark.parametrize("alert", ALL)
def test_it_can_be_shown_on_a_terminal(alert):
    line = json_line(record(alert))
    assert line.isascii()
    assert line.isprintable()


def test_hostile_text_is_spelled_out():
    assert record(HOSTILE)["pool_name"] == printable(NASTY)
    assert record(HOSTILE)["detectors"] == {printable(NASTY): 0.5}
