# SPDX-License-Identifier: Apache-2.0
"""The public contract must not move by accident."""

import json

import pytest

from contract_check import problems
from minewatch.output.contract import CONTRACT_VERSION, NAMES, json_schema
from minewatch.output.records import records
from minewatch.testing import conversations


@pytest.fixture
def good(verdict):
    (record,) = records(conversations().frame, [verdict()], "a.pcap")
    return record


def test_the_fields_of_version_1():
    assert CONTRACT_VERSION == 1
    assert (
        tuple(
            "source_address source_transport_port destination_address destination_transport_port "
            "protocol_identifier flow_start flow_end packet_delta_count reverse_packet_delta_count "
            "octet_delta_count reverse_octet_delta_count mining_probability label algorithm "
            "algorithm_source dialect pool_family payout_coin community_id capture detectors "
            "evidence tags transit allowed_by expired_allowance sampling_packet_interval".split()
        )
        == NAMES
    )


def test_a_record_meets_the_schema(good):
    assert list(problems(good, json_schema())) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source_transport_port", 65536),
        ("source_transport_port", "80"),
        ("flow_start", "2026-11-24T10:00:00Z"),
        ("flow_start", "2026-11-24T10:00:00.123456+00:00"),
        ("mining_probability", None),
        ("mining_probability", 1.1),
        ("label", "miner"),
        ("algorithm", 1),
        ("algorithm_source", "guess"),
        ("payout_coin", 1),
        ("community_id", "abc"),
        ("detectors", {"signature": 2}),
        ("detectors", []),
        ("evidence", [{"feature": "x"}]),
        ("evidence", None),
        ("tags", None),
        ("tags", [1]),
        ("transit", {"end": "near"}),
        ("allowed_by", "ops"),
        ("allowed_by", {"owner": "ops"}),
        ("expired_allowance", []),
    ],
)
def test_the_schema_refuses(good, name, value):
    assert list(problems(good | {name: value}, json_schema()))


def test_every_field_is_required_and_described(good):
    schema = json_schema()
    for name in NAMES:
        assert list(problems({k: v for k, v in good.items() if k != name}, schema))
        assert schema["properties"][name]["description"]
    json.dumps(schema)
