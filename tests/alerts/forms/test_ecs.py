# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from ipaddress import ip_address

import pytest

from made_up_alerts import ALL, HOSTILE, PLAIN
from minewatch.alerts.forms.clean import json_line
from minewatch.alerts.forms.ecs import document

# Fields that are used, by the type that the ECS field reference 8.17 gives them.
# https://www.elastic.co/guide/en/ecs/8.17/ecs-field-reference.html
DATES = {"@timestamp", "event.start", "event.end"}
LONGS = {"event.duration", "event.severity", "destination.port"}
FLOATS = {"event.risk_score"}
ADDRESSES = {"source.ip", "destination.ip", "related.ip"}
LISTS = {
    *("tags", "event.category", "event.type", "related.ip", "related.hosts", "threat.tactic.id"),
    *("threat.tactic.name", "threat.technique.id", "threat.technique.name"),
    *("threat.technique.subtechnique.id", "threat.technique.subtechnique.name"),
}
"""Where the reference says: this field should contain an array of values."""
KEYWORDS = LISTS - ADDRESSES | {
    *("ecs.version", "message", "event.kind", "event.id", "event.action", "event.module"),
    *("event.dataset", "event.provider", "source.address", "destination.address"),
    *("destination.domain", "network.direction", "network.transport", "network.iana_number"),
    *("network.community_id", "rule.name", "rule.category", "threat.framework"),
    *("observer.vendor", "observer.product", "observer.type", "observer.version"),
    "observer.name",
}
# Allowed values: https://www.elastic.co/guide/en/ecs/8.17/ecs-category-field-values-reference.html
CATEGORY_TYPES = {
    "intrusion_detection": {"allowed", "denied", "info"},
    "network": {
        *("access", "allowed", "connection", "denied", "end", "info", "protocol", "start"),
    },
}


def flat(value, prefix=""):
    for key, item in value.items():
        if isinstance(item, dict):
            yield from flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


BARE = replace(PLAIN, pool_name=None, tags=(), community_ids=(), host="a host", pool="a pool")


@pytest.mark.parametrize("alert", [*ALL, BARE])
def test_each_field_is_of_the_schema_and_of_its_type(alert):
    told = document(alert)
    own = told.pop("minewatch")
    assert own["id"] == alert.id
    for name, value in flat(told):
        assert isinstance(value, list) == (name in LISTS), name
        for item in value if isinstance(value, list) else [value]:
            if name in LONGS:
                assert type(item) is int, name
            elif name in FLOATS:
                assert type(item) is float, name
            elif name in ADDRESSES:
                ip_address(item)
            else:
                assert name in KEYWORDS | DATES, name
                assert type(item) is str, name


def test_kind_category_and_type_are_allowed_values():
    event = document(PLAIN)["event"]
    assert event["kind"] == "alert"
    for category in event["category"]:
        assert set(event["type"]) <= CATEGORY_TYPES[category]


def test_a_plain_alert():
    told = document(PLAIN)
    assert told["@timestamp"] == "2023-11-14T22:14:51.123456Z"
    assert told["event"]["duration"] == 90_000_000_000
    assert told["source"] == {"address": "10.0.0.5", "ip": "10.0.0.5"}
    assert told["destination"]["domain"] == "pool.example"
    assert told["related"] == {"ip": ["10.0.0.5", "203.0.113.9"], "hosts": ["pool.example"]}
    assert told["threat"]["technique"]["subtechnique"]["id"] == ["T1496.001"]
    assert told["network"]["community_id"] == PLAIN.community_ids[-1]


def test_what_is_no_address_is_in_no_field_for_addresses():
    told = document(BARE)
    assert "ip" not in told["source"]
    assert "ip" not in told["destination"]
    assert "related" not in told


def test_it_is_one_harmless_line():
    line = json_line(document(HOSTILE))
    assert line.isascii()
    assert line.isprintable()
