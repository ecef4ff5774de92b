# SPDX-License-Identifier: Apache-2.0
import socket
from ipaddress import ip_address
from pathlib import Path

import pytest

from minewatch.response.connections import Connection, connections, tracked


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_real_connection_is_found_from_both_ends(family, address):
    with socket.create_server((address, 0), family=family) as server:
        port = server.getsockname()[1]
        with socket.create_connection((address, port)) as client:
            mine = client.getsockname()[1]
            found = set(connections(Path("/proc")))
    here = ip_address(address)
    assert Connection(here, mine, here, port) in found
    assert Connection(here, port, here, mine) in found
    assert not any(one.far_port == 0 for one in found)  # the server itself listens


def test_tables_that_are_damaged_or_missing(tmp_path):
    assert list(connections(tmp_path)) == []
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_bytes(
        b"sl local_address rem_address st\n"
        b"0: 0500000A:0016 090000CB:8000 01\n"
        b"1: xx:0016 090000CB:8000 01\n"
        b"2: 0500000A 090000CB:8000 01\n"
        b"3: 05:0016 09:8000 01\n"
        b"4\n\xff\xff\n"
    )
    (tmp_path / "net" / "nf_conntrack").write_text(
        "ipv6 10 tcp 6 300 ESTABLISHED src=2001:db8::1 dst=2001:db8::2 sport=1 dport=2 "
        "src=2001:db8::2 dst=2001:db8::1 sport=2 dport=1\n"
        "ipv4 2 tcp 6 10 TIME_WAIT src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2\n"
        "ipv4 2 udp 17 10 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2\n"
        "ipv4 2 tcp 6 10 ESTABLISHED src=x dst=10.0.0.2 sport=1 dport=2\n"
        "ipv4 2 tcp 6 10 ESTABLISHED src=10.0.0.1\n"
    )
    assert list(connections(tmp_path)) == [
        Connection(ip_address("10.0.0.5"), 22, ip_address("203.0.0.9"), 32768)
    ]
    assert list(tracked(tmp_path)) == [
        Connection(ip_address("2001:db8::1"), 1, ip_address("2001:db8::2"), 2, is_tracked=True)
    ]
