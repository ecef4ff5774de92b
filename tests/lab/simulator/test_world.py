# SPDX-License-Identifier: Apache-2.0
import ipaddress

import numpy as np
import pytest

from minewatch.address import PRIVATE_NETWORKS
from minewatch.errors import ConfigError
from minewatch.lab.simulator.normal import KINDS
from minewatch.lab.simulator.world import DOCUMENTATION, HOME, OUTSIDE, World


def world() -> World:
    return World(12, KINDS, np.random.default_rng(4))


def test_networks_do_not_overlap_and_servers_are_at_home():
    made = world()
    networks = [made.far_network(kind) for kind in range(len(KINDS))]
    assert len(set(networks)) == len(networks)
    assert not any(network.overlaps(HOME) for network in networks)
    for network in networks:
        assert network.subnet_of(OUTSIDE)
    assert all(ipaddress.IPv4Address(int(a)) in HOME for a in made.servers)
    assert len(set(made.servers.tolist())) == 12


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_ends_are_unique_over_several_rounds_of_ports(kind: int):
    made, seen = world(), set()
    for batch in range(5):
        rng = np.random.default_rng(batch)
        ends = made.ends(kind, batch * 14_000, rng.integers(0, 12, 14_000))
        seen |= set(
            zip(
                ends.initiator_address.tolist(),
                ends.initiator_port.tolist(),
                ends.responder_address.tolist(),
                ends.responder_port.tolist(),
                strict=True,
            )
        )
        far = ends.responder_address if KINDS[kind].is_outbound else ends.initiator_address
        network = made.far_network(kind)
        assert (far & int(network.netmask) == int(network.network_address)).all()
        assert set(ends.responder_port.tolist()) <= set(KINDS[kind].ports)
        assert (ends.initiator_port >= 1024).all()
    assert len(seen) == 5 * 14_000


def test_too_many_of_a_kind_is_an_error():
    with pytest.raises(ConfigError, match="too many conversations of kind scan-refused"):
        world().ends(0, 64_512 * 2_010, np.zeros(10, np.int64))


def test_pools_have_addresses_of_their_own():
    made = world()
    pools = [ipaddress.IPv4Address(made.pool_address()) for _ in range(3000)]
    assert len(set(pools)) == 3000
    assert all(any(pool in network for network in (*DOCUMENTATION, OUTSIDE)) for pool in pools)
    assert all(any(pool in network for network in DOCUMENTATION) for pool in pools[:700])
    networks = [made.far_network(kind) for kind in range(len(KINDS))]
    assert not any(pool in network for pool in pools for network in networks)


def test_more_pools_than_addresses_is_an_error():
    made = world()
    made._pools = made._pools[:1]
    made.pool_address()
    with pytest.raises(ConfigError, match="too many pools"):
        made.pool_address()


def test_nobody_but_the_servers_is_at_home_by_default():
    """198.18/15 is private to Python, but no network of a cloud."""
    home = [ipaddress.ip_network(text) for text in PRIVATE_NETWORKS if ":" not in text]
    assert any(HOME.subnet_of(network) for network in home)
    assert not any(network.overlaps(OUTSIDE) for network in home)
    assert not any(network.overlaps(other) for network in home for other in DOCUMENTATION)


def test_a_port_that_comes_again_meets_another_far_end():
    """Cloud neighbours are few: all of them take part before the next few do."""
    made, kind = world(), next(i for i, k in enumerate(KINDS) if k.service == "dns")
    servers, rounds = np.zeros(1, np.int64), 2_000
    far = [int(made.ends(kind, 28_232 * r, servers).responder_address[0]) for r in range(rounds)]
    assert len(set(far)) == rounds
