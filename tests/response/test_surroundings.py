# SPDX-License-Identifier: Apache-2.0
import socket
from ipaddress import ip_address
from pathlib import Path

import pytest

from minewatch.response import surroundings as module
from minewatch.response.surroundings import surroundings
from namespaces import ip


@pytest.fixture
def empty(tmp_path):
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "::1", "0.0.0.0", "169.254.169.254", "fe80::1", "fd00:ec2::254",
        "168.63.129.16", "224.0.0.1", "ff02::1", "255.255.255.255",
    ],
)  # fmt: skip
def test_some_addresses_are_never_cut_off(empty, text):
    assert surroundings(empty, empty, {}).of(ip_address(text)) is not None


def test_others_are_not_protected(empty):
    found = surroundings(empty, empty, {})
    for text in ("203.0.113.9", "10.0.0.1", "192.168.1.1", "2001:db8::9", "168.63.129.17"):
        assert found.of(ip_address(text)) is None


@pytest.mark.namespace
def test_gateways_as_the_kernel_tells_them(hosts, empty):
    hosts.add("server", "router")
    hosts.wire("server", "router", ["10.0.0.5/24", "fd00::5/64"], ["10.0.0.1/24", "fd00::1/64"])
    with hosts.inside("server"):
        ip("route add default via 10.0.0.1")
        ip("route add 192.0.2.0/24 via 10.0.0.2")
        ip("-6 route add default via fd00::1")
        found = surroundings(Path("/proc/thread-self"), empty, {})
    for text in ("10.0.0.1", "10.0.0.2", "fd00::1"):
        assert found.of(ip_address(text)) == "is a gateway of this machine"
    assert found.of(ip_address("10.0.0.3")) is None


def test_name_servers(empty):
    (empty / "resolv.conf").write_text(
        "search example\nnameserver 192.0.2.53\nnameserver fd00::53%eth0\n"
        "nameserver\nnameserver x\n"
    )
    found = surroundings(empty, empty, {})
    for text in ("192.0.2.53", "fd00::53"):
        assert found.of(ip_address(text)) == "is a name server of this machine"


def test_who_administers_it(empty, monkeypatch):
    found = surroundings(empty, empty, {"SSH_CONNECTION": "198.51.100.7 5000 10.0.0.5 22"})
    assert found.of(ip_address("198.51.100.7")) == "administers this machine"
    assert found.of(ip_address("10.0.0.5")) is None
    found = surroundings(empty, empty, {"SSH_CLIENT": "::ffff:198.51.100.8 5000 22"})
    assert found.of(ip_address("198.51.100.8")) == "administers this machine"


@pytest.mark.namespace
def test_who_is_connected_to_its_ssh_administers_it(hosts, empty):
    hosts.add("server", "admin")
    hosts.wire("server", "admin", ["10.0.0.5/24"], ["10.0.0.77/24"])
    with hosts.inside("server"):
        server = socket.create_server(("10.0.0.5", 22))
    with (
        hosts.inside("admin"),
        socket.create_connection(("10.0.0.5", 22), timeout=5),
        hosts.inside("server"),
    ):
        found = surroundings(Path("/proc/thread-self"), empty, {})
    server.close()
    assert found.of(ip_address("10.0.0.77")) == "administers this machine"


def test_tables_that_are_damaged(empty):
    (empty / "net").mkdir()
    (empty / "net" / "route").write_text(
        "Iface Destination Gateway Flags\n"
        "eth0 0 zz 0003\neth0 0 0100000A 0003\neth0 0 0200000A 0001\n"
    )
    (empty / "net" / "ipv6_route").write_bytes(b"\xff\n" + b"0 0 0 0 zz 0 0 0 00000003 eth0\n")
    found = surroundings(empty, empty, {"SSH_CLIENT": "nonsense", "SSH_CONNECTION": ""})
    assert found.of(ip_address("10.0.0.1")) == "is a gateway of this machine"
    assert found.of(ip_address("10.0.0.2")) is None
    assert len(found) == len(module.FIXED) + 1
