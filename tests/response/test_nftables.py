# SPDX-License-Identifier: Apache-2.0
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import minewatch
from minewatch.errors import ResponseError
from minewatch.response import nftables as module
from minewatch.response.nftables import NftablesResponder
from namespaces import PATIENCE_S, Pool, ip, is_dead, need, ran, talks, wait_until

pytestmark = pytest.mark.namespace


@pytest.fixture
def responder():
    need("nft")
    return NftablesResponder()


@pytest.fixture
def server(hosts):
    """A server that mines at a pool and serves others, on one wire with it."""
    hosts.add("server", "pool")
    hosts.wire(
        "server", "pool", ["10.0.0.5/8", "10.0.0.6/8", "fd00::5/64"], ["10.9.0.1/8", "fd00::9/64"]
    )
    return hosts


def ruleset() -> str:
    return ran("nft", "list", "ruleset")


def test_both_ends_see_the_connection_die_and_everything_else_goes_on(server, responder, block):
    pool = Pool(server, "pool", "10.9.0.1", 3333)
    other_port = Pool(server, "pool", "10.9.0.1", 443)
    with server.inside("server"):
        mined, pushed = pool.connect("10.0.0.5"), pool.connect("10.0.0.5")
        other_host, served = pool.connect("10.0.0.6"), other_port.connect("10.0.0.5")
        assert talks(mined, pool.taken[0])
        assert talks(pushed, pool.taken[1])

        responder.apply(block(pool="10.9.0.1"))
        assert is_dead(mined)  # the miner speaks
        assert is_dead(pool.taken[1])  # the pool speaks: its server sees the connection die
        with pytest.raises(ConnectionRefusedError):
            pool.connect("10.0.0.5")
        assert talks(other_host, pool.taken[2])
        assert talks(served, other_port.taken[0])

        responder.undo(block(pool="10.9.0.1"))
        again = pool.connect("10.0.0.5")
        assert talks(again, pool.taken[3])
    for one in (mined, pushed, other_host, served, again, pool, other_port):
        one.close()


def test_what_is_routed_is_cut_for_one_host_alone(hosts, responder, block):
    hosts.add("one", "two", "router", "pool")
    hosts.wire("one", "router", ["10.0.1.5/24"], ["10.0.1.1/24"])
    hosts.wire("two", "router", ["10.0.2.5/24"], ["10.0.2.1/24"])
    hosts.wire("router", "pool", ["10.9.0.254/24"], ["10.9.0.1/24"])
    for name, gateway in (("one", "10.0.1.1"), ("two", "10.0.2.1"), ("pool", "10.9.0.254")):
        with hosts.inside(name):
            ip(f"route add default via {gateway}")
    with hosts.inside("router"):
        ran("sysctl", "-qw", "net.ipv4.ip_forward=1")
    pool = Pool(hosts, "pool", "10.9.0.1", 3333)
    with hosts.inside("one"):
        mined, pushed = pool.connect("10.0.1.5"), pool.connect("10.0.1.5")
    with hosts.inside("two"):
        other = pool.connect("10.0.2.5")
    with hosts.inside("router"):
        responder.apply(block(host="10.0.1.5", pool="10.9.0.1"))
    assert is_dead(mined)
    assert is_dead(pool.taken[1])
    assert talks(other, pool.taken[2])
    for one in (mined, pushed, other, pool):
        one.close()


def test_it_ends_by_itself(server, responder, block):
    pool = Pool(server, "pool", "10.9.0.1", 3333)
    wanted = block(pool="10.9.0.1", seconds=1)
    with server.inside("server"):
        responder.apply(wanted)
        with pytest.raises(ConnectionRefusedError):
            pool.connect("10.0.0.5")
        wait_until(lambda: responder.remaining(wanted) is None)
        pool.connect("10.0.0.5").close()
    pool.close()


def test_ipv6(server, responder, block):
    pool = Pool(server, "pool", "fd00::9", 3333)
    wanted = block(host="fd00::5", pool="fd00::9")
    with server.inside("server"):
        mined = pool.connect("fd00::5")
        responder.apply(wanted)
        assert is_dead(mined)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("fd00::9", 3333), timeout=PATIENCE_S)
        responder.undo(wanted)
        pool.connect("fd00::5").close()
    mined.close()
    pool.close()


