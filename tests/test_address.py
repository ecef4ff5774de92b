# SPDX-License-Identifier: Apache-2.0
import ipaddress

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minewatch.address import (
    PRIVATE_NETWORKS,
    halves_of,
    is_inside,
    packed,
    parse_networks,
    text_of,
    with_text,
)
from minewatch.errors import ConfigError
from minewatch.testing import conversations

LOW = (1 << 64) - 1


def halves(address):
    number = int(address)
    if address.version == 4:
        number |= 0xFFFF << 32
    return number >> 64, number & LOW


def test_an_address_in_halves():
    assert halves_of("fe80::1%eth0") == (0xFE80 << 48, 1)
    with pytest.raises(ValueError, match="nowhere"):
        halves_of("nowhere")


@given(st.ip_addresses())
def test_halves_are_those_of_the_tables(address):
    assert halves_of(str(address)) == halves(address)


@given(st.ip_addresses())
def test_text_and_octets_are_those_of_the_standard_library(address):
    high, low = halves(address)
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    assert text_of(high, low) == str(address)
    assert packed(high, low) == address.packed


@given(
    st.lists(st.ip_addresses(), min_size=1, max_size=8),
    st.sampled_from([*PRIVATE_NETWORKS, "0.0.0.0/0", "::/0", "203.0.113.7/32", "2001:db8::/33"]),
)
def test_inside_agrees_with_the_standard_library(addresses, text):
    network = ipaddress.ip_network(text)
    pairs = [halves(address) for address in addresses]
    frame = pl.DataFrame(
        {"x_high": [high for high, _ in pairs], "x_low": [low for _, low in pairs]},
        schema={"x_high": pl.UInt64, "x_low": pl.UInt64},
    )
    found = frame.select(is_inside("x", [network])).to_series().to_list()
    if text == "::/0":  # mapped IPv4 lies in it as well
        assert all(found)
        return
    assert found == [address in network for address in addresses]


def test_no_network_holds_nothing():
    frame = pl.DataFrame({"x_high": [0], "x_low": [1]}, schema_overrides={"x_high": pl.UInt64})
    assert frame.select(is_inside("x", [])).to_series().to_list() == [False]


def test_text_replaces_both_halves_in_place():
    frame = conversations(2, source_address_low=[0xFFFF_0A00_0001, 0xFFFF_0A00_0002]).frame
    told = with_text(frame)
    assert told.get_column("source_address").to_list() == ["10.0.0.1", "10.0.0.2"]
    assert told.columns[1:3] == ["source_address", "destination_address"]
    assert not any(name.endswith(("_high", "_low")) for name in told.columns)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "nowhere", "10.0.0.0/33", ""])
def test_a_bad_network_is_named_with_its_cure(text):
    with pytest.raises(ConfigError, match=r"--home .*write networks as 10\.0\.0\.0/8"):
        parse_networks([text])
