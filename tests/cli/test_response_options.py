# SPDX-License-Identifier: Apache-2.0
import dataclasses
import os
import time

import pytest

from minewatch.alerts.feedback import Judgement, add_judgement
from minewatch.cli.response_options import policy_of
from minewatch.errors import ConfigError, SourceError
from some_alerts import some_alert as told_alert

LIMITS = {"seconds": 60, "per_hour": 5, "at_once": 6, "max_age": 600}
NOW = time.time_ns()
KNOWN = """
[[allow]]
host = "10.0.0.5"
pool = "203.0.113.9:3333"
owner = "lab"
reason = "ticket 42"
expires = 9999-12-30

[[allow]]
pool = "198.51.100.1"
owner = "old"
reason = "over"
expires = 2020-01-01

[[allow]]
tag = "research"
pool = "pool.example"
owner = "research"
reason = "course"
expires = 9999-12-30

[tags]
research = ["10.77.0.0/16"]

[transit]
"office VPN" = ["192.0.2.7/32"]
"""


def some_alert(host="10.0.0.5", **changed):
    return told_alert(host, updated_ns=NOW, **changed)


def policy(allow=None, never=None):
    return policy_of(allow, never, NOW, **LIMITS)


@pytest.fixture
def known(tmp_path):
    path = tmp_path / "known.toml"
    path.write_text(KNOWN)
    return str(path)


def test_limits_are_those_of_the_options():
    assert vars_of(policy().limits) == (60, 5, 6)


def vars_of(limits):
    return limits.seconds, limits.per_hour, limits.at_once


def test_what_the_machine_needs_and_delivery_networks_are_protected():
    assert policy().refusal(some_alert(), NOW) is None
    assert "link-local" in policy().refusal(some_alert(pool="169.254.169.254"), NOW)
    assert "Cloudflare" in policy().refusal(some_alert(pool="104.16.0.1"), NOW)


def test_an_administrator_is_protected(monkeypatch):
    monkeypatch.setitem(os.environ, "SSH_CONNECTION", "203.0.113.9 5000 10.0.0.1 22")
    assert policy().refusal(some_alert(), NOW) == "203.0.113.9 administers this machine"


def test_networks_of_the_user():
    assert "never to be cut off" in policy(never=["192.0.2.0/24", "203.0.113.0/24"]).refusal(
        some_alert(), NOW
    )
    for text in ("x", "10.0.0.1/8"):
        with pytest.raises(ConfigError, match="--never"):
            policy(never=[text])


def test_allowances_of_the_file_as_it_is_now(known):
    chosen = policy(known)
    assert "lab: ticket 42, until 9999-12-30" in chosen.refusal(some_alert(), NOW)
    # Another host at an address that somebody may mine at: the address stays open all the same.
    assert "is allowed by lab" in chosen.refusal(some_alert("10.0.0.6"), NOW)
    assert chosen.refusal(some_alert(pool="198.51.100.1"), NOW) is None
    assert chosen.refusal(some_alert(pool="198.51.100.2"), NOW) is None


def test_names_tags_and_transit_of_the_file(known):
    chosen = policy(known)
    named = {"pool": "198.51.100.3", "pool_name": "EU.Pool.example."}
    assert "course" in chosen.refusal(some_alert("10.77.0.1", **named), NOW)
    assert chosen.refusal(some_alert("10.78.0.1", **named), NOW) is None
    assert "office VPN only relays" in chosen.refusal(some_alert(pool="192.0.2.7"), NOW)
    assert "no address" in chosen.refusal(some_alert(pool="pool.example"), NOW)


def test_what_people_found_to_be_no_miner(tmp_path):
    labels = tmp_path / "labels.jsonl"
    one = some_alert()
    chosen = policy_of(None, None, NOW, **LIMITS, labels=labels)
    assert chosen.refusal(one, NOW) is None
    for is_mining, said in ((True, None), (False, "alice found that it does not mine: backup")):
        add_judgement(labels, Judgement(one.id, is_mining, "backup", "alice", NOW))
        refusal = policy_of(None, None, NOW, **LIMITS, labels=labels).refusal(one, NOW)
        assert refusal == (said and f"it is let alone: {said}")


def test_what_is_old(known):
    old = dataclasses.replace(some_alert(), updated_ns=NOW - 601 * 10**9)
    assert "too old" in policy().refusal(old, NOW)


def test_a_file_that_is_gone(tmp_path):
    with pytest.raises(SourceError):
        policy(str(tmp_path / "none.toml"))
