# SPDX-License-Identifier: Apache-2.0
"""Writes a soak down: what was done, what went wrong when, what arrived, memory, packets."""

from __future__ import annotations

import os
import platform
import re
import shutil
import statistics
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from soak_check import Store, Verdict
from soak_figures import (
    FLAT,
    LIFE_WARM_S,
    WARM_S,
    Memory,
    Sent,
    delays,
    memory_of,
    packets_of,
    told_at,
)
from soak_picture import draw
from soak_plan import TITLES

if TYPE_CHECKING:
    from soak import Soak

NAME = "soak.md"
SHOWN = 20
SLOW_S = 60.0


def write(run: Soak, verdict: Verdict, out: Path) -> Path:
    """Write report and picture into a folder; return the report's path."""
    path = out / NAME
    draw([run.watch, run.second], run.faults.happened, path.with_suffix(".svg"))
    path.write_text("\n".join(_lines(run, verdict)) + "\n")
    return path


def publish(written: Path, path: Path) -> None:
    """Put a report where it is read, with its picture beside it."""
    picture = path.with_suffix(".svg")
    shutil.copy(written.with_suffix(".svg"), picture)
    text = written.read_text().replace(f"({written.with_suffix('.svg').name})", f"({picture.name})")
    part = path.with_name(f".{path.name}.part")
    part.write_text(text)
    part.replace(path)


def _lines(run: Soak, verdict: Verdict) -> Iterator[str]:
    minutes = run.plan.seconds / 60
    yield f"# {minutes:g} minutes under load, in which much goes wrong"
    yield ""
    yield (
        "Made by `benchmarks/soak.py`: two watches of one interface, traffic that is new all the "
        "time, miners that begin one after another, and faults at times drawn from a seed. "
        "Every alert must be in every store, once in the databases, and memory must not grow."
    )
    yield ""
    yield from _machine(run)
    yield ""
    yield "## Result"
    yield ""
    yield from _result(run, verdict)
    yield ""
    yield "## What went wrong when"
    yield ""
    yield from _faults(run)
    yield ""
    yield "## What arrived"
    yield ""
    yield from _stores(run)
    yield ""
    yield "## Memory"
    yield ""
    yield from _memory(run)
    yield ""
    yield "## Packets"
    yield ""
    yield from _packets(run)
    yield ""
    yield "## Time to the alert"
    yield ""
    yield from _delays(run)


def _machine(run: Soak) -> Iterator[str]:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    gib = int(memory[1]) / (1 << 20) if memory else 0.0
    began = datetime.fromtimestamp(run.began_s, UTC)
    yield "```text"
    yield (
        f"python benchmarks/soak.py --minutes {run.plan.seconds / 60:g} --seed {run.plan.seed} "
        f"--rate {run.options.rate:g} --memory {run.options.memory} --disk {run.options.disk}"
    )
    yield "```"
    yield ""
    yield (
        f"{began:%Y-%m-%d %H:%M} UTC; {os.cpu_count()} processors "
        f"({cpu[1] if cpu else platform.machine()}), {gib:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}. Load average while it ran: median "
        f"{statistics.median(run.loads):.1f}, highest {max(run.loads):.1f}."
    )


def _result(run: Soak, verdict: Verdict) -> Iterator[str]:
    kinds = {"lost": verdict.lost, "doubled": verdict.doubled, "other": verdict.other}
    for name, lines in kinds.items():
        yield f"- {name.capitalize()}: {len(lines)}"
        yield from (f"  - {line}" for line in lines[:SHOWN])
    memories = [
        memory_of(life, run.plan) for watch in (run.watch, run.second) for life in watch.lives
    ]
    looked_at = [one for one in memories if one.span_s]
    flat = sum(one.is_flat for one in looked_at)
    yield (
        f"- Memory: flat in {flat} of {len(looked_at)} processes that lived long enough to tell. "
        "Flat means that the line through the sizes rises by at most "
        f"{FLAT:.0%} of their median in all the time looked at."
    )
    if verdict.explained:
        yield (
            f"- Second alerts that had to be: {len(verdict.explained)}. The clock of the second "
            "watch jumped by an hour while these mined, and an alert ends after an hour without "
            "traffic."
        )


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"


def _clock(at_s: float) -> str:
    minutes, seconds = divmod(round(at_s), 60)
    return f"{minutes}:{seconds:02d}"


def _faults(run: Soak) -> Iterator[str]:
    told_s = told_at(run.stores[0], run.began_s)
    rows = []
    for one in sorted(run.faults.happened, key=lambda one: one.start_s):
        told = sum(one.start_s <= at_s <= one.end_s for at_s in told_s)
        about = (TITLES[one.fault.kind], one.note, told)
        rows.append((_clock(one.start_s), _clock(one.end_s), *about))
    yield from _table(("from", "until", "fault", "", "told meanwhile"), rows)
    yield ""
    yield (
        "Minutes and seconds after the first packet. A kill is over when the next watch serves its "
        "counters."
    )


