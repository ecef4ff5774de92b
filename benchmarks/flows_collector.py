# SPDX-License-Identifier: Apache-2.0
"""Loss and cost of ``minewatch collect`` on loopback: nfreplay sends NetFlow at several rates.

Needs nfdump's nfpcapd, nfdump and nfreplay. Run it on an idle machine:

    python benchmarks/flows_collector.py [CAPTURE] [--records N] [--version 5|9]

nfreplay 1.7.1 sends a template with nearly every datagram of NetFlow v9, which no router does; v5
has none.

Each line is one run: how long nfreplay was told to wait after each datagram, the records that it
sent and how fast, those that were written, what the sequence numbers and the kernel say is lost,
and the CPU time of the collector, its start and the writing of Parquet included, and without the
start. A gap of more than a million records is taken for an exporter that began anew.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import minewatch.lab

DELAYS_US = (100, 10, 1, 0)
PATIENCE_S = 60
_LAST_LINE = re.compile(
    r"; so far ([\d,]+) datagrams?, ([\d,]+) records?, ([\d,]+) lost by sequence numbers, "
    r"([\d,]+) dropped by the kernel"
)


def make_file(capture: Path, folder: Path, least: int) -> tuple[Path, int]:
    """Return a file of nfdump with at least so many records, and how many it has."""
    parts = folder / "parts"
    parts.mkdir()
    _run("nfpcapd", "-r", str(capture), "-w", str(parts), "-t", "86400")
    path = folder / "flows.nf"
    _run("nfdump", "-R", str(parts), "-w", str(path), "-q")
    n = count(path)
    while n < least:
        shutil.rmtree(parts)
        parts.mkdir()
        for number in range(8):
            os.link(path, parts / f"nfcapd.20210101000{number}")
        bigger = folder / "bigger.nf"
        _run("nfdump", "-R", str(parts), "-w", str(bigger), "-q")
        bigger.replace(path)
        n = count(path)
    return path, n


def count(path: Path) -> int:
    """Return the number of flows in a file of nfdump."""
    told = _run("nfdump", "-r", str(path), "-I")
    return int(re.search(r"^Flows: (\d+)", told, re.MULTILINE)[1])  # type: ignore[index]


def measure(path: Path, n: int, delay_us: int, version: int, folder: Path) -> str:
    """Return one line of the table."""
    out = folder / f"out-{delay_us}"
    port = _free_port()
    started = time.monotonic()
    with open(folder / "told", "w+", encoding="utf-8") as told:
        collector = subprocess.Popen(
            [sys.executable, "-m", "minewatch", "collect", "--netflow", f"127.0.0.1:{port}",
             "-o", str(out)],
            stdin=subprocess.DEVNULL, stderr=told,
        )  # fmt: skip
        try:
            while "listening" not in (folder / "told").read_text(encoding="utf-8"):
                if time.monotonic() - started > PATIENCE_S:
                    raise RuntimeError("the collector does not start")
                time.sleep(0.05)
            time.sleep(0.5)
            start_cpu_s = _cpu_seconds(collector.pid)
            begin = time.monotonic()
            _run("nfreplay", "-r", str(path), "-H", "127.0.0.1", "-p", str(port),
                 "-v", str(version), "-d", str(delay_us))  # fmt: skip
            sent_s = time.monotonic() - begin
            collector.send_signal(signal.SIGTERM)
            _, _, usage = os.wait4(collector.pid, 0)
            collector.returncode = 0
        finally:
            if collector.returncode is None:
                collector.kill()
                collector.wait()
    last = (folder / "told").read_text(encoding="utf-8").splitlines()[-1]
    found = _LAST_LINE.search(last)
    if found is None:
        raise RuntimeError(f"the collector says: {last}")
    datagrams, records, lost, dropped = (int(text.replace(",", "")) for text in found.groups())
    cpu_s = usage.ru_utime + usage.ru_stime
    return (
        f"{delay_us:8d} {n:10,d} {n / sent_s:12,.0f} {datagrams:10,d} {records:10,d} "
        f"{n - records:9,d} {lost:8,d} {dropped:8,d} {cpu_s:7.2f} {cpu_s - start_cpu_s:7.2f} "
        f"{usage.ru_maxrss // 1024:8,d}"
    )


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _run(*argv: str) -> str:
    done = subprocess.run(
        argv, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600
    )
    return done.stdout


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    demo = Path(minewatch.lab.__file__).with_name("demo.pcap")
    parser.add_argument("capture", nargs="?", type=Path, default=demo)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--version", type=int, choices=(5, 9), default=5)
    parser.add_argument("--delays", type=int, nargs="+", default=DELAYS_US, metavar="US")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, n = make_file(arguments.capture, folder, arguments.records)
        print(
            f"{'delay us':>8} {'sent':>10} {'records/s':>12} {'datagrams':>10} {'written':>10} "
            f"{'missing':>9} {'by seq.':>8} {'dropped':>8} {'CPU s':>7} {'no start':>8} "
            f"{'peak MiB':>8}"
        )
        for delay in arguments.delays:
            print(measure(path, n, delay, arguments.version, folder), flush=True)


if __name__ == "__main__":
    main()
