# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.errors import ConfigError
from minewatch.lab import network
from minewatch.lab.plan import Host

pytestmark = pytest.mark.namespace

BUILD = """
import json, os, socket, subprocess, sys, time
from random import Random
from minewatch.lab import network, sandbox
from minewatch.lab.plan import Host, Link
from minewatch.lab.switch import Wiring

def build(hosts):
    sandbox.enter({})
    files = network.build(hosts)
    wiring = Wiring(
        1, files, {h.name: h.address for h in hosts}, {h.name: h.link for h in hosts}
    )
    switch = subprocess.Popen(
        [sys.executable, "-m", "minewatch.lab.switch"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=list(files.values()),
    )
    switch.stdin.write(wiring.to_json())
    switch.stdin.flush()
    return switch

def listener(host, address, port):
    with network.inside(host):
        return socket.create_server((address, port))
"""


def test_hosts_reach_each_other_with_their_links_delay(inside):
    said = inside(
        BUILD
        + """
hosts = [
    Host("near", "server", "10.86.1.1", Link(delay_s=0.01)),
    Host("far", "pool", "203.0.113.9", Link(delay_s=0.03)),
]
switch = build(hosts)
server = listener("far", "203.0.113.9", 3333)
with network.inside("near"):
    client = socket.create_connection(("203.0.113.9", 3333))
other, peer = server.accept()
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
trips = []
for _ in range(5):
    began = time.monotonic()
    client.sendall(b"ping")
    other.recv(10)
    other.sendall(b"pong")
    client.recv(10)
    trips.append(time.monotonic() - began)
switch.terminate()
print(json.dumps([peer[0], min(trips), json.loads(switch.communicate()[0])]))
"""
    )
    peer, trip_s, counters = json.loads(said)
    assert peer == "10.86.1.1"
    assert 0.080 <= trip_s < 0.1
    assert counters["carried"] > 15
    assert counters["lost"] == counters["dropped"] == 0


def test_a_host_has_one_card_no_ipv6_and_no_way_out(inside):
    said = inside(
        BUILD
        + """
build([Host("a", "server", "10.86.1.1"), Host("b", "client", "198.51.100.2")])
def ip(*arguments):
    command = ["ip", "-json", "-netns", "a", *arguments]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
cards = ip("address")
routes = [route["dst"] + " " + route["dev"] for route in ip("route")]
with network.inside("a"):
    six = open("/proc/sys/net/ipv6/conf/all/disable_ipv6").read().strip()
print(json.dumps({
    "cards": [c["ifname"] for c in cards], "mac": cards[1]["address"], "routes": routes, "six": six,
    "addresses": [i["local"] for c in cards for i in c["addr_info"]],
    "outside": [name for _, name in socket.if_nameindex()],
}))
"""
    )
    assert json.loads(said) == {
        "cards": ["lo", "eth0"],
        "mac": "02:00:0a:56:01:01",
        "routes": ["default eth0"],
        "six": "1",
        "addresses": ["127.0.0.1", "10.86.1.1"],
        "outside": ["lo"],
    }


def test_thirty_hosts_come_up_in_seconds(inside):
    said = inside(
        BUILD
        + """
began = time.monotonic()
build([Host(f"h{n}", "server", f"10.86.1.{n}") for n in range(1, 31)])
print(time.monotonic() - began)
"""
    )
    assert float(said) < 5.0


def test_an_address_that_is_there_twice_is_refused():
    hosts = [Host("a", "server", "10.0.0.1"), Host("b", "server", "10.0.0.1")]
    with pytest.raises(ConfigError, match=r"two hosts have the address 10\.0\.0\.1"):
        network.build(hosts)
    with pytest.raises(ConfigError, match="two hosts have the name a"):
        network.build([Host("a", "server", "10.0.0.1"), Host("a", "server", "10.0.0.2")])


def test_a_name_in_use_is_told(inside):
    said = inside(
        BUILD
        + """
build([Host("a", "server", "10.86.1.1")])
try:
    network.build([Host("a", "server", "10.86.1.1")])
except Exception as error:
    print(type(error).__name__, error)
"""
    )
    assert said.startswith("ConfigError ip refuses the network: ")
    assert "File exists" in said
