# SPDX-License-Identifier: Apache-2.0
import socket
from pathlib import Path

import pytest

from minewatch.errors import ResponseError
from minewatch.response.routes import RouteResponder
from namespaces import Pool, ip, talks

pytestmark = pytest.mark.namespace


@pytest.fixture
def server(hosts):
    hosts.add("server", "pool")
    hosts.wire("server", "pool", ["10.0.0.5/8", "fd00::5/64"], ["10.9.0.1/8", "fd00::9/64"])
    return hosts


@pytest.fixture
def responder():
    return RouteResponder(Path("/proc/thread-self"))


def routes(version: int = 4) -> str:
    return ip(f"-{version} route show type blackhole")


def test_the_pool_is_gone_until_it_is_let_back(server, responder, block):
    pool = Pool(server, "pool", "10.9.0.1", 3333)
    wanted = block(pool="10.9.0.1")
    with server.inside("server"):
        mined = pool.connect("10.0.0.5")
        assert talks(mined, pool.taken[0])
        responder.apply(wanted)
        responder.apply(wanted)
        assert routes() == "blackhole 10.9.0.1 proto 177 \n"
        assert responder.is_in_force(wanted)
        with pytest.raises(OSError, match=r"Invalid argument|Network is unreachable"):
            socket.create_connection(("10.9.0.1", 3333), timeout=1)
        responder.undo(wanted)
        responder.undo(wanted)
        assert routes() == ""
        assert not responder.is_in_force(wanted)
        pool.connect("10.0.0.5").close()
    mined.close()
    pool.close()


def test_ipv6(server, responder, block):
    wanted = block(host="fd00::5", pool="fd00::9")
    with server.inside("server"):
        responder.apply(wanted)
        assert "blackhole fd00::9 " in routes(6)
        responder.undo(wanted)
        assert routes(6) == ""


def test_it_is_refused_while_others_use_the_address(server, responder, block):
    other = Pool(server, "pool", "10.9.0.1", 443)
    with server.inside("server"):
        used = other.connect("10.0.0.5")
        plan = list(responder.plan(block(pool="10.9.0.1")))
        assert plan[0] == "ip -4 route add blackhole 10.9.0.1/32 proto 177"
        assert plan[-1].startswith("# refused: 10.0.0.5:")
        with pytest.raises(
            ResponseError, match=r"others use 10\.9\.0\.1: 10\.0\.0\.5:\d+ to port 443"
        ):
            responder.apply(block(pool="10.9.0.1"))
        assert routes() == ""
    used.close()
    other.close()


def test_another_host_at_the_same_pool_is_another_user(tmp_path, block):
    """What is routed, as connection tracking tells of it."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "nf_conntrack").write_text(
        "ipv4 2 tcp 6 431 ESTABLISHED src=10.0.0.5 dst=203.0.113.9 sport=1 dport=3333 "
        "src=203.0.113.9 dst=10.0.0.5 sport=3333 dport=1 [ASSURED]\n"
        "ipv4 2 tcp 6 431 ESTABLISHED src=10.0.0.7 dst=203.0.113.9 sport=2 dport=3333 "
        "src=203.0.113.9 dst=10.0.0.7 sport=3333 dport=2 [ASSURED]\n"
    )
    with pytest.raises(ResponseError, match=r"10\.0\.0\.7:2 to port 3333;"):
        RouteResponder(tmp_path).apply(block())


def test_a_route_of_somebody_else_is_left_alone(server, responder, block):
    with server.inside("server"):
        ip("route add blackhole 10.9.0.1/32")
        with pytest.raises(ResponseError, match="not made by minewatch"):
            responder.apply(block(pool="10.9.0.1"))
        responder.undo(block(pool="10.9.0.1"))
        assert routes() == "blackhole 10.9.0.1 \n"
        assert not responder.is_in_force(block(pool="10.9.0.1"))


def test_two_hosts_at_one_pool_are_one_route(responder, block):
    assert responder.covers(block()) == responder.covers(block(host="10.0.0.6", pool_port=1))
    assert responder.covers(block()) != responder.covers(block(pool="203.0.113.10"))
