# SPDX-License-Identifier: Apache-2.0
"""An hour of watching under load, in which much goes wrong: is every alert delivered, and once?

All happens in namespaces of its own (network, mounts, processes), which vanish with it; needs
root. README.md beside this file explains it. Exits with 1 if an alert was lost or doubled, or a
watch ended by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import soak_check as check
import soak_miners as mining
import soak_report as report
from measure import say
from soak_faults import FILLER, Faults, Happened
from soak_plan import STEP, Plan, draw_plan
from soak_servers import Database, Webhook
from soak_watch import Watch
from wire import FAR, NEAR, make_wire

HERE = Path(__file__).parent
PORTS = 9477, 9478
"""Of the counters of the two watches."""
PACKETS, FLOWS = 300_000, 12_000
SAMPLE_S, LOOK_S = 10.0, 0.2
LEAD_S = 60.0
"""In which both watches start."""
SETTLE_S, DRAIN_S = 20.0, 180.0
"""After the last packet: so long at least, and at most, until everything has arrived."""


class Soak:
    """One soak, from the first packet to the verdict."""

    def __init__(self, options: argparse.Namespace, plan: Plan, out: Path) -> None:
        self.options = options
        self.plan = plan
        self.out = out
        self.disk = out / "disk"
        self.database = Database(out / "server")
        self.origin_s = time.monotonic() + LEAD_S
        self.began_s = time.time() + LEAD_S
        self.loads: list[float] = []
        self.disk_mib: list[float] = []
        """Taken on the small disk while nothing fills it."""
        self.webhook = Webhook(out / "webhook.jsonl")
        self.watch = Watch("watch", self._first(), PORTS[0], out / "watch.log", self.clock)
        self.second = Watch(
            "second watch", self._second(), PORTS[1], out / "second.log", self.clock, self._relay()
        )
        self.faults = Faults(self.watch, self.webhook, self.database, self.disk, NEAR, self.clock)
        self.deaths: list[str] = []

    def clock(self) -> float:
        return time.monotonic() - self.origin_s

    def _first(self) -> list[str]:
        sinks = (
            f"jsonl:{self.disk}/alerts.jsonl",
            f"sql:sqlite:///{self.disk}/alerts.db",
            f"sql:{Database.url}",
            f"webhook:{Webhook.url}",
        )
        named = [word for sink in sinks for word in ("--sink", sink)]
        memory = ["--memory", str(self.options.memory)]
        return [NEAR, "--checkpoint", str(self.disk / "checkpoint"), *memory, *named]

    def _second(self) -> list[str]:
        sink = ["--sink", f"sql:sqlite:///{self.out}/second.db"]
        return ["--from", "-", "--memory", str(self.options.memory), *sink]

    def _relay(self) -> list[str]:
        steps = [f"{f.start_s}:{f.step_s}" for f in self.plan.faults if f.kind == STEP]
        where = [NEAR, str(self.origin_s), str(self.out / "tcpdump.log")]
        return [sys.executable, str(HERE / "soak_clock.py"), *where, *steps]

    def _sender(self) -> list[str]:
        return [
            *(sys.executable, str(HERE / "soak_send.py")),
            *(str(self.out / "background.pcap"), str(self.out / "miners.pcap"), FAR),
            *(str(self.options.rate), str(self.plan.seconds), str(self.origin_s)),
            str(self.out / "sent.txt"),
        ]

    def run(self) -> None:
        """Start everything, let faults happen, and end everything."""
        with ExitStack() as stack:
            for server in (self.database, self.webhook):
                server.start()
                stack.callback(server.stop)
            for watch in (self.watch, self.second):
                stack.callback(watch.kill_quietly)
                watch.start()
            sender = subprocess.Popen(self._sender(), stdin=subprocess.DEVNULL)
            stack.callback(sender.kill)
            if self.clock() > 0:
                raise SystemExit("the watches took too long to start: the machine is too busy")
            self._pass_time()
            if sender.wait(30):
                raise SystemExit("the sender failed")
            self._drain()
            self.watch.stop()
            self.second.stop()
            self.stores = [
                check.of_files("JSON Lines", self.disk / "alerts.jsonl"),
                check.of_sqlite("SQLite", self.disk / "alerts.db"),
                check.of_postgresql("PostgreSQL", Database.url),
                check.of_lines("webhook", (line["alert"] for line in self.posts())),
            ]
            self.store_of_second = check.of_sqlite("second watch, SQLite", self.out / "second.db")
            self._keep()

    def _keep(self) -> None:
        """Leave what was seen where it can be looked at later."""
        lives = {watch.name: watch.lives for watch in (self.watch, self.second)}
        seen = {name: [asdict(life) for life in found] for name, found in lives.items()}
        (self.out / "lives.json").write_text(json.dumps(seen) + "\n")
        shutil.copy(self.disk / "alerts.jsonl", self.out)
        shutil.copy(self.disk / "alerts.db", self.out)

    def posts(self) -> list[dict[str, Any]]:
        """Return what the webhook got, and when."""
        return [json.loads(line) for line in self.webhook.log.read_text().splitlines()]

    def _pass_time(self) -> None:
        """Let everything happen when it is due."""
        coming = list(self.plan.faults)
        going: list[Happened] = []
        sample_s = 0.0
        while (now_s := self.clock()) < self.plan.seconds:
            if coming and now_s >= coming[0].start_s:
                happened = self.faults.begin(coming.pop(0))
                if happened.fault.seconds:
                    going.append(happened)
            for happened in [one for one in going if now_s >= one.start_s + one.fault.seconds]:
                self.faults.end(happened)
                going.remove(happened)
            if now_s >= sample_s:
                sample_s = now_s + SAMPLE_S
                self._look()
            time.sleep(LOOK_S)
        for happened in going:
            self.faults.end(happened)

    def _look(self) -> None:
        self.loads.append(os.getloadavg()[0])
        if not (self.disk / FILLER).exists():
            state = os.statvfs(self.disk)
            self.disk_mib.append((state.f_blocks - state.f_bfree) * state.f_frsize / (1 << 20))
        for watch in (self.watch, self.second):
            watch.sample()
            if watch.died():
                self.deaths.append(f"{watch.name}: {watch.lives[-1].end}")
                say(self.deaths[-1])
                watch.start()

    def _drain(self) -> None:
        """Wait until all that was told has arrived."""
        begun_s = self.clock()
        while (waited_s := self.clock() - begun_s) < DRAIN_S:
            if waited_s > SETTLE_S and not self.watch.waiting():
                break
            time.sleep(1.0)
        say(f"waited {waited_s:.0f} s for what was under way")

    def judge(self) -> check.Verdict:
        """Return what is wrong."""
        verdict = check.Verdict()
        verdict.other += self.deaths
        check.judge(self.plan, self.stores, ("SQLite", "PostgreSQL"), verdict)
        check.judge(self.plan, [self.store_of_second], ("second watch, SQLite",), verdict)
        check.judge_ids(self.plan, self.stores, verdict, has_steps=False)
        check.judge_ids(self.plan, [self.store_of_second], verdict, has_steps=True)
        for watch in (self.watch, self.second):
            if watch.lives[-1].end != "ended":
                verdict.other.append(f"{watch.name}: at the end {watch.lives[-1].end}")
        return verdict


def prepare(out: Path, plan: Plan) -> None:
    """Make the packets, and see that a watch finds every miner where nothing goes wrong."""
    (out / "plan.json").write_text(json.dumps(asdict(plan), indent=1) + "\n")
    capture = [str(HERE / "make_capture.py"), str(PACKETS), str(FLOWS)]
    subprocess.run([sys.executable, *capture, str(out / "background.pcap")], check=True)
    sessions = mining.simulate(out, plan.seed)
    say(f"sessions by dialect: { {name: len(found) for name, found in sessions.items()} }")
    packets = mining.packets_of(plan.miners, sessions)
    mining.write_capture(out / "miners.pcap", packets)
    alone = out / "alone.jsonl"
    watch = [sys.executable, "-m", "minewatch", "watch", "--quiet", "--from"]
    sink = ["--sink", f"jsonl:{alone}"]
    subprocess.run([*watch, str(out / "miners.pcap"), *sink], check=True)
    found = set(check.of_files("alone", alone).ids())
    if missing := plan.pairs - found:
        raise SystemExit(f"not even alone are these found, so that nothing is tested: {missing}")
    say(f"{len(plan.pairs)} miners, {len(packets)} packets of theirs: all are found alone")


def remove_large(out: Path) -> None:
    """Leave logs, stores and the report."""
    for name in ("server", "simulated"):
        shutil.rmtree(out / name, ignore_errors=True)
    (out / "background.pcap").unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[None]:
    """Mount a file system of some size, in memory, while it lasts."""
    folder.mkdir()
    options = f"size={mib}m,mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=True)
    try:
        yield
    finally:
        # Lazily: after a failure somebody may still be in it.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def soak(options: argparse.Namespace) -> int:
    """Run inside the namespaces; return the exit status."""
    make_wire()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    out = options.out.absolute()
    if out.exists() and any(out.iterdir()):
        if not (out / "plan.json").exists():
            raise SystemExit(f"--out {out}: not empty, and of no soak; name another folder")
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    plan = draw_plan(options.minutes, options.seed)
    prepare(out, plan)
    try:
        with small_disk(out / "disk", options.disk):
            run = Soak(options, plan, out)
            run.run()
    finally:
        remove_large(out)
    verdict = run.judge()
    written = report.write(run, verdict, out)
    if options.report:
        report.publish(written, options.report)
    problems = [*verdict.lost, *verdict.doubled, *verdict.other]
    for line in problems[:50]:
        print(line)
    print(f"{len(verdict.lost)} lost, {len(verdict.doubled)} doubled, {len(verdict.other)} other")
    return 1 if problems else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/soak"))
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--rate", type=float, default=5_000.0, help="packets a second")
    parser.add_argument("--memory", type=int, default=256, help="of each watch [MiB]")
    parser.add_argument("--disk", type=int, default=256, help="size of the small disk [MiB]")
    parser.add_argument("--report", type=Path, help="write the report there too, and its picture")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        sys.exit(soak(options))
    namespaces = ["--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child=KILL"]
    again = ["unshare", *namespaces, "--", sys.executable, *sys.argv]
    os.execvp(again[0], [*again, "--inside"])


if __name__ == "__main__":
    main()
