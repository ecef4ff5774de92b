# SPDX-License-Identifier: Apache-2.0
"""Against Open vSwitch itself, switching in user space."""

import fcntl
import os
import socket
import struct
import subprocess

import pytest

from minewatch.errors import ConfigError, ResponseError
from minewatch.response import openvswitch as module
from minewatch.response.openvswitch import OpenVSwitchResponder
from namespaces import Pool, need, ran, talks, wait_until

pytestmark = pytest.mark.namespace
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
_SIOCETHTOOL, _SET_TX_CHECKSUMS = 0x8946, 0x17


@pytest.fixture
def switch(hosts, tmp_path, monkeypatch):
    """A bridge `br0` with two hosts and a pool on it."""
    need("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl")
    for name in ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin:/sbin")
    hosts.add("switch", "one", "two", "pool")
    started = []
    try:
        with hosts.inside("switch"):
            ran("ovsdb-tool", "create", f"{tmp_path}/conf.db", SCHEMA)
            socket_path = f"{tmp_path}/db.sock"
            started.append(
                _start("ovsdb-server", f"{tmp_path}/conf.db", f"--remote=punix:{socket_path}")
            )
            wait_until(lambda: os.path.exists(socket_path))
            ran("ovs-vsctl", "--no-wait", "init")
            started.append(_start("ovs-vswitchd", f"unix:{socket_path}"))
            bridge = ("--", "set", "bridge", "br0", "datapath_type=netdev")
            ran("ovs-vsctl", "-t", "10", "add-br", "br0", *bridge)
        for name, addresses in (
            ("one", ["10.0.0.5/24", "fd00::5/64"]),
            ("two", ["10.0.0.6/24"]),
            ("pool", ["10.0.0.9/24", "fd00::9/64"]),
        ):
            port = hosts.wire(name, "switch", addresses, [])
            with hosts.inside(name):
                _compute_checksums(port)
            with hosts.inside("switch"):
                ran("ovs-vsctl", "-t", "10", "add-port", "br0", port)
        yield hosts
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(20)


def _start(*argv: str) -> subprocess.Popen[bytes]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([*argv, "--pidfile", "-vconsole:off"], **quiet)


def _compute_checksums(interface: str) -> None:
    """Let the kernel write checksums: a switch in user space passes on what it finds."""
    value = bytearray(struct.pack("II", _SET_TX_CHECKSUMS, 0))
    buffer = (memoryview(value)).obj
    address = _address_of(buffer)
    request = struct.pack("16sP16x", interface.encode(), address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCETHTOOL, request)


def _address_of(value: bytearray) -> int:
    import ctypes

    return ctypes.addressof((ctypes.c_char * len(value)).from_buffer(value))


def flows() -> list[str]:
    lines = ran("ovs-ofctl", "-O", "OpenFlow14", "dump-flows", "br0").splitlines()[1:]
    return [line.partition("table=0, ")[2] for line in lines]


def hears(one, other):
    """Whether one hears what the other says."""
    other.sendall(b"?")
    try:
        return one.recv(100) != b""
    except TimeoutError:
        return False


def test_silence_between_host_and_pool_and_everything_else_goes_on(switch, block):
    responder = OpenVSwitchResponder("br0")
    pool = Pool(switch, "pool", "10.0.0.9", 3333)
    other_port = Pool(switch, "pool", "10.0.0.9", 443)
    with switch.inside("one"):
        mined, served = pool.connect("10.0.0.5"), other_port.connect("10.0.0.5")
    with switch.inside("two"):
        other_host = pool.connect("10.0.0.6")
    assert talks(mined, pool.taken[0])

    with switch.inside("switch"):
        responder.apply(block(pool="10.0.0.9"))
    for one in (mined, pool.taken[0]):
        one.settimeout(0.5)
    # The switch's cache of decisions is checked anew from time to time, not at once.
    wait_until(lambda: not hears(pool.taken[0], mined))
    pool.taken[0].sendall(b"lost\n")
    with pytest.raises(TimeoutError):
        mined.recv(100)
    assert talks(served, other_port.taken[0])
    assert talks(other_host, pool.taken[1])

    with switch.inside("switch"):
        responder.undo(block(pool="10.0.0.9"))
    mined.settimeout(20)
    assert mined.recv(100) == b"lost\n"  # TCP sends again what was lost
    for one in (mined, served, other_host, pool, other_port):
        one.close()


def test_the_switch_forgets_by_itself(switch, block):
    responder = OpenVSwitchResponder("br0")
    with switch.inside("switch"):
        responder.apply(block(seconds=1))
        assert sum("actions=drop" in flow for flow in flows()) == 2
        wait_until(lambda: not any("actions=drop" in flow for flow in flows()))
        responder.undo(block(seconds=1))


def test_the_rules_are_those_of_the_plan_both_or_none(switch, block):
    responder = OpenVSwitchResponder("br0")
    with switch.inside("switch"):
        for wanted in (block(), block(host="2001:db8::5", pool="2001:db8::9")):
            responder.apply(wanted)
            applied = sorted(flows())
            assert responder.is_in_force(wanted)
            assert not responder.is_in_force(block(host="10.0.0.77"))
            responder.apply(wanted)
            assert sorted(flow.partition(" hard_")[2] for flow in flows()) == sorted(
                flow.partition(" hard_")[2] for flow in applied
            )
            responder.undo(wanted)
            assert not any("drop" in flow for flow in flows())
            assert not responder.is_in_force(wanted)
            for command in responder.plan(wanted):
                ran("sh", "-c", command)
            assert sum("actions=drop" in flow for flow in flows()) == 2
            responder.undo(wanted)
        assert not any("drop" in flow for flow in flows())


def test_rules_of_others_stay(switch, block):
    with switch.inside("switch"):
        ran("ovs-ofctl", "add-flow", "br0", "cookie=0x7,priority=5,tcp,tp_dst=22,actions=drop")
        responder = OpenVSwitchResponder("br0")
        responder.apply(block())
        responder.undo(block())
        assert [flow for flow in flows() if "tp_dst=22" in flow]


def test_a_bridge_that_is_not_there(switch, block):
    with switch.inside("switch"), pytest.raises(ResponseError, match="br1 is not a bridge"):
        OpenVSwitchResponder("br1").apply(block())


def test_longer_than_a_switch_keeps_is_refused(block):
    with pytest.raises(ResponseError, match="65,535 s at most"):
        OpenVSwitchResponder("br0").apply(block(seconds=65_536))


@pytest.mark.parametrize("name", ["", "-O", "br 0", "br0;x", "../br0", "a" * 65])
def test_a_name_that_is_no_bridge(name):
    with pytest.raises(ConfigError, match="bridge"):
        OpenVSwitchResponder(name)


def test_both_rules_go_in_one_bundle(block, monkeypatch):
    told = []
    monkeypatch.setattr(module, "run", lambda argv, text="": told.append((argv, text)))
    OpenVSwitchResponder("br0").apply(block())
    ((argv, text),) = told
    assert argv == ("ovs-ofctl", "-O", "OpenFlow14", "--bundle", "add-flows", "br0", "-")
    assert len(text.splitlines()) == 2