def test_again_gives_the_full_time_again_and_no_second_rule(server, responder, block):
    with server.inside("server"):
        responder.apply(block(seconds=100))
        rules = ruleset().count("reject")
        responder.apply(block(seconds=1000))
        assert responder.is_in_force(block())
        assert not responder.is_in_force(block(pool_port=1))
        assert 990 < responder.remaining(block()) <= 1000
        assert ruleset().count("reject") == rules == 8


def test_to_let_back_what_is_gone_is_no_error_and_leaves_nothing(server, responder, block):
    with server.inside("server"):
        responder.undo(block())
        assert ruleset() == ""
        responder.apply(block())
        responder.undo(block())
        responder.undo(block())
        assert responder.remaining(block()) is None


def test_tables_of_others_are_left_alone(server, responder, block):
    theirs = "table inet theirs {\n\tchain c {\n\t\ttcp dport 22 accept\n\t}\n}\n"
    with server.inside("server"):
        ran("nft", "-f", "-", told=theirs)
        responder.apply(block())
        assert ran("nft", "list", "table", "inet", "theirs") == theirs
        responder.undo(block())
        assert ran("nft", "list", "table", "inet", "theirs") == theirs


def test_all_of_it_or_nothing(server, responder, block):
    """Somebody made a set of our name that holds something else: the kernel refuses."""
    before = "table inet minewatch {\n\tset pools4 {\n\t\ttype inet_service\n\t}\n}\n"
    with server.inside("server"):
        ran("nft", "-f", "-", told=before)
        before = ruleset()
        with pytest.raises(ResponseError, match=r"^nft: "):
            responder.apply(block())
        assert ruleset() == before


def test_the_plan_does_what_apply_does(server, responder, block):
    with server.inside("server"):
        responder.apply(block())
        applied = json.loads(ran("nft", "-j", "list", "ruleset"))
        ran("nft", "flush", "ruleset")
        ran("nft", "-f", "-", told="\n".join([*responder.plan(block()), ""]))
        planned = json.loads(ran("nft", "-j", "list", "ruleset"))
    assert _timeless(planned) == _timeless(applied)


def _timeless(value):
    """A list of rules without what the kernel counts."""
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if k not in ("handle", "expires")}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def test_without_the_right_nothing_is_done(server, responder, block, monkeypatch):
    """An nft that may not: as for a service without CAP_NET_ADMIN."""
    argv = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", "nft"]
    monkeypatch.setattr("minewatch.response.nftables.COMMAND", (*argv, "-j", "-f", "-"))
    with server.inside("server"), pytest.raises(ResponseError, match="Operation not permitted"):
        responder.apply(block())
    with server.inside("server"):
        assert ruleset() == ""


def test_only_tcp(responder, block):
    with pytest.raises(ResponseError, match="only TCP"):
        responder.apply(block(protocol_identifier=17))


def test_one_right_is_enough_and_root_is_not_needed(server, responder, block):
    """As the service has it: another user, CAP_NET_ADMIN alone."""
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    rights = ["--bounding-set", "-all,+net_admin", "--inh-caps", "+net_admin"]
    code = (
        "from minewatch.alert import Block\n"
        "from minewatch.response.nftables import NftablesResponder\n"
        f"NftablesResponder().apply({block()!r})\n"
    )
    argv = [*user, *rights, "--ambient-caps", "+net_admin", "--", sys.executable, "-c", code]
    with server.inside("server"):
        environment = {"PYTHONPATH": str(Path(minewatch.__file__).parents[1])}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert responder.remaining(block()) is not None


def test_an_element_that_is_there_gets_its_new_time_on_older_kernels_too(block, monkeypatch):
    told = []
    monkeypatch.setattr(module, "run", lambda argv, text="": told.append(json.loads(text)))
    NftablesResponder().apply(block())
    verbs = [next(iter(one.items())) for one in told[0]["nftables"] if "element" in str(one)]
    verbs = [(verb, what["element"]["elem"]) for verb, what in verbs if "element" in what]
    plain = [{"concat": ["10.0.0.5", "203.0.113.9", 3333]}]
    assert verbs == [
        ("add", plain),
        ("delete", plain),
        ("add", [{"elem": {"val": plain[0], "timeout": 600}}]),
    ]
