# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.lab.upstream import KEEPALIVE_S, LOST, MAX_PENDING, Upstream

JOB = {"blob": "00" * 76, "job_id": "j1", "target": "ffff0000", "height": 1}


def line(**members):
    return json.dumps(members).encode() + b"\n"


def logged_in(extensions=("algo",)):
    """Return a proxy's end after the login, and the jobs that it took."""
    jobs = []
    upstream = Upstream("wallet", "proxy", jobs.append)
    assert json.loads(upstream.open(100.0))["params"]["login"] == "wallet"
    result = {"id": "w7", "job": JOB, "status": "OK", "extensions": list(extensions)}
    upstream.receive(line(id=1, result=result, error=None))
    return upstream, jobs


def test_jobs_are_handed_on():
    upstream, jobs = logged_in()
    upstream.receive(line(jsonrpc="2.0", method="job", params={**JOB, "job_id": "j2"}))
    assert [job["job_id"] for job in jobs] == ["j1", "j2"]
    assert upstream.jobs == 2


@pytest.mark.parametrize("extensions", [("algo",), ()])
def test_a_share_goes_up_under_the_proxys_own_name(extensions):
    upstream, _ = logged_in(extensions)
    answers = []
    share = {"id": "miner", "job_id": "j1", "nonce": "00000000", "result": "ff", "algo": "rx/0"}
    sent = json.loads(upstream.submit(share, answers.append, 100.0))
    assert sent["method"] == "submit"
    assert sent["params"]["id"] == "w7"
    assert ("algo" in sent["params"]) == bool(extensions)
    assert answers == []
    upstream.receive(line(id=sent["id"], error=None, result={"status": "OK"}))
    refused = json.loads(upstream.submit(share, answers.append, 100.0))
    upstream.receive(line(id=refused["id"], error={"code": -1, "message": "no"}, result=None))
    assert answers == [None, {"code": -1, "message": "no"}]
    assert (upstream.accepted, upstream.rejected) == (1, 1)


def test_a_share_without_a_pool_is_answered():
    answers = []
    upstream = Upstream("wallet", "proxy", print)
    assert upstream.submit({}, answers.append, 0.0) == b""
    assert answers == [LOST]


def test_shares_that_the_pool_never_answers_are_answered_in_the_end():
    upstream, _ = logged_in()
    answers = []
    for _ in range(MAX_PENDING):
        assert upstream.submit({}, answers.append, 0.0)
    assert upstream.submit({}, answers.append, 0.0) == b""
    assert answers == [LOST]
    upstream.close()
    assert answers == [LOST] * (MAX_PENDING + 1)


def test_silence_brings_a_sign_of_life():
    upstream, _ = logged_in()
    assert upstream.next_tick_s == 100.0 + KEEPALIVE_S
    said = json.loads(upstream.tick(160.0))
    assert (said["method"], said["params"]) == ("keepalived", {"id": "w7"})
    assert upstream.next_tick_s == 160.0 + KEEPALIVE_S
    upstream.receive(line(id=said["id"], error=None, result={"status": "KEEPALIVED"}))
    assert upstream.accepted == 0


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"HTTP/1.1 400\r\n", "Expecting value"),
        (line(id=1, error={"code": -1, "message": "banned"}), "refused the login.*banned"),
        (line(id=1, result={"id": "w"}), "not a job"),
        (line(method="job", params=[1]), "not a job"),
    ],
)
def test_a_bad_pool_is_an_error(octets, reason):
    with pytest.raises(ValueError, match=reason):
        Upstream("wallet", "proxy", print).receive(octets)
