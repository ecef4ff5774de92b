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


@pytest.fixture
def found_of(empty):
    """What protects, of a machine of which nothing is known but what is said."""

    def find(proc=empty, environment=None):
        return surroundings(proc, empty, environment or {}, empty)

    return find


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "::1", "0.0.0.0", "169.254.169.254", "fe80::1", "fd00:ec2::254",
        "168.63.129.16", "224.0.0.1", "ff02::1", "255.255.255.255",
    ],
)  # fmt: skip
def test_some_addresses_are_never_cut_off(found_of, text):
    assert found_of().of(ip_address(text)) is not None


def test_others_are_not_protected(found_of):
    found = found_of()
    for text in ("203.0.113.9", "10.0.0.1", "192.168.1.1", "2001:db8::9", "168.63.129.17"):
        assert found.of(ip_address(text)) is None


@pytest.mark.namespace
def test_gateways_and_itself_as_the_kernel_tells_them(hosts, found_of):
    hosts.add("server", "router")
    hosts.wire("server", "router", ["10.0.0.5/24", "fd00::5/64"], ["10.0.0.1/24", "fd00::1/64"])
    with hosts.inside("server"):
        ip("route add default via 10.0.0.1")
        ip("route add 192.0.2.0/24 via 10.0.0.2")
        ip("-6 route add default via fd00::1")
        found = found_of(Path("/proc/thread-self"))
    for text in ("10.0.0.5", "fd00::5"):
        assert found.of(ip_address(text)) == "is this machine itself"
    for text in ("10.0.0.1", "10.0.0.2", "fd00::1"):
        assert found.of(ip_address(text)) == "is a gateway of this machine"
    assert found.of(ip_address("10.0.0.3")) is None


def test_name_servers(empty, found_of):
    (empty / "resolv.conf").write_text(
        "search example\nnameserver 192.0.2.53\nnameserver fd00::53%eth0\n"
        "nameserver\nnameserver x\n"
    )
    resolved = empty / "systemd" / "resolve"
    resolved.mkdir(parents=True)
    (resolved / "resolv.conf").write_text("nameserver 192.0.2.54\n")
    found = found_of()
    for text in ("192.0.2.53", "fd00::53", "192.0.2.54"):
        assert found.of(ip_address(text)) == "is a name server of this machine"


def test_who_administers_it(found_of):
    found = found_of(environment={"SSH_CONNECTION": "198.51.100.7 5000 10.0.0.5 22"})
    assert found.of(ip_address("198.51.100.7")) == "administers this machine"
    assert found.of(ip_address("10.0.0.5")) is None
    found = found_of(environment={"SSH_CLIENT": "::ffff:198.51.100.8 5000 22"})
    assert found.of(ip_address("198.51.100.8")) == "administers this machine"


@pytest.mark.namespace
def test_who_is_connected_to_its_ssh_administers_it(hosts, found_of):
    hosts.add("server", "admin")
    hosts.wire("server", "admin", ["10.0.0.5/24"], ["10.0.0.77/24"])
    with hosts.inside("server"):
        server = socket.create_server(("10.0.0.5", 22))
    with (
        hosts.inside("admin"),
        socket.create_connection(("10.0.0.5", 22), timeout=5),
        hosts.inside("server"),
    ):
        found = found_of(Path("/proc/thread-self"))
    server.close()
    assert found.of(ip_address("10.0.0.77")) == "administers this machine"


def test_tables_that_are_damaged(empty, found_of):
    (empty / "net").mkdir()
    (empty / "net" / "route").write_text(
        "Iface Destination Gateway Flags\n"
        "eth0 0 zz 0003\neth0 0 0100000A 0003\neth0 0 0200000A 0001\n"
    )
    (empty / "net" / "ipv6_route").write_bytes(b"\xff\n" + b"0 0 0 0 zz 0 0 0 00000003 eth0\n")
    (empty / "net" / "fib_trie").write_text(
        "|-- x\n/32 host LOCAL\n\n/32 host LOCAL\n|-- 10.9.0.0\n/8 host LOCAL\n|-- 10.0.0.7"
    )
    (empty / "net" / "if_inet6").write_text("zz 04 40 20 80 eth0\nfe80\n")
    found = found_of(environment={"SSH_CLIENT": "nonsense", "SSH_CONNECTION": ""})
    assert found.of(ip_address("10.0.0.1")) == "is a gateway of this machine"
    assert found.of(ip_address("10.0.0.2")) is None
    assert len(found) == len(module.FIXED) + 1
