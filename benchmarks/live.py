# SPDX-License-Identifier: Apache-2.0
"""Packets a second without loss and processor time per packet: minewatch, tcpdump, a loop in C.

It reports and never asserts, as ``bench.py`` does; README.md beside this file explains it. All
happens in a network namespace of its own, that vanishes with it; needs root.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from measure import say
from wire import FAR, NEAR, make_wire

HERE = Path(__file__).parent
RING_OCTETS, BLOCK_OCTETS = 64 << 20, 1 << 20
"""The same ring for all of them; libpcap chooses its blocks itself."""
CAPTURE_PACKETS, CAPTURE_FLOWS = 200_000, 8_000
SETTLE_S = 0.5
TAIL_S = 2.0
"""After the last packet: libpcap looks at a block that is not full after a second."""
START_S = 120.0
WARM_UP_PER_SECOND = 10_000
STEPS = 7
"""Halvings of the distance between the rate that is known to work and the one that is not."""
TICKS = os.sysconf("SC_CLK_TCK")


Sender = Callable[[Path, int, float], tuple[int, float]]
"""Sends a capture over and over: so many packets, at so many a second (0: as fast as it goes)."""


@dataclass
class Trial:
    """One run of one receiver at one rate."""

    per_second: float
    """Packets that were really sent."""
    sent: int
    received: int
    dropped: int
    cpu_s: float

    @property
    def is_lossless(self) -> bool:
        return self.received == self.sent and not self.dropped

    @property
    def cpu_us(self) -> float:
        return self.cpu_s * 1e6 / max(1, self.received)


@dataclass
class Receiver:
    """A program that receives until SIGINT."""

    name: str
    command: list[str]
    ready: str
    counts: Callable[[str], tuple[int, int]]
    warm_up: int = 0
    """Packets that it gets slowly at first, for it loads compiled code when it sees one."""
    trials: list[Trial] = field(default_factory=list)
    fastest: float = 0.0
    """Packets a second without loss."""
    is_senders_limit: bool = False
    """Whether it would stand more: the sender was not faster."""


def printed_counts(said: str) -> tuple[int, int]:
    packets, dropped, _ = said.split("ready", 1)[1].split()[:3]
    return int(packets), int(dropped)


def tcpdump_counts(said: str) -> tuple[int, int]:
    def number(pattern: str) -> int:
        found = re.search(pattern, said)
        if not found:
            raise SystemExit(f"tcpdump says something else: {said}")
        return int(found[1])

    return number(r"(\d+) packets? captured"), number(r"(\d+) packets? dropped by kernel")


def watch_counts(said: str) -> tuple[int, int]:
    seen = re.search(r"([\d,]+) packets?, ", said)
    if not seen:
        raise SystemExit(f"minewatch watch says something else: {said}")
    dropped = re.search(r"dropped ([\d,]+) of", said)
    packets, lost = (int(one[1].replace(",", "")) if one else 0 for one in (seen, dropped))
    return packets, lost


def receivers(directory: Path, capture: Path) -> list[Receiver]:
    def ours(kind: str) -> Receiver:
        command = [sys.executable, str(HERE / "live_receive.py"), kind, NEAR, str(RING_OCTETS)]
        return Receiver(f"minewatch {kind}", [*command, str(capture)], "ready", printed_counts)

    # Standard output is opened by us: no program is given the name /dev/null to write to.
    tcpdump = ["tcpdump", "-i", NEAR, "-n", "-s", "0", "-B", str(RING_OCTETS >> 10), "-w", "-"]
    loop = [str(directory / "ringloop"), NEAR, str(RING_OCTETS), str(BLOCK_OCTETS)]
    return [
        Receiver("tcpdump -w", tcpdump, "listening on", tcpdump_counts),
        Receiver("ring loop in C", loop, "ready", printed_counts),
        ours("capture"),
        ours("meter"),
        Receiver(
            "minewatch watch",
            [str(Path(sys.executable).parent / "minewatch"), "watch", NEAR],
            "watching",
            watch_counts,
            warm_up=20_000,
        ),
    ]


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has used, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def running(receiver: Receiver, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a receiver, and return when packets come in."""
    is_tcpdump = receiver.counts is tcpdump_counts
    with log.open("wb") as said:
        process = subprocess.Popen(
            receiver.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if is_tcpdump else said,
            stderr=said,
        )
    try:
        deadline_s = time.monotonic() + START_S
        while receiver.ready not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise SystemExit(f"{receiver.name} does not start: {log.read_text()}")
            time.sleep(0.05)
        time.sleep(SETTLE_S)
        yield process
    finally:
        process.kill()
        process.wait()


def live_send(capture: Path, packets: int, per_second: float) -> tuple[int, float]:
    """Send with our own sender; return how many packets, and how long it took [s]."""
    sender = [sys.executable, str(HERE / "live_send.py"), str(capture), FAR]
    told = json.loads(said_by([*sender, str(packets), str(per_second)]))
    return told["sent"], told["seconds"]


def tcpreplay(capture: Path, packets: int, per_second: float) -> tuple[int, float]:
    """Send with tcpreplay; return how many packets, and how long it took [s]."""
    speed = [f"--pps={per_second:.0f}"] if per_second else ["--topspeed"]
    rounds = f"--loop={-(-packets // CAPTURE_PACKETS)}"
    command = ["tcpreplay", "--preload-pcap", f"--intf1={FAR}", *speed, rounds, str(capture)]
    said = said_by(command)
    done = re.search(r"Actual: (\d+) packets \(\d+ bytes\) sent in ([\d.]+) seconds", said)
    if not done:
        raise SystemExit(f"tcpreplay says something else: {said}")
    return int(done[1]), float(done[2])


