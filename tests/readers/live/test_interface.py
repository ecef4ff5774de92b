# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import SourceError
from minewatch.readers.live import interface
from minewatch.readers.live.interface import index_of, is_up, look_up


@pytest.mark.namespace
def test_an_interface_is_looked_up(wires):
    wires.make("v0")
    wires.ip("link set v0 mtu 1400")
    found = look_up("v0")
    assert (found.name, found.index, found.mtu) == ("v0", index_of("v0"), 1400)
    assert found.has_ethernet
    assert not found.is_loopback
    loopback = look_up("lo")
    assert loopback.has_ethernet
    assert loopback.is_loopback


@pytest.mark.namespace
def test_a_tunnel_has_no_link_layer(wires):
    wires.ip("tuntap add t0 mode tun", "link set t0 up")
    assert not look_up("t0").has_ethernet


@pytest.mark.namespace
def test_going_down_is_seen(wires):
    wires.make("v0")
    found = look_up("v0")
    assert is_up(found)
    wires.ip("link set v0 down")
    assert not is_up(found)
    with pytest.raises(SourceError, match="v0: the interface is down: ip link set v0 up"):
        look_up("v0")
    wires.ip("link delete v0")
    assert not is_up(found)


@pytest.mark.namespace
def test_what_there_is_is_told(wires):
    wires.make("v0")
    with pytest.raises(SourceError, match=r"v1: no such interface; there are: lo, v0, v0-far$"):
        look_up("v1")


@pytest.mark.parametrize("name", ["", "x" * 16, "é" * 8, "a\0b", "no such one", "any"])
def test_a_name_that_none_can_have(name):
    assert index_of(name) == 0
    with pytest.raises(SourceError, match=r"no such interface; there are: .*lo"):
        look_up(name)


@pytest.mark.namespace
def test_radio_in_monitor_mode_is_refused(wires, monkeypatch):
    monkeypatch.setattr(interface, "_RADIO", frozenset((1,)))  # as if Ethernet were radio
    wires.make("v0")
    with pytest.raises(SourceError, match="v0: is in monitor mode"):
        look_up("v0")
