# SPDX-License-Identifier: Apache-2.0
import gzip
import io
import os
import pty
import re
import subprocess
import sys

from minewatch.cli import progress
from minewatch.cli.progress import ProgressBar, is_shown, total_octets
from minewatch.readers.capture import CaptureCounters
from minewatch.readers.source import Input
from minewatch.records import RecordCounters


def found(path):
    return Input(str(path), str(path), path.stat().st_size)


def test_the_total_is_known_for_plain_files_only(mining_pcap, benign_pcap, tmp_path):
    plain = [found(mining_pcap), found(benign_pcap)]
    assert total_octets(plain) == sum(path.stat().st_size for path in (mining_pcap, benign_pcap))
    packed = tmp_path / "a.pcap.gz"
    packed.write_bytes(gzip.compress(mining_pcap.read_bytes()))
    assert total_octets([*plain, found(packed)]) is None
    assert total_octets([Input("standard input", "-", None)]) is None
    assert total_octets([*plain, Input("a", "s3://flows/a.pcap", 5)]) is None
    # Of flow logs the octets on disk are counted, packed as they are.
    log = Input("a", "s3://flows/a.gz", 5, "aws")
    assert total_octets([*plain, log]) == total_octets(plain) + 5
    assert total_octets([Input("standard input", "-", None, "aws")]) is None


def test_nothing_is_shown_without_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not is_shown(quiet=False)
    with ProgressBar([Input("a", "a", 1)], quiet=False) as bar, bar.paused():
        bar.begin(Input("a", "a", 1), CaptureCounters())
        bar.advance(1)
    assert sys.stderr.getvalue() == ""


def test_octets_and_items_of_all_inputs_add_up(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    inputs = [Input("a.pcap", "a.pcap", 30), Input("b.log", "b.log", 100, "aws")]
    bar = ProgressBar(inputs, quiet=False)
    told = []
    monkeypatch.setattr(bar._bar, "update", lambda _, **fields: told.append(fields))
    monkeypatch.setattr(progress.time, "monotonic", iter(range(1, 100)).__next__)
    with bar:
        capture = CaptureCounters(packets_seen=3_000_000, octets_read=30)
        bar.begin(inputs[0], capture)
        bar.advance(20)
        bar.begin(inputs[1], RecordCounters(octets_read=50, rows_seen=8_000_000))
        bar.advance(50)
    assert [(one["description"], one["completed"]) for one in told] == [
        ("a.pcap", 20),
        ("b.log", 80),
    ]
    assert [one["rate"].partition(" ")[2] for one in told] == ["M packets/s", "M records/s"]
    # The clock that was put in goes on by a second with each look: begun at 1, told at 3 and 5.
    assert [one["rate"].partition(" ")[0] for one in told] == ["1.50", "2.75"]


def on_a_terminal(*arguments):
    """Standard error of a command, as a terminal gets it."""
    master, slave = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "minewatch", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=slave,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
        check=False,
    )
    os.close(slave)
    text = b""
    try:
        while part := os.read(master, 65536):
            text += part
    except OSError:  # Linux says so when the last writer has gone
        pass
    os.close(master)
    return done, text.decode()


def test_a_terminal_sees_a_bar_and_standard_output_does_not(mining_pcap):
    done, text = on_a_terminal("scan", mining_pcap, "--format", "jsonl")
    assert "compiles" in text or "mining.pcap" in text
    assert re.search(r"[━╸]{5}|-{5}", text)
    assert len(done.stdout.splitlines()) == 1


def test_quiet_shows_none(mining_pcap):
    _, text = on_a_terminal("scan", mining_pcap, "--format", "jsonl", "--quiet")
    assert text == ""
