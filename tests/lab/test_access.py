# SPDX-License-Identifier: Apache-2.0
import ssl

import pytest

from lab_play import ADDRESS, miner_of, plan_of, pool_of
from minewatch.errors import ConfigError
from minewatch.lab import access
from minewatch.lab.plan import Service


def test_nothing_stands_between_unless_the_plan_says_so():
    miner = miner_of()
    assert access.find_way(plan_of((pool_of(),), (miner,)), miner) == access.Way()


def test_a_way_is_a_proxy_or_the_mouth_of_a_tunnel():
    services = (
        Service("s", "socks5", "there", 1080),
        Service("t", "ssh-tunnel", "there", 22, options={"local_port": 4000.0}),
    )
    plan = plan_of((pool_of(),), (), services)
    assert access.find_way(plan, miner_of(via="s")) == access.Way(proxy=(ADDRESS, 1080))
    assert access.find_way(plan, miner_of(via="t")) == access.Way(tunnel=("127.0.0.1", 4000))


def test_a_pool_without_a_host_is_none():
    plan = plan_of((), ())
    with pytest.raises(ConfigError, match="proxy p: the plan has no pool x"):
        access.find_pool(plan, "x", "proxy p")


@pytest.mark.parametrize(
    ("transport", "version"),
    [("tls1.2", ssl.TLSVersion.TLSv1_2), ("tls1.3", ssl.TLSVersion.TLSv1_3)],
)
def test_both_ends_offer_at_most_the_version_of_the_plan(transport, version):
    client, server = access.client_context(transport), access.server_context(transport, "pool-1")
    assert client.maximum_version == server.maximum_version == version
    assert client.verify_mode is ssl.CERT_NONE


def test_plain_tcp_needs_no_context():
    assert access.client_context("tcp") is access.server_context("tcp", "pool-1") is None