SENDERS = {"ours": live_send, "tcpreplay": tcpreplay}


def said_by(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def try_rate(
    receiver: Receiver,
    sender: Sender,
    capture: Path,
    directory: Path,
    per_second: float,
    seconds: float,
) -> Trial:
    """Send at a rate for some time (the rate 0: as fast as it goes); return what arrived."""
    log = directory / "said"
    packets = int((per_second or 1_000_000) * seconds)
    with running(receiver, log) as process:
        if receiver.warm_up:
            live_send(capture, receiver.warm_up, WARM_UP_PER_SECOND)
        before_s = cpu_s(process.pid)
        sent, took_s = sender(capture, packets, per_second)
        time.sleep(TAIL_S)
        used_s = cpu_s(process.pid) - before_s
        process.send_signal(signal.SIGINT)
        process.wait(60)
        received, dropped = receiver.counts(log.read_text(errors="replace"))
    trial = Trial(sent / took_s, sent, received - receiver.warm_up, dropped, used_s)
    lost = trial.sent - trial.received - trial.dropped
    say(
        f"{receiver.name}: {trial.per_second:,.0f} packets/s, {trial.dropped} dropped"
        + (f", {lost} lost before the socket" if lost else "")
    )
    receiver.trials.append(trial)
    return trial


def find_fastest(
    receiver: Receiver, sender: Sender, capture: Path, directory: Path, seconds: float
) -> None:
    """Look for the highest rate without loss by halving, unless all at full speed were lossless."""
    if all(trial.is_lossless for trial in receiver.trials):
        receiver.is_senders_limit = True
        receiver.fastest = statistics.median(trial.per_second for trial in receiver.trials)
        return
    low, high = 0.0, min(one.per_second for one in receiver.trials if not one.is_lossless)
    for _ in range(STEPS):
        trial = try_rate(receiver, sender, capture, directory, (low + high) / 2, seconds)
        if trial.is_lossless:
            low = receiver.fastest = max(receiver.fastest, trial.per_second)
        else:
            high = min(high, trial.per_second)
        if high - low < 0.05 * high:
            break


def table(found: list[Receiver], level: dict[str, list[Trial]]) -> str:
    peer = found[0]
    lines = [
        "| program | packets/s without loss | / tcpdump | CPU us a packet | / tcpdump |",
        "|---|---|---|---|---|",
    ]
    peer_us = statistics.median(trial.cpu_us for trial in level[peer.name])
    for one in found:
        us = statistics.median(trial.cpu_us for trial in level[one.name])
        ratio = one.fastest / peer.fastest if peer.fastest else float("nan")
        least = "at least " if one.is_senders_limit else ""
        lines.append(
            f"| {one.name} | {least}{one.fastest:,.0f} | {ratio:.2f} | {us:.3f} "
            f"| {us / peer_us:.2f} |"
        )
    return "\n".join(lines)


def prepare(directory: Path) -> Path:
    """Compile the loop, and make the capture that is sent."""
    ringloop = str(directory / "ringloop")
    subprocess.run(["cc", "-O2", "-o", ringloop, str(HERE / "ringloop.c")], check=True)
    capture = directory / "capture.pcap"
    make = [str(HERE / "make_capture.py"), str(CAPTURE_PACKETS), str(CAPTURE_FLOWS)]
    subprocess.run([sys.executable, *make, str(capture)], check=True)
    return capture


def measure(options: argparse.Namespace) -> None:
    """Run inside the namespace: try each receiver, in turn, so that noise hits all alike."""
    make_wire()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        capture = prepare(directory)
        found, sender = receivers(directory, capture), SENDERS[options.sender]
        for _ in range(options.runs):
            for one in found:
                try_rate(one, sender, capture, directory, 0, options.seconds)
        for one in found:
            find_fastest(one, sender, capture, directory, options.seconds)
        rate = options.level * min(one.fastest for one in found)
        level: dict[str, list[Trial]] = {one.name: [] for one in found}
        for _ in range(options.runs):
            for one in found:
                trial = try_rate(one, sender, capture, directory, rate, options.seconds)
                level[one.name].append(trial)
    print(f"Sent by {options.sender}; CPU at {rate:,.0f} packets/s; {os.cpu_count()} processors")
    print(f"\n{table(found, level)}")
    if options.json:
        results = [asdict(one) | {"counts": None} for one in found]
        options.json.write_text(json.dumps(results, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one trial")
    parser.add_argument("--runs", type=int, default=3, help="at full speed, and for the CPU")
    parser.add_argument(
        "--level", type=float, default=0.7, help="CPU is compared at this part of the slowest rate"
    )
    parser.add_argument("--sender", choices=SENDERS, default="ours", help="what sends")
    parser.add_argument("--json", type=Path, help="write every trial there")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        measure(options)
        return
    again = ["unshare", "--net", "--fork", "--kill-child=KILL", "--", sys.executable, *sys.argv]
    os.execvp(again[0], [*again, "--inside"])


if __name__ == "__main__":
    main()
