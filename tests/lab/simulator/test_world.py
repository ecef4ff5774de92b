# SPDX-License-Identifier: Apache-2.0
import ipaddress

import numpy as np
import pytest

from minewatch.errors import ConfigError
from minewatch.lab.simulator.normal import KINDS
from minewatch.lab.simulator.world import HOME, World


def world() -> World:
    return World(12, KINDS, np.random.default_rng(4))


def test_networks_do_not_overlap_and_servers_are_at_home():
    made = world()
    networks = [made.far_network(kind) for kind in range(len(KINDS))]
    assert len(set(networks)) == len(networks)
    assert not any(network.overlaps(HOME) for network in networks)
    for kind, network in zip(KINDS, networks, strict=True):
        assert network.is_private == (kind.realm == "cloud")
        assert not network.is_multicast
    assert all(ipaddress.IPv4Address(int(a)) in HOME for a in made.servers)
    assert len(set(made.servers.tolist())) == 12


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_ends_are_unique_over_several_rounds_of_ports(kind: int):
    made, seen = world(), set()
    for batch in range(5):
        rng = np.random.default_rng(batch)
        ends = made.ends(kind, batch * 14_000, rng.integers(0, 12, 14_000), rng)
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
        assert (far & 0xFFFF0000 == int(network.network_address)).all()
        assert set(ends.responder_port.tolist()) <= set(KINDS[kind].ports)
        assert (ends.initiator_port >= 1024).all()
    assert len(seen) == 5 * 14_000


def test_too_many_of_a_kind_is_an_error():
    with pytest.raises(ConfigError, match="too many conversations of kind scan-refused"):
        world().ends(0, 64_512 * 40, np.zeros(10, np.int64), np.random.default_rng(1))


def test_pools_have_addresses_of_their_own():
    made, rng = world(), np.random.default_rng(1)
    pools = [ipaddress.IPv4Address(made.pool_address(rng)) for _ in range(300)]
    assert len(set(pools)) == 300
    assert all(pool.is_global for pool in pools)
    networks = [made.far_network(kind) for kind in range(len(KINDS))]
    assert not any(pool in network for pool in pools for network in networks)
