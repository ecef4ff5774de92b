# SPDX-License-Identifier: Apache-2.0
import ipaddress
from types import SimpleNamespace

import pytest

from minewatch.alert import Change, Severity
from minewatch.detectors.fusion import DEFAULT_PARTS
from minewatch.errors import ConfigError
from minewatch.registry import BASELINES, DETECTORS
from minewatch.response.book import HOUR_NS
from minewatch.response.networks import shared_networks, user_networks
from minewatch.response.policy import KINDS, Limits, Policy, weakness

NOW = 1_700_000_000_000_000_000


def test_every_detector_that_counts_has_a_kind():
    baselines = {one.name for one in BASELINES}
    counted = {one.name for one in DETECTORS} | {"flowstats"}
    assert set(KINDS) == counted
    assert counted | baselines == set(DEFAULT_PARTS)


@pytest.mark.parametrize(
    "detectors",
    [
        {"signature": 0.95},
        {"signature": 0.999, "rhythm": 0.01},
        {"rhythm": 0.9, "intel": 0.9},
        {"rhythm": 0.9, "block-clock": 0.5},
        {"signature": 0.8, "sequence": 0.6},
    ],
)
def test_strong_enough(alert, detectors):
    assert Policy().refusal(alert(detectors=detectors), NOW) is None


@pytest.mark.parametrize(
    ("detectors", "said"),
    [
        ({}, "no detector alone"),
        ({"rhythm": None, "signature": None}, "no detector alone"),
        ({"rhythm": 0.999}, "only its shape"),
        ({"rhythm": 0.99, "sequence": 0.99, "one-class": 0.9, "flowstats": 0.9}, "only its shape"),
        ({"block-clock": 0.99, "synchrony": 0.99}, "only its blocks"),
        ({"intel": 0.99}, "only its list"),
        ({"signature": 0.94}, "only its payload"),
        ({"rhythm": 0.99, "intel": 0.49}, "only its shape"),
        ({"rhythm": 0.99, "naive-bayes": 0.99, "netflow": 1.0}, "only its shape"),
        ({"rhythm": float("nan"), "intel": 0.9}, "only its list"),
    ],
)  # fmt: skip
def test_never_on_one_weak_signal(alert, detectors, said):
    one = alert(detectors=detectors)
    assert said in Policy().refusal(one, NOW)
    assert weakness(alert(detectors=detectors, severity=Severity.HIGH)) is None


def test_nor_for_what_is_over_allowed_or_in_transit(alert):
    policy = Policy()
    assert "has ended" in policy.refusal(alert(change=Change.ENDED), NOW)
    assert policy.refusal(alert(allowed_by="lab"), NOW) == "it is let alone: lab"
    assert "everybody behind it" in policy.refusal(alert(tags=("lab", "transit")), NOW)
    asked = []
    since = Policy(allowance=lambda one, now: asked.append((one.id, now)) or "ticket 42")
    assert since.refusal(alert(), NOW) == "it is let alone: ticket 42"
    assert asked == [(alert().id, NOW)]
    assert Policy(allowance=lambda one, now: None).refusal(alert(), NOW) is None


def test_nor_what_is_old(alert):
    old = alert(updated_ns=NOW - 61 * 10**9)
    assert "too old: it was told more than 60 s ago" in Policy(max_age_s=60).refusal(old, NOW)
    assert Policy(max_age_s=62).refusal(old, NOW) is None
    assert Policy().refusal(old, NOW) is None


def test_nor_a_protected_address_however_strong(alert):
    never = user_networks([ipaddress.ip_network("203.0.113.0/24")])
    policy = Policy((shared_networks(), never))
    strong = {"severity": Severity.HIGH}
    assert "203.0.113.0/24" in policy.refusal(alert(**strong), NOW)
    assert "Cloudflare" in policy.refusal(alert(pool="104.16.0.1", **strong), NOW)
    assert "Cloudflare" in policy.refusal(alert(pool="::ffff:104.16.0.1", **strong), NOW)
    assert policy.refusal(alert(pool="198.51.100.1", **strong), NOW) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"pool": "pool.example"},
        {"host": "$(reboot)"},
        {"host": "2001:db8::1"},
        {"protocol_identifier": 17},
        {"pool_port": 0},
    ],
)
def test_what_no_block_can_be_made_of_is_refused(alert, changed):
    assert Policy().refusal(alert(**changed), NOW) is not None


def test_limits(alert):
    policy = Policy(limits=Limits(seconds=60, per_hour=2, at_once=3))
    since = []
    book = SimpleNamespace(
        active=lambda: [1] * active, applied_since=lambda ns: since.append(ns) or n
    )
    for case in ((0, 1, None), (0, 2, "2 blocks were begun"), (3, 0, "3 blocks are in")):
        active, n, said = case
        found = policy.exhaustion(book, NOW)
        assert found is None if said is None else said in found
    assert set(since) == {NOW - HOUR_NS}
    assert policy.block_of(alert()).seconds == 60


@pytest.mark.parametrize(
    "values", [{"seconds": 0}, {"seconds": 2_592_001}, {"per_hour": 0}, {"at_once": 0}]
)
def test_limits_that_are_none(values):
    with pytest.raises(ConfigError):
        Limits(**values)


def test_an_address_that_leads_to_a_protected_one_is_protected(alert):
    """By NAT64 and 6to4; hosts have both versions there."""
    never = user_networks([ipaddress.ip_network("198.51.100.0/24")])
    for pool in ("64:ff9b::198.51.100.7", "2002:c633:6407::1"):
        one = alert(host="2001:db8::5", pool=pool)
        assert "198.51.100.7 is in 198.51.100.0/24" in Policy((never,)).refusal(one, NOW)
    assert Policy((never,)).refusal(alert(host="2001:db8::5", pool="64:ff9b::1"), NOW) is None
