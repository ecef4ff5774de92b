# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from random import Random

import pytest

from minewatch.lab.dialects import DIALECTS
from minewatch.lab.dialects.economy import ways_in
from minewatch.lab.drawing_mining import (
    ODD_PORTS,
    PER_SERVER,
    PLAIN_PORTS,
    POOLS_PER_HOST,
    PROXIED,
    draw_mining,
    draw_wishes,
)
from minewatch.lab.plan import EVASIONS

SERVERS = [f"server-{number}" for number in range(1, 13)]


@pytest.fixture(params=[1, 2, 3])
def mining(request):
    rng = Random(request.param)
    return draw_mining(SERVERS, 600.0, list(DIALECTS), EVASIONS, rng, has_xmrig=True)


def hiding(mining, evasion):
    """Return the miners with an evasion, and their pools."""
    miners = [miner for miner in mining.miners if evasion in miner.evasions]
    assert miners
    pools = {pool.name: pool for pool in mining.pools}
    return [(miner, [pools[name] for name in miner.pools]) for miner in miners]


def test_every_dialect_is_spoken_on_plain_tcp(mining):
    assert {pool.dialect for pool in mining.pools if pool.transport == "tcp"} == set(DIALECTS)


def test_servers_have_no_more_miners_than_is_needed(mining):
    counts = Counter(miner.host for miner in mining.miners)
    assert set(counts) == set(SERVERS)
    assert set(counts.values()) <= {2, 3, 4}
    must, _ = draw_wishes(list(DIALECTS), EVASIONS, Random(1), True)
    least, most = PER_SERVER
    assert len(must) <= len(mining.miners) <= max(len(must), most * len(SERVERS))
    alone = draw_mining(["server-1"], 600.0, list(DIALECTS), EVASIONS, Random(1), has_xmrig=True)
    assert len(alone.miners) == len(must)
    wide = draw_mining([f"s{n}" for n in range(50)], 600.0, list(DIALECTS), (), Random(1))
    assert {*Counter(miner.host for miner in wide.miners).values()} == {least, most}


def test_with_room_every_dialect_is_spoken_over_both_versions_of_tls():
    many = [f"server-{number}" for number in range(40)]
    mining = draw_mining(many, 600.0, list(DIALECTS), (), Random(1))
    spoken = {(pool.dialect, pool.transport) for pool in mining.pools}
    assert spoken == {(d, t) for d in DIALECTS for t in ("tcp", "tls1.2", "tls1.3")}
    tickers = {pool.coin for pool in mining.pools if pool.dialect == "cryptonote-multicoin"}
    assert {"DOGE", "ETC", "ETH", "RVN"} <= tickers


def test_coins_and_algorithms_are_those_of_the_dialect(mining):
    for pool in mining.pools:
        assert (pool.coin, pool.algorithm) in {
            (coin.ticker, coin.algorithm) for coin in ways_in(pool.dialect)
        }


def test_tls_is_on_443_and_the_web_socket_too(mining):
    for evasion in ("tls", "websocket"):
        for _, pools in hiding(mining, evasion):
            assert [(pool.port, pool.transport) for pool in pools] == [(443, "tls1.3")]
    assert [pools[0].dialect for _, pools in hiding(mining, "websocket")] == ["coinhive"]


def test_other_ports_are_other_services(mining):
    (_, pools), *_ = hiding(mining, "port")
    assert pools[0].port in ODD_PORTS
    plain = {p.port for p in mining.pools if p.transport == "tcp" and not p.upstream}
    assert plain <= {*PLAIN_PORTS, *ODD_PORTS}


def test_a_proxy_stands_before_a_pool(mining):
    (_, (proxy,)), *_ = hiding(mining, "proxy")
    upstream = next(pool for pool in mining.pools if pool.name == proxy.upstream)
    assert proxy.host.startswith("proxy-")
    assert upstream.host.startswith("pool-")
    assert (proxy.coin, proxy.algorithm) == (upstream.coin, upstream.algorithm)
    assert not any(upstream.name in miner.pools for miner in mining.miners)


def test_a_proxy_stands_before_miners_of_several_servers(mining):
    proxied = hiding(mining, "proxy")
    assert len(proxied) == PROXIED
    servers = {miner.host for miner, _ in proxied}
    users = Counter(proxy.name for _, (proxy,) in proxied)
    assert max(users.values()) == len(servers) > 1
    assert not any({*users} & {*m.pools} for m in mining.miners if "proxy" not in m.evasions)


def test_socks_and_ssh_lead_to_the_pool(mining):
    services = {service.name: service for service in mining.services}
    (miner, _), *_ = hiding(mining, "socks5")
    assert (services[miner.via].kind, services[miner.via].clients) == ("socks5", ())
    (miner, (pool,)), *_ = hiding(mining, "ssh")
    tunnel = services[miner.via]
    assert (tunnel.kind, tunnel.port, tunnel.clients) == ("ssh-tunnel", 22, (miner.host,))
    assert tunnel.options["target_host"] == pool.host
    assert tunnel.options["target_port"] == pool.port
    hosts = [service.host for service in mining.services]
    assert len(set(hosts)) == len(hosts)


def test_hopping_takes_two_pools(mining):
    for miner, pools in hiding(mining, "hopping"):
        assert len({(pool.host, pool.port) for pool in pools}) == 2
        assert len({pool.dialect for pool in pools}) == 1
        assert miner.hop_mean_s == 120.0


def test_what_changes_shares_is_for_miners_that_have_some(mining):
    for evasion in ("padding", "throttle", "jitter"):
        for _, pools in hiding(mining, evasion):
            assert DIALECTS[pools[0].dialect].carrier == "lines"
            assert pools[0].dialect != "stratum-v2"


def test_xmrig_speaks_cryptonote_from_the_beginning(mining):
    miners = [miner for miner in mining.miners if miner.program == "xmrig"]
    pools = {pool.name: pool for pool in mining.pools}
    assert {pools[m.pools[0]].dialect for m in miners} == {"cryptonote"}
    assert {pools[m.pools[0]].transport for m in miners} == {"tcp", "tls1.3"}
    assert {(miner.start_s, miner.stop_s) for miner in miners} == {(0.0, None)}
    # It finds a share in seconds, at a few hashes a second.
    assert all(pools[miner.pools[0]].difficulty < 500 for miner in miners)


def test_a_miner_and_its_endpoint_are_one_conversation_kind(mining):
    """Labels are rules about a server, an address and a port: no two miners share all three."""
    pools = {pool.name: pool for pool in mining.pools}
    seen = [
        (miner.host, pools[name].host, pools[name].port)
        for miner in mining.miners
        if not miner.via
        for name in miner.pools
    ]
    assert len(set(seen)) == len(seen)


def test_some_pools_have_several_miners_and_some_hosts_several_pools():
    many = [f"server-{number}" for number in range(40)]
    mining = draw_mining(many, 600.0, list(DIALECTS), (), Random(1))
    users = Counter(name for miner in mining.miners for name in miner.pools)
    assert max(users.values()) >= 2
    on_host = Counter(pool.host for pool in mining.pools if pool.host.startswith("pool-"))
    assert 2 <= max(on_host.values()) <= POOLS_PER_HOST
    assert set(on_host) == {f"pool-{n}" for n in range(1, mining.pool_hosts + 1)}
