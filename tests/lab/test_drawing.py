# SPDX-License-Identifier: Apache-2.0
import math
from collections import Counter
from random import Random

import pytest

from minewatch.errors import ConfigError
from minewatch.lab import drawing
from minewatch.lab.dialects import DIALECTS
from minewatch.lab.drawing import draw_hosts, draw_plan, known
from minewatch.lab.plan import EVASIONS, read_plan, write_plan
from minewatch.lab.services import SERVICES


@pytest.mark.parametrize(("servers", "seconds"), [(1, 60.0), (4, 300.0), (10, 1800.0), (50, 6e4)])
@pytest.mark.parametrize("seed", [1, 2])
def test_everything_occurs_whatever_the_number_of_servers(servers, seconds, seed):
    plan = draw_plan(servers, seconds, seed, evasions=EVASIONS)
    spoken = {plan.pool(name).dialect for miner in plan.miners for name in miner.pools}
    assert spoken == set(DIALECTS)
    assert {evasion for miner in plan.miners for evasion in miner.evasions} == set(EVASIONS)
    assert {service.kind for service in plan.services} == set(SERVICES)
    assert {pool.transport for pool in plan.pools} == {"tcp", "tls1.2", "tls1.3"}
    assert sum(host.role == "server" for host in plan.hosts) == servers


def test_no_evasion_unless_asked_for():
    plan = draw_plan(10, 1800.0, 7)
    assert not any(miner.evasions or miner.via for miner in plan.miners)
    assert not any(host.role == "proxy" for host in plan.hosts)
    assert not any(pool.upstream for pool in plan.pools)


def test_the_same_seed_gives_the_same_plan():
    one, same, other = (draw_plan(5, 600.0, seed, evasions=EVASIONS) for seed in (3, 3, 4))
    assert one == same
    assert one != other


@pytest.mark.parametrize("seed", range(4))
def test_names_addresses_and_ports_are_unique_and_known(seed):
    plan = draw_plan(20, 600.0, seed, evasions=EVASIONS, has_xmrig=True)
    for values in (
        [host.name for host in plan.hosts],
        [host.address for host in plan.hosts],
        [pool.name for pool in plan.pools],
        [miner.name for miner in plan.miners],
        [miner.login for miner in plan.miners],
        [service.name for service in plan.services],
        [(pool.host, pool.port) for pool in plan.pools],
        [(service.host, service.port) for service in plan.services],
    ):
        assert Counter(values).most_common(1)[0][1] == 1
    hosts = {host.name for host in plan.hosts}
    assert {pool.host for pool in plan.pools} <= hosts
    assert {name for s in plan.services for name in (s.host, *s.clients)} <= hosts


def test_mining_and_business_share_hosts_and_some_servers_do_not_mine():
    for servers, idle in ((2, 0), (5, 1), (10, 2), (20, 2)):
        plan = draw_plan(servers, 600.0, 7)
        names = {host.name for host in plan.hosts if host.role == "server"}
        mining = {miner.host for miner in plan.miners}
        assert len(names - mining) == idle
        busy = {name for s in plan.services for name in (s.host, *s.clients)}
        assert names <= busy


def test_links_are_as_in_life():
    hosts = draw_hosts("pool", "pool", 200, Random(1))
    delays = [host.link.delay_s for host in hosts]
    assert min(delays) >= 0.001
    assert max(delays) <= 0.150
    assert 0.012 < sorted(delays)[100] < 0.035
    losses = [host.link.loss for host in hosts]
    assert 60 < losses.count(0.0) < 140
    assert 0.001 < max(losses) <= 0.01
    near = draw_hosts("server", "server", 50, Random(1))
    assert max(host.link.delay_s for host in near) < 0.004


def test_a_plan_survives_its_file(tmp_path):
    plan = draw_plan(6, 600.0, 7, evasions=EVASIONS, has_xmrig=True)
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == plan


@pytest.mark.parametrize(
    ("servers", "seconds", "told"),
    [
        (0, 60.0, "--servers 0: give 1 to 50"),
        (51, 60.0, "--servers 51: give 1 to 50"),
        (5, 6.0, r"--minutes 0\.1: give 0\.2 to 1440"),
        (5, 1e6, "--minutes 16666.7: give"),
        (5, math.nan, "--minutes nan: give"),
    ],
)
def test_silly_numbers_are_refused(servers, seconds, told):
    with pytest.raises(ConfigError, match=told):
        draw_plan(servers, seconds, 7)


def test_unknown_names_are_refused_with_those_that_are_known():
    with pytest.raises(ConfigError, match="no evasion magic; there are tls, port, padding"):
        draw_plan(5, 60.0, 7, evasions=["tls", "magic"])
    with pytest.raises(ConfigError, match=r"no dialect klingon; there are .*cryptonote"):
        draw_plan(5, 60.0, 7, dialects=["klingon"])
    with pytest.raises(ConfigError, match="no dialect was named; there are"):
        draw_plan(5, 60.0, 7, dialects=[])


def test_only_the_dialects_that_are_asked_for():
    plan = draw_plan(4, 600.0, 7, dialects=["zcash", "kawpow"])
    assert {pool.dialect for pool in plan.pools} == {"zcash", "kawpow"}


def test_known_keeps_the_usual_order():
    assert known("letter", ["c", "a", "c"], ["a", "b", "c"]) == ["a", "c"]


def test_every_network_holds_the_largest_lab():
    assert drawing.MAX_SERVERS <= 250
    plan = draw_plan(50, 600.0, 7, evasions=EVASIONS)
    assert max(Counter(h.address.rpartition(".")[0] for h in plan.hosts).values()) <= 250
