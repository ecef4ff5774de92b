# SPDX-License-Identifier: Apache-2.0
"""Queues and databases: jobs come, results go, heartbeats tick; some do it on miners' ports."""

import json

import pytest

from negative_check import assert_stays_normal, beats, chances, ordered, simulated, spoken


@pytest.mark.parametrize("port", [3333, 4444, 14444])
@pytest.mark.parametrize("service", ["beanstalkd", "job-queue"])
def test_job_queue_on_a_mining_port_stays_normal(service, port, tmp_path):
    made = simulated(service, n=12, hours=6.0)
    made.conversations.responder_port[:] = port
    assert_stays_normal(tmp_path, made)


def line(**members):
    return json.dumps(members, separators=(",", ":")).encode() + b"\n"


def worker(rng, length):
    """A worker of a queue of JSON lines: jobs as they come, and a result every 30 s."""
    said = [
        (0.2, False, line(jsonrpc="2.0", id=1, method="worker.register", params={"worker": "w1"})),
        (0.25, True, line(jsonrpc="2.0", id=1, result={"status": "OK"})),
    ]
    for at in chances(rng, length, float(rng.uniform(20, 90))):
        params = {"job_id": rng.bytes(8).hex(), "source": f"s3://in/{rng.bytes(16).hex()}.jpg"}
        said.append((at, True, line(jsonrpc="2.0", method="job.assign", params=params)))
    for number, at in enumerate(beats(rng, length, 30.0, float(rng.choice([0.02, 1.0])))):
        result = {"job_id": rng.bytes(8).hex(), "etag": rng.bytes(32).hex()}
        said.append((at, False, line(jsonrpc="2.0", id=number, method="job.result", params=result)))
        said.append((at + 0.03, True, line(jsonrpc="2.0", id=number, result={"status": "OK"})))
    return ordered(said)


def computing_worker(rng, length):
    """One that is nearer still: ``job`` and ``submit`` are words of queues too."""
    said = [
        (0.2, False, line(id=1, method="login", params={"user": "worker-7", "token": "x"})),
        (0.25, True, line(id=1, result={"session": rng.bytes(6).hex(), "status": "OK"})),
    ]
    for at in beats(rng, length, 60.0, 5.0):
        task = {"job_id": rng.bytes(6).hex(), "frames": [1, 250], "scene": rng.bytes(20).hex()}
        said.append((at, True, line(method="job", params=task)))
    for number, at in enumerate(beats(rng, length, 30.0, 0.5)):
        done = {"job_id": rng.bytes(6).hex(), "frame": number, "seconds": 29.7}
        said.append((at, False, line(id=number, method="submit", params=done)))
        said.append((at + 0.04, True, line(id=number, result="stored")))
    return ordered(said)


@pytest.mark.parametrize("speak", [worker, computing_worker])
def test_queue_of_json_on_3333_with_a_result_every_30_s_stays_normal(speak, tmp_path):
    assert_stays_normal(tmp_path, spoken(speak, 3333, n=12))


def replication(rng, length):
    """A standby of PostgreSQL: keepalives and positions every 10 s, changes as they come."""
    said = [(0.2, False, 86), (0.3, True, 380), (0.4, False, 52)]
    for at in beats(rng, length, 10.0, 0.01):
        said += [(at, True, 23), (at + 0.02, False, 39)]
    for at in chances(rng, length, float(rng.uniform(30, 300))):
        said += [(at, True, int(rng.integers(120, 8200))), (at + 0.02, False, 39)]
    return ordered(said)


def connection_pool(rng, length):
    """An idle connection of a pool: ``SELECT 1`` every half minute, a query once in a while."""
    said = [(0.2, False, 86), (0.3, True, 380)]
    for at in beats(rng, length, float(rng.choice([30.0, 60.0])), 0.05):
        said += [(at, False, 14), (at + 0.003, True, 66)]
    for at in chances(rng, length, 900):
        said += [(at, False, int(rng.integers(60, 400))), (at + 0.01, True, 900)]
    return ordered(said)


def broker_heartbeats(rng, length):
    """AMQP with nothing to do: a frame of 8 octets each way, every half minute."""
    said = [(0.2, False, 8), (0.25, True, 512), (0.3, False, 360), (0.35, True, 20)]
    for way, shift in ((False, 0.0), (True, 7.0)):
        said += [
            (at + shift, way, b"\x08" + bytes(6) + b"\xce") for at in beats(rng, length, 30, 0.02)
        ]
    return ordered(said)


def publish_subscribe(rng, length):
    """A subscriber of Redis: what others publish, and a PING every minute."""
    said = [(0.2, False, b"*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\njobs\r\n")]
    said.append((0.21, True, b"*3\r\n$9\r\nsubscribe\r\n$4\r\njobs\r\n:1\r\n"))
    for at in chances(rng, length, float(rng.uniform(20, 120))):
        body = b"x" * int(rng.integers(40, 400))
        said.append(
            (at, True, b"*3\r\n$7\r\nmessage\r\n$4\r\njobs\r\n$%d\r\n%b\r\n" % (len(body), body))
        )
    for at in beats(rng, length, 60.0, 0.05):
        said.append((at, False, b"*1\r\n$4\r\nPING\r\n"))
        said.append((at + 0.002, True, b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"))
    return ordered(said)


def consumer(rng, length):
    """A consumer of Kafka at its coordinator: a heartbeat every 3 s, its place every 5 s."""
    said = [(0.2, False, 120), (0.25, True, 300)]
    for at in beats(rng, length, 3.0, 0.01):
        said += [(at, False, 98), (at + 0.004, True, 14)]
    for at in beats(rng, length, 5.0, 0.02):
        said += [(at, False, 180), (at + 0.006, True, 44)]
    return ordered(said)


HEARTBEATS = [replication, connection_pool, broker_heartbeats, publish_subscribe, consumer]


@pytest.mark.parametrize("speak", HEARTBEATS)
def test_database_and_queue_heartbeats_stay_normal(speak, tmp_path):
    port = {"replication": 5432, "connection_pool": 5432, "publish_subscribe": 6379}
    made = spoken(speak, port.get(speak.__name__, 5672), n=12)
    assert_stays_normal(tmp_path, made)
