# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from functools import cache

import jsonschema
import pytest
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from made_up_alerts import ALL, ENDED, HOSTILE, PLAIN
from minewatch.alert import Severity
from minewatch.alerts.forms.clean import json_line
from minewatch.alerts.forms.ocsf import OCSF_VERSION, finding

LATER = ("1.5.0", "1.6.0", "1.7.0", "1.8.0")


@cache
def validator(version):
    """The class as JSON Schema; nothing but its attributes is allowed, at any depth."""
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version))
    return jsonschema.Draft202012Validator(schema.get_class_schema("detection_finding"))


def problems(value, version=OCSF_VERSION):
    return [f"{e.json_path}: {e.message}" for e in validator(version).iter_errors(value)]


@pytest.mark.parametrize("version", [OCSF_VERSION, *LATER])
@pytest.mark.parametrize("alert", ALL)
def test_it_fits_the_schema(alert, version):
    assert problems(finding(alert), version) == []


@pytest.mark.parametrize(
    "alert",
    [
        replace(PLAIN, pool_name=None, tags=(), next_steps=(), community_ids=()),
        replace(PLAIN, host="a host", pool="a pool"),
        replace(PLAIN, evidence=(), detectors={}, identity={}, disproof=()),
        *(replace(PLAIN, severity=severity) for severity in Severity),
    ],
)
def test_it_fits_with_less_too(alert):
    assert problems(finding(alert)) == []


def test_the_schema_finds_faults():
    told = finding(PLAIN)
    assert problems(told | {"severity_id": 7})
    assert problems(told | {"novel": 1})
    assert problems({key: value for key, value in told.items() if key != "finding_info"})
    assert problems(told | {"finding_info": told["finding_info"] | {"novel": 1}})


def test_numbers_and_their_names_belong_together():
    schema = get_ocsf_schema(OCSF_VERSION)["classes"]["detection_finding"]["attributes"]
    for alert in ALL:
        told = finding(alert)
        for number, name in (
            ("activity_id", "activity_name"),
            ("severity_id", "severity"),
            ("status_id", "status"),
        ):
            assert schema[number]["enum"][str(told[number])]["caption"] == told[name]
        assert told["type_uid"] == 200_400 + told["activity_id"]


def test_a_plain_alert():
    told = finding(PLAIN)
    assert (told["class_uid"], told["activity_id"], told["severity_id"]) == (2004, 1, 4)
    assert told["time"] == 1_700_000_091_123
    assert told["finding_info"]["uid"] == PLAIN.id
    assert told["finding_info"]["attacks"][0]["sub_technique"]["uid"] == "T1496.001"
    assert told["metadata"]["uid"] == f"{PLAIN.id}-1"
    assert [e["connection_info"]["community_uid"] for e in told["evidences"]] == list(
        PLAIN.community_ids
    )
    assert told["remediation"]["desc"] == "Look at the host's processes.\nAsk its owner."
    assert told["unmapped"]["detectors"] == {"signature": 0.99, "rhythm": None}


def test_states():
    assert finding(HOSTILE)["status"] == "Suppressed"
    assert finding(ENDED)["activity_name"] == "Close"
    assert finding(ENDED)["status"] == "Resolved"


@pytest.mark.parametrize("alert", ALL)
def test_it_is_one_harmless_line(alert):
    line = json_line(finding(alert))
    assert line.isascii()
    assert line.isprintable()
