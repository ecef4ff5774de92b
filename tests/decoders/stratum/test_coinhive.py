# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.decoders.stratum.coinhive import recognise
from minewatch.decoders.stratum.sighting import Role


def see(build, value, carrier="websocket"):
    return recognise(build.message(value, carrier=carrier))


def test_coinhive(build):
    job = {"job_id": "1", "blob": build.BLOB, "target": "ffffff00"}
    share = {"job_id": "1", "nonce": "d0030040", "result": build.H}
    for kind, params, role in (
        ("auth", {"site_key": "A" * 32}, Role.LOGIN),
        ("authed", {"token": "", "hashes": 0}, Role.GREETING),
        ("job", job, Role.JOB),
        ("submit", share, Role.SUBMIT),
        ("hash_accepted", {"hashes": 256}, Role.ALIVE),
    ):
        value = {"type": kind, "params": params}
        assert see(build, value).role is role
        assert see(build, value, carrier="lines") is None


def test_webminerpool(build):
    handshake = {
        "identifier": "handshake",
        "pool": "moneroocean.stream",
        "login": "4A",
        "password": "",
    }
    job = {
        "identifier": "job",
        "job_id": "1",
        "algo": "cn",
        "blob": build.BLOB,
        "target": "ffffff00",
    }
    solved = {"identifier": "solved", "job_id": "1", "nonce": "d0030040", "result": build.H}
    assert [
        see(build, value).role for value in (handshake, job, solved, {"identifier": "hashsolved"})
    ] == [
        Role.LOGIN,
        Role.JOB,
        Role.SUBMIT,
        Role.ALIVE,
    ]
    assert see(build, job).algorithm == "cn"


@pytest.mark.parametrize(
    "value",
    [
        {"type": "auth", "params": {"token": "x"}},
        {"type": "job", "params": {"job_id": "1", "blob": "ab"}},
        {"type": "submit", "params": {"job_id": "1", "result": "ok"}},
        {"type": "submit", "params": []},
        {"type": "hash_accepted", "params": {}},
        {"identifier": "handshake"},
        {"identifier": "job"},
        {"type": 7},
        {},
    ],
)
def test_other_structures_are_none(build, value):
    assert see(build, value) is None
