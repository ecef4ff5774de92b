# SPDX-License-Identifier: Apache-2.0
"""Make the capture that ships with minewatch: two miners on busy servers, in network namespaces.

``sudo python scripts/make_demo_capture.py`` builds three servers, a bridge and an "internet", lets
them work for ten minutes and writes ``src/minewatch/lab/demo.pcap`` and ``demo_labels.json``.
No packet leaves the namespaces; they go away at the end, also after an error or Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from demo_capture import labels, network, scenario, services  # noqa: E402
from minewatch.lab import plan, tls  # noqa: E402

MAX_OCTETS = 300_000
"""The capture travels in the package."""

EXIT_FAILED, EXIT_CANNOT_START = 1, 2
SETTLE_S = 0.5


def main() -> int:
    """Make the capture; return the exit status."""
    parser = _parser()
    options = parser.parse_args()
    if options.seconds < 1:
        parser.error(f"--seconds must be 1 or more, not {options.seconds}")
    for number in network.STOP_SIGNALS:
        signal.signal(number, _interrupt)
    problem = _what_is_missing()
    if problem:
        print(f"make_demo_capture: {problem}", file=sys.stderr)
        return EXIT_CANNOT_START
    try:
        with tempfile.TemporaryDirectory(prefix="minewatch-demo-") as folder:
            raw = _record(options, Path(folder))
            _publish(raw, options.out)
    except KeyboardInterrupt:
        print("\nmake_demo_capture: interrupted; nothing was written", file=sys.stderr)
        return EXIT_FAILED
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or ""
        print(f"\nmake_demo_capture: {error} {said}".rstrip(), file=sys.stderr)
        return EXIT_FAILED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=600, help="length of the capture [s]")
    parser.add_argument("--seed", type=int, default=86, help="seed of every actor's choices")
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "src" / "minewatch" / "lab" / "demo.pcap",
        help="the capture; its labels go beside it as NAME_labels.json",
    )
    return parser


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _what_is_missing() -> str:
    missing = sorted({deb for name, deb in services.PROGRAMS.items() if not shutil.which(name)})
    if missing:
        return f"programs are missing: apt-get install {' '.join(missing)}"
    if os.geteuid() != 0:
        return "needs root, to make network namespaces"
    return ""


def _record(options: argparse.Namespace, folder: Path) -> Path:
    """Run the scenario and return the capture."""
    folder.chmod(0o755)
    raw = folder / "capture.pcap"
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "scripts")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    with network.network(options.seconds, environment) as made:
        python = [sys.executable, "-m"]
        relay = [*python, "demo_capture.relay", "internet", "relay"]
        made.start("switch", relay, log=folder / "relay.out")
        _start_services(made, folder)
        tcpdump = _start_tcpdump(made, raw, folder)
        for host in ("internet", *scenario.SERVERS):
            act = [*python, "demo_capture.actors", host, str(options.seed)]
            made.start(host, act, log=folder / f"{host}.out")
        _start_mining(made, folder, options.seed)
        _wait(made, raw, options.seconds, folder)
        # First, so that the end of the scenario, with its resets, is not part of it.
        made.stop(tcpdump, signal.SIGINT)
    return raw


def _start_services(made: network.Network, folder: Path) -> None:
    certificate = tls.self_signed_certificate(folder, scenario.TLS_SITE)
    for host in scenario.SERVERS:
        place = folder / host
        place.mkdir()
        services.start_nginx(made, host, place, certificate if host == "web-3" else None)
        if host in ("web-1", "web-3"):
            services.start_redis(made, host, place)
        if host in ("web-2", "web-3"):
            services.start_mosquitto(made, host, place)


def _start_tcpdump(made: network.Network, raw: Path, folder: Path) -> subprocess.Popen[bytes]:
    log = folder / "tcpdump.out"
    command = ["tcpdump", "-n", "-i", "bridge0", "-s", "0", "-U", "-Z", "root", "-w", str(raw)]
    process = made.start("switch", command, log=log)
    deadline = time.monotonic() + 10
    while "listening on" not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise OSError(f"tcpdump does not start: {log.read_text()}")
        time.sleep(0.05)
    time.sleep(SETTLE_S)  # it says so a moment before it is true
    return process


def _start_mining(made: network.Network, folder: Path, seed: int) -> None:
    """Start the pools, and then the miners, each with the plan as it sees the network."""
    for pool in (pools := scenario.mining_plan(seed, time.time())).pools:
        process = _play(made, "internet", pool.host, pools, folder)
        network.wait_for_port(process, pool.port)
    for miner in (miners := scenario.seen_by_miners(pools)).miners:
        _play(made, miner.host, miner.host, miners, folder)


def _play(
    made: network.Network, namespace: str, host: str, drawn: plan.Plan, folder: Path
) -> subprocess.Popen[bytes]:
    """Play one host of the mining plan in a namespace."""
    path = folder / f"{host}-plan.json"
    plan.write_plan(drawn, path)
    act = [sys.executable, "-m", "minewatch.lab.host", str(path), host, "--folder", str(folder)]
    return made.start(namespace, act, log=folder / f"{host}-mining.out")


def _wait(made: network.Network, raw: Path, seconds: int, folder: Path) -> None:
    """Show progress until the time is over; give up when a program ends early."""
    start = time.monotonic()
    while (passed := time.monotonic() - start) < seconds:
        ended = made.ended()
        if ended:
            said = "".join(log.read_text() for log in sorted(folder.rglob("*.out")))
            raise OSError(f"ended early: {'; '.join(ended)}\n{said[-3000:]}")
        octets = raw.stat().st_size
        if octets > MAX_OCTETS:
            raise ValueError(f"more than {MAX_OCTETS:,} octets after {passed:.0f} s")
        print(f"\r{passed:5.0f} of {seconds} s, {octets:,} octets ", end="", file=sys.stderr)
        time.sleep(1)
    print(file=sys.stderr)


def _publish(raw: Path, out: Path) -> None:
    """Check the capture, label it, and put both in place: all or nothing."""
    octets = raw.stat().st_size
    if octets > MAX_OCTETS:
        raise ValueError(f"the capture has {octets:,} octets, more than {MAX_OCTETS:,}")
    labels.check(raw)
    packets = labels.read(raw)
    labels_out = out.with_name(f"{out.stem}_labels.json")
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    temporary_labels = out.with_name(f".{labels_out.name}.{os.getpid()}")
    try:
        labels.write(temporary_labels, out.name, packets)
        shutil.copyfile(raw, temporary)
        temporary.replace(out)
        temporary_labels.replace(labels_out)
    finally:
        temporary.unlink(missing_ok=True)
        temporary_labels.unlink(missing_ok=True)
    print(f"{out}: {octets:,} octets, {len(packets)} conversations", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
