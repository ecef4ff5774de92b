# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest
from communityid import CommunityID, FlowTuple
from hypothesis import given
from hypothesis import strategies as st

from minewatch.output.community import by_package, community_ids
from minewatch.testing import conversations

PORTS = st.integers(0, 65535)


def made(**columns):
    return community_ids(conversations(**columns).frame).item()


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), PORTS, PORTS, st.sampled_from([6, 17, 132]))
def test_as_the_package_for_ipv4(source, destination, port, other, protocol):
    assert made(
        source_address_low=0xFFFF_0000_0000 | int(source),
        destination_address_low=0xFFFF_0000_0000 | int(destination),
        source_transport_port=port,
        destination_transport_port=other,
        protocol_identifier=protocol,
    ) == by_package(protocol, source.packed, destination.packed, (port, other))


@given(st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1), PORTS)
def test_as_the_package_for_ipv6(high, low, port):
    address, other = (high << 64 | low).to_bytes(16, "big"), (1 << 127).to_bytes(16, "big")
    assert made(
        source_address_high=high,
        source_address_low=low,
        destination_address_high=1 << 63,
        destination_address_low=0,
        source_transport_port=port,
        destination_transport_port=443,
        protocol_identifier=17,
    ) == by_package(17, address, other, (port, 443))


def test_both_directions_have_one_id():
    columns = {
        "source_address_low": [0xFFFF_0A00_0001, 0xFFFF_0A00_0002],
        "destination_address_low": [0xFFFF_0A00_0002, 0xFFFF_0A00_0001],
        "source_transport_port": [1, 2],
        "destination_transport_port": [2, 1],
    }
    first, second = community_ids(conversations(2, **columns).frame)
    assert first == second


@pytest.mark.parametrize(("kind", "code"), [(8, 0), (0, 0), (3, 1), (13, 0)])
def test_icmp_takes_type_and_code_of_the_port_column(kind, code):
    tuple_ = FlowTuple(1, "10.0.0.1", "198.51.100.1", kind, code)
    found = made(
        protocol_identifier=1,
        source_transport_port=0,
        destination_transport_port=kind * 256 + code,
    )
    assert found == CommunityID().calc(tuple_)


def test_a_protocol_without_ports():
    tuple_ = FlowTuple(47, "10.0.0.1", "198.51.100.1")
    assert made(protocol_identifier=47) == CommunityID().calc(tuple_)


def test_nothing_in_nothing_out():
    assert community_ids(conversations().frame.clear()).dtype == pl.String
