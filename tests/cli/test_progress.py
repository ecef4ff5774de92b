# SPDX-License-Identifier: Apache-2.0
import gzip
import io
import os
import pty
import re
import subprocess
import sys

from minewatch.cli.progress import ProgressBar, is_shown, total_octets
from minewatch.readers.capture import CaptureCounters
from minewatch.readers.source import Input


def found(path):
    return Input(str(path), str(path), path.stat().st_size)


def test_the_total_is_known_for_plain_files_only(mining_pcap, benign_pcap, tmp_path):
    plain = [found(mining_pcap), found(benign_pcap)]
    assert total_octets(plain) == sum(path.stat().st_size for path in (mining_pcap, benign_pcap))
    packed = tmp_path / "a.pcap.gz"
    packed.write_bytes(gzip.compress(mining_pcap.read_bytes()))
    assert total_octets([*plain, found(packed)]) is None
    assert total_octets([Input("standard input", "-", None)]) is None


def test_nothing_is_shown_without_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not is_shown(quiet=False)
    with ProgressBar([Input("a", "a", 1)], quiet=False) as bar, bar.paused():
        bar.begin(Input("a", "a", 1), CaptureCounters())
        bar.advance(1)
    assert sys.stderr.getvalue() == ""


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
