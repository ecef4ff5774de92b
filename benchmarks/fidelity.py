# SPDX-License-Identifier: Apache-2.0
"""Compare made mining with recorded mining, and write what was found as a page.

    python benchmarks/fidelity.py LABELS --lab lab=DIR -o docs/benchmark/fidelity.md

LABELS labels the recordings (``scripts/make_labels.py FOLDER``). Simulations that are not given
with ``--simulated NAME=DIR`` are made in a temporary folder (a minute). ``--lab NAME=DIR`` names
lab runs: ``lab`` any, ``twin`` one made by ``benchmarks/xmrig_lab.py``.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl

from minewatch.experiments.fidelity.packets import mining_packets
from minewatch.experiments.fidelity.report import Group, fidelity_report

SIMULATIONS = {
    "f2pool": ("f2pool", 60, 60, 2.0, 5, 1),
    "f2pool-2": ("f2pool", 60, 60, 2.0, 5, 2),
    "f2pool-3": ("f2pool", 60, 60, 2.0, 5, 3),
    "f2pool-4": ("f2pool", 60, 60, 2.0, 5, 4),
    "xmrig-lab": ("xmrig-lab", 48, 48, 0.0279, 8, 1),
    "xmrig-lab-2": ("xmrig-lab", 48, 48, 0.0279, 8, 2),
    "ethminer": ("ethminer", 24, 24, 0.5, 4, 1),
    "wild": ("wild", 1_500, 400, 0.5, 20, 1),
}
"""By name: composition, conversations, mining, days, servers, seed."""

TEXT = Path(__file__).with_name("fidelity.txt")


def simulate(name: str, folder: Path) -> Path:
    """Make one of ``SIMULATIONS``."""
    composition, conversations, mining, days, servers, seed = SIMULATIONS[name]
    command = f"""simulate -q -o {folder} --composition {composition} --servers {servers}
        --conversations {conversations} --mining {mining} --days {days} --seed {seed}"""
    program = Path(sys.executable).with_name("minewatch")
    subprocess.run([program, *command.split()], check=True)
    return folder


def recorded(labels: str) -> dict[str, Group]:
    """Return the recordings by source."""
    packets = mining_packets(labels)
    source = pl.col("source")
    monero = packets.filter(source == "cj-sniffer-monero")
    # The captures are named by when they began, seconds since 1970.
    began = pl.col("capture").str.extract(r"(\d{10})_").cast(pl.Int64)
    parts = {
        "cj-sniffer": monero,
        "lab-xmrig": packets.filter(source == "lab-xmrig"),
        "tier A": packets.filter(source.is_in(["nesfit", "jsiwek"])),
        "cj-sniffer ETH": packets.filter(source == "cj-sniffer-ethereum"),
        "cj-sniffer, one half": monero.filter(pl.col("conversation") % 2 == 0),
        "cj-sniffer, other half": monero.filter(pl.col("conversation") % 2 == 1),
        "cj-sniffer, to March 2021": monero.filter(began < 1_617_235_200),
        "cj-sniffer, from April 2021": monero.filter(began >= 1_617_235_200),
    }
    return {name: Group(name, part) for name, part in parts.items()}


def made(what: str, folder: Path) -> Group:
    """Return what a simulation or a lab run made: CryptoNote in the clear, of mixed ones."""
    packets = mining_packets(folder / "labels.tsv")
    if what in ("wild", "lab"):
        is_plain = (pl.col("transport") == "tcp") & pl.col("evasion").fill_null("").eq("")
        packets = packets.filter(is_plain, pl.col("dialect").str.starts_with("cryptonote"))
    return Group(what, packets)


def report(real: dict[str, Group], ours: dict[str, Group]) -> str:
    """Return the tables."""

    def pairs(*names: tuple[str, str]) -> list[tuple[Group, Group]]:
        every = real | ours
        return [(every[a], every[b]) for a, b in names if a in every and b in every]

    compared = pairs(
        ("f2pool", "cj-sniffer"),
        ("xmrig-lab", "lab-xmrig"),
        ("twin", "lab-xmrig"),
        ("ethminer", "cj-sniffer ETH"),
        ("wild", "cj-sniffer"),
        ("wild", "lab-xmrig"),
        ("wild", "tier A"),
        ("lab", "cj-sniffer"),
        ("lab", "lab-xmrig"),
        ("lab", "tier A"),
        ("cj-sniffer", "lab-xmrig"),
        ("cj-sniffer", "tier A"),
        ("cj-sniffer, to March 2021", "cj-sniffer, from April 2021"),
        ("f2pool", "f2pool-2"),
    )
    judged = pairs(
        *((name, "cj-sniffer") for name in SIMULATIONS if name.startswith("f2pool")),
        *((name, "lab-xmrig") for name in SIMULATIONS if name.startswith("xmrig-lab")),
        ("twin", "lab-xmrig"),
        ("ethminer", "cj-sniffer ETH"),
        ("wild", "cj-sniffer"),
        ("wild", "lab-xmrig"),
        ("cj-sniffer", "lab-xmrig"),
        ("cj-sniffer, to March 2021", "cj-sniffer, from April 2021"),
        ("cj-sniffer, one half", "cj-sniffer, other half"),
        ("f2pool", "f2pool-2"),
        ("xmrig-lab", "xmrig-lab-2"),
    )
    return fidelity_report(compared, [real["cj-sniffer"], real["lab-xmrig"]], judged)


def named(text: str) -> tuple[str, Path]:
    name, _, folder = text.partition("=")
    if not folder:
        raise argparse.ArgumentTypeError(f"{text}: NAME=DIR")
    return name, Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labels", metavar="LABELS", help="of the recordings")
    parser.add_argument("--simulated", action="append", type=named, default=[], metavar="NAME=DIR")
    parser.add_argument("--lab", action="append", type=named, default=[], metavar="NAME=DIR")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE")
    asked = parser.parse_args()

    given = dict(asked.simulated)
    if unknown := set(given) - set(SIMULATIONS):
        parser.error(f"--simulated {', '.join(unknown)}: one of {', '.join(SIMULATIONS)}")
    if unknown := {name for name, _ in asked.lab} - {"lab", "twin"}:
        parser.error(f"--lab {', '.join(unknown)}: lab or twin")
    with tempfile.TemporaryDirectory(prefix="fidelity-") as temporary:
        ours = {
            name: made(name, given.get(name) or simulate(name, Path(temporary, name)))
            for name in SIMULATIONS
        }
    ours |= {name: made(name, folder) for name, folder in asked.lab}
    text = TEXT.read_text(encoding="utf-8") + "\n" + report(recorded(asked.labels), ours)
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
