# SPDX-License-Identifier: Apache-2.0
import ctypes
import errno
import fcntl
import socket
import struct

import pytest

from minewatch.cli.checkup import interfaces as module
from minewatch.cli.checkup.interfaces import check_interfaces, offloads_on
from namespaces import Hosts, ip, need

_SETS = {"gro": 0x2C, "tso": 0x1F, "gso": 0x24}


@pytest.fixture
def pair():
    need("ip")
    hosts = Hosts()
    hosts.add("one", "two")
    name = hosts.wire("one", "two", ["10.0.0.1/24"], ["10.0.0.2/24"])
    with hosts.inside("one"):
        yield name
    hosts.close()


def switch(name: str, offload: str, on: bool) -> None:
    value = (ctypes.c_uint32 * 2)(_SETS[offload], on)
    request = struct.pack("16sP16x", name.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8946, request)


@pytest.mark.namespace
def test_offloads_as_the_kernel_has_them(pair):
    for offload in _SETS:
        switch(pair, offload, False)
    assert offloads_on(pair) == []
    assert [one.level for one in check_interfaces(pair)] == ["ok", "ok"]
    switch(pair, "gro", True)
    assert offloads_on(pair) == ["gro"]
    up, joined = check_interfaces(pair)
    assert (up.level, joined.level) == ("ok", "warn")
    assert joined.cure.startswith(f"ethtool -K {pair} gro off makes")
    switch(pair, "gso", True)
    switch(pair, "tso", True)
    assert offloads_on(pair) == ["gro", "tso", "gso"]


@pytest.mark.namespace
def test_down_without_carrier_and_unknown(pair):
    ip(f"link set {pair} down")
    (found,) = check_interfaces(pair)
    assert (found.level, found.cure) == ("fail", f"ip link set {pair} up")
    ip("link add lonely type veth peer name other")
    ip("link set lonely up")
    assert check_interfaces("lonely")[0].level == "warn"
    assert "carrier" in check_interfaces("lonely")[0].text
    for name in ("none0", "a-name-much-too-long", "a\0b", ""):
        assert [one.level for one in check_interfaces(name)] == ["fail"], name


@pytest.mark.namespace
def test_without_a_name_all_that_are_up_but_the_loopback(pair):
    assert {one.subject for one in check_interfaces(None)} == {pair}
    ip(f"link set {pair} down")
    (found,) = check_interfaces(None)
    assert (found.level, found.subject) == ("warn", "interfaces")
    assert check_interfaces("lo")[0].level == "ok"


def test_lro_is_a_flag_among_others(monkeypatch):
    answers = {0x2B: 0, 0x1E: 0, 0x23: 0, 0x25: 1 << 15 | 1}
    monkeypatch.setattr(module, "_ask", lambda name, command: answers[command])
    assert offloads_on("eth0") == ["lro"]
    answers[0x25] = 1
    assert offloads_on("eth0") == []


def test_a_card_that_does_not_tell(monkeypatch):
    def refuse(name, command):
        raise OSError(errno.EOPNOTSUPP, "x")

    monkeypatch.setattr(module, "_ask", refuse)
    assert offloads_on("eth0") is None
