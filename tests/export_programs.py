# SPDX-License-Identifier: Apache-2.0
"""Programs that export flows, and nfdump's collector beside ours; all on loopback, all bounded."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import minewatch.lab
from minewatch.readers.nfcapd.source import NfcapdFormat

CAPTURE = Path(minewatch.lab.__file__).with_name("demo.pcap")
"""1530 packets of 68 directions of flows over TCP and UDP."""
PATIENCE_S = 30


def needs(*programs):
    """Skip a test where a program is missing; `.ci/run` installs them all."""
    missing = [name for name in programs if shutil.which(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not here: {', '.join(missing)}")


def free_port(family=socket.AF_INET):
    """A UDP port of loopback that nobody listens on."""
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        one.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(is_so, what):
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"{what} takes too long"
        time.sleep(0.02)


def is_bound(port):
    for table in ("udp", "udp6"):
        path = Path("/proc/net", table)
        lines = path.read_text().splitlines()[1:] if path.exists() else []
        if any(line.split()[1].endswith(f":{port:04X}") for line in lines):
            return True
    return False


@contextlib.contextmanager
def running(*argv, **options):
    """A program that runs until the block ends; killed if it does not heed SIGTERM."""
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        **options,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run(*argv):
    """Run a program to its end."""
    subprocess.run(argv, check=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL,
        capture_output=True)  # fmt: skip


@contextlib.contextmanager
def nfcapd(folder, port, *, repeat_to=None):
    """nfdump's collector, which hands every datagram on; its files are whole after the block."""
    folder.mkdir()
    argv = ["nfcapd", "-w", str(folder), "-b", "127.0.0.1", "-p", str(port), "-t", "3600"]
    if repeat_to is not None:
        argv += ["-R", f"127.0.0.1/{repeat_to}"]
    with running(*argv) as process:
        wait_for(lambda: is_bound(port) or process.poll() is not None, "nfcapd")
        assert process.poll() is None
        yield


def softflowd(folder, port, version, *, capture=CAPTURE, host="127.0.0.1", sampling=None):
    """Export a capture's flows; its control socket would make it wait for ever at the end.

    It removes its process file when it ends, whatever that is: it gets one in `folder`.
    """
    more = [] if sampling is None else ["-s", str(sampling)]
    if version == 10:
        more += ["-A", "milli"]  # nfdump 1.7.1 takes uptimes in IPFIX for something else
    run("softflowd", "-d", "-a", "-r", str(capture), "-n", f"{host}:{port}", "-v", str(version),
        "-p", str(folder / "softflowd.pid"), "-c", "none", *more)  # fmt: skip


def nfpcapd(folder, capture=CAPTURE):
    """Files of nfdump of a capture's flows."""
    folder.mkdir()
    run("nfpcapd", "-r", str(capture), "-w", str(folder), "-t", "3600")
    return sorted(folder.glob("nfcapd.2*"))


def nfreplay(file, port, version):
    """Send a file of nfdump to a collector."""
    run("nfreplay", "-r", str(file), "-H", "127.0.0.1", "-p", str(port), "-v", str(version))


def pmacctd(folder, port, version):
    """Export a capture's flows with pmacct's own probe."""
    config = folder / "pmacctd.conf"
    config.write_text(
        "daemonize: false\n"
        f"pcap_savefile: {CAPTURE}\n"
        "aggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags\n"
        "plugins: nfprobe\n"
        f"nfprobe_receiver: 127.0.0.1:{port}\n"
        f"nfprobe_version: {version}\n"
    )
    run("pmacctd", "-f", str(config))


def stored(folder):
    """The records that nfdump's collector stored."""
    found = []
    for path in sorted(folder.glob("nfcapd.2*")):
        source = NfcapdFormat().open(path.name, str(path), path.open("rb"), strict=True)
        with contextlib.closing(source):
            found += [block.copy() for block in source.read()]
    return np.concatenate(found)


FLOW_FIELDS = (
    *("source_address_high", "source_address_low", "destination_address_high"),
    *("destination_address_low", "source_transport_port", "destination_transport_port"),
    *("protocol_identifier", "packet_delta_count", "octet_delta_count", "tcp_control_bits"),
)


def flows(records):
    """Records as a bag: what is told of each, and its times in milliseconds."""
    times = [records[f"flow_{end}_nanoseconds"] // 1_000_000 for end in ("start", "end")]
    columns = [records[name] for name in FLOW_FIELDS] + times
    return Counter(zip(*(column.tolist() for column in columns), strict=True))
