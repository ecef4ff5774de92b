# SPDX-License-Identifier: Apache-2.0
import ipaddress

import pytest

from minewatch.address import halves_of
from minewatch.allow.ranges import NamedRanges


def ranges(**networks):
    return NamedRanges({n: [ipaddress.ip_network(t) for t in ts] for n, ts in networks.items()})


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("9.255.255.255", ()),
        ("10.0.0.0", ("wide",)),
        ("10.0.0.7", ("wide", "one")),
        ("10.0.0.8", ("wide",)),
        ("10.255.255.255", ("wide",)),
        ("11.0.0.0", ()),
        ("2001:db8::1", ("six",)),
        ("2001:db9::", ()),
        ("::", ()),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ()),
    ],
)
def test_every_edge(address, expected):
    found = ranges(wide=["10.0.0.0/8"], one=["10.0.0.7/32"], six=["2001:db8::/32"])
    assert found.names(*halves_of(address)) == expected


def test_networks_of_one_name_may_overlap():
    found = ranges(lab=["10.0.0.0/8", "10.1.0.0/16"])
    assert found.names(*halves_of("10.2.0.0")) == ("lab",)
    assert found.names(*halves_of("11.0.0.0")) == ()


def test_everything_and_nothing():
    assert ranges(all=["::/0"]).names(*halves_of("10.0.0.1")) == ("all",)
    assert ranges(four=["0.0.0.0/0"]).names(*halves_of("2001:db8::1")) == ()
    assert not NamedRanges({})
    assert NamedRanges({}).names(0, 0) == ()
    assert ranges(one=["10.0.0.7/32"])
