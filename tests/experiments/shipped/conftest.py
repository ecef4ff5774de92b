# SPDX-License-Identifier: Apache-2.0
"""Labelled traffic: the demonstration capture, the AWS log of it, and two logs written by hand."""

import random
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

import zeek_logs
from minewatch import registry
from minewatch.experiments.shipped.defaults import default_options
from minewatch.experiments.shipped.inputs import plan
from minewatch.experiments.shipped.measure import measure
from minewatch.exporting.export import Exporter, settings_for
from minewatch.output.destination import Destination
from minewatch.pipeline import PipelineOptions
from minewatch.readers.capture import CaptureSource
from minewatch.readers.source import Input

START = 1_700_000_000
DEMO = "demo.pcap", "demo-aws.log"
HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start "
    "end action log-status\n"
)


def aws_line(source, to, packets, octets, minute):
    """One direction of one minute."""
    begin = START + 60 * minute
    (ip, port), (peer, peer_port) = source, to
    return (
        f"2 123456789010 eni-1 {ip} {peer} {port} {peer_port} 6 {packets} {octets} {begin} "
        f"{begin + 59} ACCEPT OK\n"
    )


def aws_log() -> str:
    """A miner for two hours, a download, a miner seen for one window, and one line that is none."""
    draw = random.Random(4)
    lines = [HEADER]
    miner, pool = ("10.0.0.5", 41022), ("203.0.113.9", 3333)
    for minute in range(120):
        n = draw.choice((2, 3, 4, 5))
        lines.append(aws_line(miner, pool, 2 * n, n * 240 + 104, minute))
        lines.append(aws_line(pool, miner, 2 * n, n * 420 + 104, minute))
    web, site = ("10.0.0.6", 50000), ("198.51.100.1", 443)
    for minute in range(3):
        lines.append(aws_line(web, site, 9_000, 500_000, minute))
        lines.append(aws_line(site, web, 20_000, 28_000_000, minute))
    short = ("10.0.0.7", 50001)
    lines.append(aws_line(short, pool, 3, 300, 5))
    lines.append(aws_line(pool, short, 2, 200, 5))
    lines.append("2 123456789010 eni-1 x 203.0.113.9 1 1 6 1 1 1 1 ACCEPT OK\n")
    return "".join(lines)


def zeek_log() -> str:
    """A connection of a miner, a database's, and one of UDP."""
    rows = [
        zeek_logs.line(
            uid="C1",
            id__orig_p="40000",
            duration="7200.5",
            orig_bytes="60000",
            resp_bytes="120000",
            orig_pkts="900",
            orig_ip_bytes="96000",
            resp_pkts="880",
            resp_ip_bytes="155200",
        ),
        zeek_logs.line(uid="C2", id__orig_p="40001", id__resp_h="10.0.0.9", id__resp_p="5432"),
        zeek_logs.line(uid="C3", id__orig_p="40002", id__resp_p="53", proto="udp", history="Dd"),
    ]
    return zeek_logs.header() + "".join(rows)


LABELS = [
    ("capture", "source", "label", "address", "port"),
    *(
        (name, "demo", *rule)
        for name in DEMO
        for rule in (
            ("mining", "203.0.113.20", "443"),
            ("mining", "203.0.113.10", "3333"),
            ("normal", "", ""),
        )
    ),
    ("hand.log", "office", "mining", "203.0.113.9", "3333"),
    ("hand.log", "office", "mining", "203.0.113.99", ""),
    ("hand.log", "office", "normal", "", ""),
    ("zeek", "office", "mining", "203.0.113.7", "3333"),
    ("zeek", "branch", "normal", "10.0.0.9", "5432"),
]


def write_labels(path: Path, rows) -> Path:
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return path


def export_demo(capture: Path, log: Path) -> None:
    options = PipelineOptions()
    with Destination(str(log)) as destination:
        exporter = Exporter(destination, "aws-v5", settings_for("aws-v5"), options.home)
        size = capture.stat().st_size
        exporter.export(CaptureSource(Input("demo", str(capture), size)), options)
        exporter.finish()


@pytest.fixture(scope="session")
def labelled(tmp_path_factory):
    """A labels file beside what it names."""
    folder = tmp_path_factory.mktemp("shipped")
    shutil.copy(str(files("minewatch") / "lab" / "demo.pcap"), folder / DEMO[0])
    export_demo(folder / DEMO[0], folder / DEMO[1])
    (folder / "hand.log").write_text(aws_log(), encoding="utf-8")
    (folder / "zeek").mkdir()
    (folder / "zeek" / "conn.log").write_text(zeek_log(), encoding="utf-8")
    return write_labels(folder / "labels.tsv", LABELS)


@pytest.fixture(scope="session")
def measured(labelled):
    """What ships, measured on all of them."""
    formats = registry.flow_formats()
    return measure(plan([str(labelled)], formats), default_options(), formats)