def _stores(run: Soak) -> Iterator[str]:
    stores = [*run.stores, run.store_of_second]
    pairs = run.plan.pairs

    def row(store: Store) -> tuple[object, ...]:
        ids = store.ids()
        return (
            store.name,
            f"{len(pairs & ids.keys())} of {len(pairs)}",
            len(ids.keys() - pairs),
            len(store.tellings),
            store.repeated,
            sum(len(found) > 1 for found in ids.values()),
        )

    head = (
        "store",
        "miners alerted",
        "other pairs",
        "tellings",
        "repeated",
        "pairs with two alerts",
    )
    yield from _table(head, [row(store) for store in stores])
    yield ""
    yield (
        "A miner is a host at a pool, and makes two sessions. Other pairs are alerts of ordinary "
        "traffic. A telling is a revision of an alert. Files and webhooks may get one again after "
        "a kill, and know it by id and revision."
    )


def _memory(run: Soak) -> Iterator[str]:
    rows = []
    for watch in (run.watch, run.second):
        for number, life in enumerate(watch.lives, 1):
            rows.append((f"{watch.name} {number}", *_memory_row(memory_of(life, run.plan))))
    head = (
        "process",
        "from",
        "until",
        "end",
        "peak MiB",
        "median MiB",
        "looked at",
        "MiB an hour",
        "flat",
    )
    yield from _table(head, rows)
    yield ""
    part = min(1.0, run.plan.seconds / 3600)
    yield (
        f"Resident memory, every 10 s; each watch has `--memory {run.options.memory}`, and the "
        "program itself takes some 400 MiB more. Looked at is what is later than "
        f"{WARM_S * part / 60:.3g} minutes after the first packet and "
        f"{LIFE_WARM_S * part / 60:.3g} after its process was ready. The second watch is never "
        "killed."
    )
    yield ""
    yield (
        f"Checkpoints, spool, JSON Lines and SQLite took {max(run.disk_mib):.0f} MiB of the small "
        f"disk's {run.options.disk} at most."
    )
    yield ""
    yield "![Memory of both watches over time, with the faults](soak.svg)"


def _memory_row(one: Memory) -> tuple[object, ...]:
    life = one.life
    seen = (f"{one.span_s / 60:.1f} min", f"{one.slope:+.1f}", "yes" if one.is_flat else "**no**")
    return (
        _clock(max(0.0, life.start_s)),
        _clock(life.end_s),
        life.end,
        f"{life.peak_mib:.0f}",
        f"{one.median_mib:.0f}",
        *(seen if one.span_s else ("too short", "", "")),
    )


def _packets(run: Soak) -> Iterator[str]:
    sent = Sent.read(run.out / "sent.txt")
    one = packets_of(run.watch, sent)
    biflows = int(run.second.lives[-1].last("minewatch_biflows"))
    seen_by_second = int(run.second.lives[-1].last("minewatch_packets"))
    rows = [
        ("sent", one.sent, f"{one.sent / run.plan.seconds:,.0f} a second"),
        ("not taken by the wire", one.refused, "while the interface was down"),
        ("received by the watch", one.received, f"{one.received / one.sent:.3%}"),
        (
            "dropped by the kernel",
            one.dropped,
            f"not read in time; {one.dropped_early:,} of them before the watch was ready",
        ),
        (
            "neither",
            one.missing,
            f"{one.unwatched:,} were sent between a kill and when the next watch was ready",
        ),
        ("metered by the second watch", seen_by_second, f"{seen_by_second / one.sent:.3%}"),
        ("conversations in the second watch", biflows, ""),
    ]
    yield from _table(("packets", "", ""), [(name, f"{n:,}", text) for name, n, text in rows])


def _delays(run: Soak) -> Iterator[str]:
    found = delays(run.plan, run.stores[0], run.posts(), run.began_s)
    if not found:
        yield "No alert."
        return
    for name, values in (
        ("told", sorted(one.alert_s for one in found)),
        ("posted to the webhook", sorted(one.post_s for one in found)),
    ):
        yield (
            f"- From a miner's first packet until its alert was {name}: median "
            f"{statistics.median(values):.0f} s, nine of ten within "
            f"{values[int(0.9 * (len(values) - 1))]:.0f} s, longest {values[-1]:.0f} s."
        )
    slow = [one for one in found if one.alert_s > SLOW_S]
    yield f"- Told later than {SLOW_S:.0f} s after the first packet: {len(slow)} of {len(found)}."
    for one in slow[:SHOWN]:
        end_s = one.start_s + one.alert_s
        kinds = {
            other.fault.kind
            for other in run.faults.happened
            if other.start_s < end_s and other.end_s > one.start_s
        }
        reasons = ", ".join(sorted(kinds)) or "no fault"
        begun = _clock(one.start_s)
        yield f"  - begun at {begun}, told after {one.alert_s:.0f} s; meanwhile: {reasons}"
