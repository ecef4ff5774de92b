# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.doubt.services import (
    MINER,
    NAMES,
    OF_MESSAGES,
    OF_RECORDS,
    SAME,
    miner,
    services,
    services_of,
    table_of,
)
from minewatch.features.rhythm import RhythmFeatures

# Well-known look-alikes that a person will think of first.
WANTED = {"mqtt", "telemetry", "ssh-idle", "ssh-interactive", "postgresql-idle", "job-queue"}
WANTED |= {"websocket", "electrum", "prometheus", "long-poll", "redis-pubsub", "kubernetes-watch"}


def test_the_table_holds_what_people_think_of_first():
    keys = [service.key for service in services()]
    assert set(keys) >= WANTED
    assert MINER not in keys
    assert len(set(keys)) == len(keys)
    assert set(keys) <= set(NAMES)
    assert set(SAME.values()) <= set(NAMES)


def test_every_range_is_one_and_has_a_known_feature():
    known = {*OF_MESSAGES, *OF_RECORDS}
    assert known <= set(RhythmFeatures().feature_names)
    for service in (*services(), miner()):
        assert service.conversations >= 5, service.key
        assert set(service.features) <= known
        for name, usual in service.features.items():
            assert usual.low <= usual.median <= usual.high, (service.key, name)


def test_what_was_measured_is_what_the_services_are():
    """A scrape comes every 15 s or 30 s, an Electrum wallet asks once a minute, by their code."""
    by_key = {service.key: service.features for service in services()}
    assert by_key["prometheus"]["asked_gap_median"].median == pytest.approx(15, rel=0.01)
    assert by_key["electrum"]["asked_gap_median"].median == pytest.approx(60, rel=0.01)
    assert by_key["long-poll"]["push_share"].low > 0.5 > by_key["prometheus"]["push_share"].high
    assert miner().features["asked_answered_share"].low > 0.8


def test_another_format_is_refused():
    with pytest.raises(ValueError, match=r"services\.json: format 2 instead of 1"):
        table_of(json.dumps({"format": 2}))


def test_a_table_is_read_as_it_is_written():
    entry = {"key": "mqtt", "conversations": 7, "features": {"push_share": [0.1, 0.2, 0.3]}}
    (service,) = services_of({"services": [entry]})
    assert (service.name, service.conversations) == ("MQTT", 7)
    usual = service.features["push_share"]
    assert (usual.low, usual.median, usual.high) == (0.1, 0.2, 0.3)
