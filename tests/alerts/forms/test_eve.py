# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from made_up_alerts import ALL, ENDED, HOSTILE, PLAIN
from minewatch.alert import Severity
from minewatch.alerts.forms.clean import json_line
from minewatch.alerts.forms.eve import event
from minewatch.output import eve as of_conversations


def test_a_plain_alert():
    told = event(PLAIN)
    own = told.pop("minewatch")
    assert told == {
        "timestamp": "2023-11-14T22:14:51.123456+0000",
        "event_type": "alert",
        "src_ip": "10.0.0.5",
        "dest_ip": "203.0.113.9",
        "dest_port": 443,
        "proto": "TCP",
        "community_id": PLAIN.community_ids[-1],
        "flow": {
            "start": "2023-11-14T22:13:20.123456+0000",
            "end": "2023-11-14T22:14:50.123456+0000",
        },
        "alert": {
            "action": "allowed",
            "gid": 77_000,
            "signature_id": 2,
            "rev": 1,
            "signature": "minewatch: host mines cryptocurrency",
            "category": "Crypto Currency Mining Activity Detected",
            "severity": 1,
            "metadata": {"mitre_technique_id": ["T1496.001"]},
        },
    }
    assert (own["id"], own["revision"], own["pool_name"]) == (PLAIN.id, 1, "pool.example")


def test_it_is_of_the_same_kind_as_the_event_of_a_conversation():
    alert = event(PLAIN)["alert"]
    assert alert["gid"] == of_conversations.GENERATOR
    assert alert["category"] == of_conversations.CATEGORY
    assert alert["signature_id"] != 1


def test_severities():
    assert event(replace(PLAIN, severity=Severity.LOW))["alert"]["severity"] == 3
    assert event(HOSTILE)["alert"]["severity"] == 4
    assert event(ENDED)["alert"]["signature"].endswith(", ended")


def test_protocols_have_suricatas_names():
    assert event(replace(PLAIN, protocol_identifier=17))["proto"] == "UDP"
    assert event(replace(PLAIN, protocol_identifier=50))["proto"] == "050"


@pytest.mark.parametrize("alert", ALL)
def test_it_is_one_harmless_line(alert):
    line = json_line(event(alert))
    assert line.isascii()
    assert line.isprintable()
