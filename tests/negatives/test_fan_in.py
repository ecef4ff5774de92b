# SPDX-License-Identifier: Apache-2.0
"""Many internal hosts at one peer: miners at a proxy are found, other services' clients are not."""

import json

import pytest

from negative_check import (
    PEERS,
    assert_stays_normal,
    beats,
    chances,
    ordered,
    seen_of,
    simulated,
    spoken,
)

BLOB = "0e0e" + "a7" * 74


def line(**members):
    return json.dumps(members, separators=(",", ":")).encode() + b"\n"


def job(rng):
    """Return a job of CryptoNote's Stratum, as a proxy hands it on."""
    target = rng.bytes(4).hex()
    return {"blob": BLOB, "job_id": rng.bytes(8).hex(), "target": target, "algo": "rx/0"}


def miner(rng, length):
    """XMRig at a proxy in the clear: login, jobs at the pool's pace, shares by chance."""
    login = {"login": "x", "pass": "x", "agent": "XMRig/6.26.0", "algo": ["rx/0"]}
    said = [
        (0.2, False, line(id=1, jsonrpc="2.0", method="login", params=login)),
        (
            0.3,
            True,
            line(id=1, jsonrpc="2.0", result={"id": "a1", "job": job(rng), "status": "OK"}),
        ),
    ]
    for at in chances(rng, length, 75.0):
        said.append((at, True, line(jsonrpc="2.0", method="job", params=job(rng))))
    for number, at in enumerate(chances(rng, length, float(rng.uniform(15, 60)))):
        share = {"id": "a1", "job_id": "j", "nonce": rng.bytes(4).hex()}
        share["result"] = rng.bytes(32).hex()
        said.append((at, False, line(id=2 + number, jsonrpc="2.0", method="submit", params=share)))
        said.append((at + 0.05, True, line(id=2 + number, error=None, result={"status": "OK"})))
    return ordered(said)


def test_miners_behind_a_proxy_stay_mining(tmp_path):
    made = spoken(miner, 3333, n=30, hours=0.5, peer=lambda i: PEERS + 9)
    found = seen_of(tmp_path, made)
    assert len(found) == 30
    assert [seen.label for seen in found] == ["mining"] * 30
    assert {seen.row["algorithm"] for seen in found} == {"rx/0"}


@pytest.mark.parametrize(
    ("service", "n"),
    [
        *((name, 50) for name in ("mqtt", "postgresql-idle", "redis-pubsub", "nats", "amqp")),
        ("beanstalkd", 50),
        ("job-queue", 50),
        ("electrum", 50),
        ("prometheus", 12),  # of its scrapes even a dozen clients make 40 MB
    ],
)
def test_many_hosts_at_one_server_stay_normal(service, n, tmp_path):
    made = simulated(service, n=n, hours=4.0, fan_in=True)
    assert len(set(made.conversations.responder_address.tolist())) == 1
    assert len(set(made.conversations.initiator_address.tolist())) == n
    assert_stays_normal(tmp_path, made, least=n // 2)


def configuration_watch(rng, length, shared):
    """A client of a configuration service: it hears every change, at the moment all others do."""
    said = [(0.2, False, rng.bytes(180)), (0.3, True, rng.bytes(900))]
    for at in beats(rng, length, 30.0, 0.2):
        said += [(at, False, rng.bytes(17)), (at + 0.01, True, rng.bytes(17))]
    for at in shared:
        if at < length:
            said.append((at + float(rng.exponential(0.02)), True, rng.bytes(420)))
    return ordered(said)


def test_fifty_watchers_of_one_configuration_stay_normal(tmp_path, rng):
    """Pushes that reach all hosts at once are synchrony without mining."""
    shared = chances(rng, 7200, 90.0)
    made = spoken(
        lambda own, length: configuration_watch(own, length, shared),
        2379,
        n=50,
        peer=lambda i: PEERS + 3,
    )
    # All began before the first change: one clock for all.
    made.conversations.start_s[:] = made.conversations.start_s[0]
    made.conversations.end_s[:] = made.conversations.end_s.max()
    assert_stays_normal(tmp_path, made, least=40)


def test_fifty_hosts_that_publish_to_one_log_collector_stay_normal(tmp_path):
    def shipper(rng, length):
        said = []
        for at in chances(rng, length, float(rng.uniform(10, 40))):
            said += [(at, False, int(rng.integers(120, 700))), (at + 0.02, True, 6)]
        return ordered(said)

    made = spoken(shipper, 5044, n=50, peer=lambda i: PEERS + 4)
    assert_stays_normal(tmp_path, made, least=40)
