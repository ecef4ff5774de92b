# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import ResponseError
from minewatch.response.ends import address_of, carried_by, ends_of


def test_both_addresses_as_networks_of_their_own(block):
    ends = ends_of(block(host="::ffff:10.0.0.5"))
    assert (ends.host_network, ends.pool_network, ends.version) == (
        "10.0.0.5/32",
        "203.0.113.9/32",
        4,
    )
    six = ends_of(block(host="2001:DB8::5", pool="2001:db8:0::9"))
    assert (six.host_network, six.pool_network, six.version) == (
        "2001:db8::5/128",
        "2001:db8::9/128",
        6,
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.5; reboot",
        "$(reboot)",
        "10.0.0.5/8",
        "10.0.0.5\n",
        "pool",
        "fe80::1%eth0",
        "1" * 500,
    ],
)
def test_what_is_no_address_reaches_no_command(text):
    with pytest.raises(ResponseError):
        address_of(text)


def test_one_version_and_tcp(block):
    with pytest.raises(ResponseError, match="two versions"):
        ends_of(block(host="2001:db8::5"))
    with pytest.raises(ResponseError, match="only TCP"):
        ends_of(block(protocol_identifier=17))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("64:ff9b::c633:6407", "198.51.100.7"),
        ("2002:c633:6407::1", "198.51.100.7"),
        ("64:ff9b:1::c633:6407", None),
        ("2001:db8::c633:6407", None),
        ("198.51.100.7", None),
    ],
)
def test_ipv4_carried_by_ipv6(text, meant):
    found = carried_by(address_of(text))
    assert found == (None if meant is None else address_of(meant))
