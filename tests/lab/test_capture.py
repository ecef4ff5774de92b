# SPDX-License-Identifier: Apache-2.0
import json
import struct

import pytest

pytestmark = pytest.mark.namespace

SERVE = """
import json, os, signal, socket, subprocess, sys, time
from pathlib import Path
from minewatch.errors import MinewatchError
from minewatch.lab import network, sandbox
from minewatch.lab.capture import Captures
from minewatch.lab.plan import Host
from minewatch.lab.processes import Processes
from minewatch.lab.switch import Wiring

out = Path(sys.argv[1])
hosts = [Host("web-1", "server", "10.86.1.1"), Host("c", "client", "198.51.100.2")]
sandbox.enter({})
files = network.build(hosts)
processes = Processes(sandbox.WORK)
wiring = Wiring(1, files, {h.name: h.address for h in hosts}, {h.name: h.link for h in hosts})
processes.start(
    "switch", [sys.executable, "-m", "minewatch.lab.switch"],
    files=list(files.values()), told=wiring.to_json(),
)
captures = Captures(processes, out)

def talk(octets):
    with network.inside("web-1"):
        server = socket.create_server(("10.86.1.1", 80))
    with network.inside("c"):
        client = socket.create_connection(("10.86.1.1", 80))
    other = server.accept()[0]
    for _ in range(0, octets, 10_000):
        other.sendall(bytes(10_000))
        left = 10_000
        while left:
            left -= len(client.recv(left))
    for sock in (server, client, other):
        sock.close()
"""


def packets(path):
    """Yield the packets of a capture; it must end with a whole one."""
    octets = path.read_bytes()
    assert octets[:4] == b"\xd4\xc3\xb2\xa1"
    at = 24
    while at < len(octets):
        captured, length = struct.unpack_from("<II", octets, at + 8)
        assert captured == length
        yield octets[at + 16 : at + 16 + captured]
        at += 16 + captured
    assert at == len(octets)


def ones_complement(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets[: len(octets) // 2 * 2]))
    total += octets[-1] << 8 if len(octets) % 2 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_a_capture_is_whole_and_as_a_wire_carries_it(inside, tmp_path):
    said = inside(
        SERVE
        + """
captures.start(["web-1"])
captures.check()
hidden = [path.name for path in out.iterdir() if path.name.startswith(".")]
talk(100_000)
while captures.octets() < 100_000:  # the kernel hands packets over in blocks
    time.sleep(0.02)
print(json.dumps([hidden, captures.octets() > 100_000, captures.finish(), captures.finish()]))
""",
        str(tmp_path),
    )
    assert json.loads(said) == [[".web-1.part"], True, {"web-1": 0}, {}]
    frames = [frame for frame in packets(tmp_path / "web-1.pcap") if frame[12:14] == b"\x08\x00"]
    segments = [frame for frame in frames if frame[23] == 6]
    assert (segments[0][33], segments[0][47]) == (1, 2)  # to the server's address: SYN
    assert sum(len(segment) - 66 for segment in segments if segment[29] == 1) >= 100_000
    for segment in segments:
        # No segments larger than a wire takes, no check sums left to hardware that is not there.
        assert len(segment) <= 1514
        pseudo = segment[26:34] + struct.pack("!HH", 6, len(segment) - 34)
        assert ones_complement(pseudo + segment[34:]) == 0xFFFF


def test_a_full_disk_is_told_before_anything_is_lost(inside, tmp_path):
    said = inside(
        SERVE
        + """
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=34m", "none", str(out)], check=True)
captures.start(["web-1"])
captures.check()
talk(10_000)
(out / "other").write_bytes(bytes(3 << 20))
try:
    captures.check()
except MinewatchError as error:
    print(json.dumps([str(error), captures.finish(), os.listdir(out)]))
try:
    captures.start(["c"])
except MinewatchError as error:
    print(error)
""",
        str(tmp_path),
    )
    told = f"{tmp_path}: the disk is full (less than 32 MiB are free): free some space, or "
    first, second = said.splitlines()
    error, whole, left = json.loads(first)
    assert error.startswith(told)
    assert second.startswith(told)
    assert (whole, sorted(left)) == ({"web-1": 0}, ["other", "web-1.pcap"])


def test_a_capture_that_cannot_begin_is_told(inside, tmp_path):
    said = inside(
        SERVE
        + """
(out / ".web-1.part").mkdir()
try:
    captures.start(["web-1"])
except MinewatchError as error:
    print(error)
""",
        str(tmp_path),
    )
    assert said.startswith(f"{tmp_path}/.web-1.part: tcpdump has ended: ")
    assert "Is a directory" in said


def test_a_killed_tcpdump_is_noticed(inside, tmp_path):
    said = inside(
        SERVE
        + """
captures.start(["web-1"])
captures._running[0].program.process.kill()
captures._running[0].program.process.wait()
try:
    captures.check()
except MinewatchError as error:
    print(error)
print(captures.finish(), os.listdir(out))
""",
        str(tmp_path),
    )
    error, rest = said.splitlines()
    assert error.startswith(f"{tmp_path}/.web-1.part: tcpdump has ended: ")
    assert rest == "{} ['modules']"
