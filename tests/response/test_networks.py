# SPDX-License-Identifier: Apache-2.0
import csv
import ipaddress
from importlib import resources

from minewatch.response.networks import FILE, HEADER, Reasons, shared_networks, user_networks


def rows():
    text = resources.files("minewatch.response").joinpath(FILE).read_text()
    reader = csv.DictReader(text.splitlines())
    found = list(reader)
    assert reader.fieldnames == HEADER
    return found


def test_every_network_has_an_operator_a_year_and_a_source():
    networks = [ipaddress.ip_network(row["network"]) for row in rows()]
    assert len(set(networks)) == len(networks) == len(shared_networks()) > 100
    for row in rows():
        assert row["as_of"].isdigit()
        assert row["source"].startswith("https://") or "registries" in row["source"]
    assert {row["operator"] for row in rows()} == {
        "Akamai",
        "Amazon CloudFront",
        "Cloudflare",
        "Fastly",
    }


def test_no_network_of_the_list_is_private_or_swallows_the_internet():
    for row in rows():
        network = ipaddress.ip_network(row["network"])
        assert network.is_global
        assert network.prefixlen >= (10 if network.version == 4 else 24)


def test_addresses_of_delivery_networks_are_known():
    shared = shared_networks()
    for text, operator in (
        ("104.16.0.1", "Cloudflare"),
        ("2606:4700::1111", "Cloudflare"),
        ("151.101.1.69", "Fastly"),
        ("13.224.0.1", "CloudFront"),
        ("23.32.0.1", "Akamai"),
    ):
        assert operator in shared.of(ipaddress.ip_address(text))
    for text in ("203.0.113.9", "10.0.0.1", "2001:db8::1"):
        assert shared.of(ipaddress.ip_address(text)) is None


def test_the_edges_of_a_network_are_in_it_and_no_more():
    reasons = user_networks(
        [ipaddress.ip_network("192.0.2.64/26"), ipaddress.ip_network("2001:db8::/33")]
    )
    inside = ("192.0.2.64", "192.0.2.127", "2001:db8::", "2001:db8:7fff:ffff::")
    outside = ("192.0.2.63", "192.0.2.128", "2001:db8:8000::", "2001:db7:ffff::")
    assert all(reasons.of(ipaddress.ip_address(text)) for text in inside)
    assert not any(reasons.of(ipaddress.ip_address(text)) for text in outside)
    assert "192.0.2.64/26" in reasons.of(ipaddress.ip_address("192.0.2.64"))
    assert Reasons({}).of(ipaddress.ip_address("192.0.2.64")) is None
