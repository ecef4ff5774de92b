# SPDX-License-Identifier: Apache-2.0
"""``minewatch watch``, as a command and as a program of its own that is stopped and killed."""

import contextlib
import json
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import minewatch.lab
from export_programs import free_port
from minewatch.cli import errors
from minewatch.cli.watch import watch
from watched import capture, closed, mining, of_scan, ticking, web
from watched_records import exported, of_log_scan, simulated

DEMO = str(Path(minewatch.lab.__file__).with_name("demo.pcap"))
PROGRAM = """
import typer
from minewatch.cli.errors import CommandGroup
from minewatch.cli.watch import watch
app = typer.Typer(cls=CommandGroup)
app.callback()(lambda: None)
app.command("watch")(watch)
app()
"""
# Flow records are looked at every second, and not every half minute.
QUICK = """
from minewatch.watching.record_options import RecordWatchOptions
init = RecordWatchOptions.__init__
init.__defaults__ = (1.0, 0.3, *init.__defaults__[2:])
"""
QUICK += PROGRAM


@pytest.fixture
def watching():
    app = typer.Typer(cls=errors.CommandGroup)
    app.callback()(lambda: None)
    app.command("watch")(watch)
    return lambda *words: CliRunner().invoke(app, ["watch", *map(str, words)])


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return capture(
        tmp_path_factory.mktemp("cli") / "a.pcap",
        closed(mining(0, 6)),
        mining(200, 12, port=41_001),
        *(web(15 * i, 33_000 + i) for i in range(20)),
        ticking(500, every_s=2.0),
    )


@pytest.fixture
def start():
    """Start a watch as a program of its own; it ends with the test in any case."""
    started = []

    def begin(*words, program=PROGRAM):
        process = subprocess.Popen(
            [sys.executable, "-c", program, "watch", *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def ids(folder):
    lines = (folder / "alerts.jsonl").read_text().splitlines()
    return [(json.loads(line)["id"], json.loads(line)["revision"]) for line in lines]


def test_a_capture_is_watched_to_its_end(watching, path, tmp_path):
    result = watching("--from", path, "--sink", f"jsonl:{tmp_path}/alerts.jsonl")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert " new MEDIUM " in lines[0]
    assert "10.0.0.1 mines at 203.0.113.9:3333" in lines[0]
    assert lines[1].startswith("    On 10.0.0.1, find the process")
    assert f"{path}: " in result.stderr
    assert "conversations, " in result.stderr
    told = [line for line in lines if not line.startswith("    ")]
    assert len(ids(tmp_path)) == len(told) >= 2
    wanted = of_scan(path)
    assert {alert_id for alert_id, _ in ids(tmp_path)} == {one.id for one in wanted}


def test_with_checkpoints_alerts_are_kept_beside_them(watching, path, tmp_path):
    kept = tmp_path / "a folder"
    assert watching("--from", path, "--checkpoint", kept, "-q").exit_code == 0
    wanted = {one.id for one in of_scan(path)}
    assert {alert_id for alert_id, _ in ids(kept)} == wanted
    with contextlib.closing(sqlite3.connect(kept / "alerts.db")) as store:
        stored = store.execute("SELECT DISTINCT id FROM alert_revisions").fetchall()
    assert {alert_id for (alert_id,) in stored} == wanted


def test_quietly_only_the_sinks_are_told(watching, path, tmp_path):
    result = watching("--from", path, "-q", "--sink", f"jsonl:{tmp_path}/alerts.jsonl")
    assert (result.exit_code, result.output) == (0, "")
    assert ids(tmp_path)


def test_what_is_allowed_and_suppressed_is_told_so_or_not(watching, path, tmp_path):
    allow = tmp_path / "allow.toml"
    allow.write_text(
        '[[allow]]\nhost = "10.0.0.1"\nowner = "ops"\nreason = "x"\nexpires = 2999-01-01\n'
    )
    result = watching("--from", path, "--allow", allow)
    assert "as allowed" in result.stdout
    assert " LOW " in result.stdout.splitlines()[0]
    quiet = tmp_path / "quiet.toml"
    quiet.write_text(
        '[[suppress]]\nhost = "10.0.0.1"\nowner = "ops"\nreason = "x"\nuntil = 2999-01-01\n'
    )
    result = watching("--from", path, "--suppress", quiet)
    assert result.stdout == ""
    assert "0 times told" in result.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "nothing to watch; name an interface"),
        (["--netflow", "127.0.0.1:2055"], "nothing to watch; say --from collector too"),
        (["lo", "--from", "a"], "and not both"),
        (["-"], "-: no interface; to read it, say --from -"),
        (["./a.pcap"], "./a.pcap: no interface; to read it, say --from ./a.pcap"),
        (["--from", "collector"], "nowhere to listen; give --netflow"),
        (["--from", "a", "--sflow", "127.0.0.1:1"], "--sflow goes with --from collector alone"),
        (["lo", "--exporters", "10.0.0.0/8"], "--exporters goes with --from collector alone"),
        (["--from", "collector", "--netflow", "2055"], "--netflow 2055: no address and port"),
        (
            ["--from", "collector", "--netflow", "127.0.0.1:0", "--exporters", "x"],
            "--exporters x: ",
        ),
        (["--from", "a", "--input-format", "x"], "--input-format 'x': not known"),
        (["--from", "a", "--filter", "tcp"], "--filter and --user are for interfaces"),
        (["--from", "/nothing"], "/nothing: no such file"),
        (["--from", "/dev/null"], "empty"),
        (["--from", DEMO, "--memory", "3"], "64 MiB or more"),
        (["--from", DEMO, "--threshold", "7"], "--threshold"),
        (["there-is-none"], "there-is-none"),
    ],
)
def test_mistakes_are_one_line(watching, words, reason):
    result = watching(*words)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("sink", ["pigeon:roof", "jsonl:/nowhere/at/all.jsonl"])
def test_a_sink_that_is_none_is_told_before_anything_is_read(watching, path, sink):
    result = watching("--from", path, "--sink", "jsonl:-", "--sink", sink)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_a_pipe_is_watched_as_it_comes_and_sigterm_leaves_a_checkpoint(start, path, tmp_path):
    octets = Path(path).read_bytes()
    kept, sink = tmp_path / "kept", f"jsonl:{tmp_path}/alerts.jsonl"
    process = start("--from", "-", "--checkpoint", kept, "--sink", sink)
    half = len(octets) // 2
    process.stdin.write(octets[:half])
    process.stdin.flush()
    assert b" new MEDIUM " in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert (kept / "checkpoint-0.state").exists() or (kept / "checkpoint-1.state").exists()
    told_before = ids(tmp_path)
    assert [revision for _, revision in told_before] == list(range(1, len(told_before) + 1))


def test_killed_and_started_again_a_file_gives_the_same_alerts(start, path, tmp_path):
    words = ("--from", path, "--checkpoint", tmp_path / "kept", "-q")
    words += ("--sink", f"jsonl:{tmp_path}/alerts.jsonl")
    for _ in range(2):
        process = start(*words)
        time.sleep(2.5)
        process.kill()
        process.communicate()
    process = start(*words)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    latest = dict(ids(tmp_path))
    assert set(latest) == {one.id for one in of_scan(path)}
    again = start(*words)
    again.communicate(timeout=120)
    assert dict(ids(tmp_path)) == latest


def test_sighup_reads_the_files_again_and_a_mistake_changes_nothing(start, path, tmp_path):
    octets = Path(path).read_bytes()
    allow = tmp_path / "allow.toml"
    allow.write_text("")
    process = start("--from", "-", "--allow", allow)
    process.stdin.write(octets[:6_000])
    process.stdin.flush()
    first = process.stdout.readline()
    assert b"as allowed" not in first
    allow.write_text("nonsense")
    process.send_signal(signal.SIGHUP)
    assert b"what was read before stays in use" in process.stderr.readline()
    allow.write_text(
        '[[allow]]\nhost = "10.0.0.1"\nowner = "ops"\nreason = "x"\nexpires = 2999-01-01\n'
    )
    process.send_signal(signal.SIGHUP)
    time.sleep(1.5)
    out, err = process.communicate(octets[6_000:], timeout=60)
    assert process.returncode == 0, err
    assert b"as allowed" in out


def test_another_watch_of_the_same_folder_is_refused(start, path, tmp_path):
    process = start("--from", "-", "--checkpoint", tmp_path / "kept")
    process.stdin.write(Path(path).read_bytes()[:3_000])
    process.stdin.flush()
    process.stdout.readline()
    other = start("--from", path, "--checkpoint", tmp_path / "kept")
    _, err = other.communicate(timeout=60)
    assert other.returncode == 2
    assert b"another watch uses it" in err


@pytest.mark.namespace
def test_an_interface_is_watched_until_the_time_is_over(start):
    """Loopback, with a filter that lets a few datagrams of ours pass."""
    process = start("lo", "--filter", "udp dst port 47113", "--for", "3")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            sender.sendto(b"hello", ("127.0.0.1", 47_113))
            time.sleep(0.05)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert b"lo: " in err
    packets = int(err.split(b"lo: ")[1].split()[0].replace(b",", b""))
    assert packets >= 20
    assert out == b""


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    return exported(simulated(folder), folder, "ipfix")


@pytest.fixture(scope="module")
def log_alerts(log):
    """The ids of the alerts that stand at the end of a scan."""
    return {one.id for one in of_log_scan(log)}


def standing(folder):
    """The ids of the alerts that stand by what was told last of each."""
    lines = (folder / "alerts.jsonl").read_text().splitlines()
    latest = {json.loads(line)["id"]: json.loads(line) for line in lines}
    return {alert_id for alert_id, one in latest.items() if one["conversations"]}


def test_flow_logs_are_watched_as_they_stand(watching, log, log_alerts, tmp_path):
    result = watching("--from", log, "--sink", f"jsonl:{tmp_path}/alerts.jsonl")
    assert result.exit_code == 0
    assert f"{log}: 2,103 flow records, " in result.stderr
    assert " new " in result.stdout
    assert standing(tmp_path) == log_alerts
    assert len(log_alerts) == 8


def test_flow_logs_may_come_by_a_pipe(start, log, log_alerts, tmp_path):
    words = ("--input-format", "netflow", "-q", "--sink", f"jsonl:{tmp_path}/alerts.jsonl")
    process = start("--from", "-", *words)
    out, err = process.communicate(Path(log).read_bytes(), timeout=120)
    assert (process.returncode, out, err) == (0, b"", b"")
    assert standing(tmp_path) == log_alerts


def test_one_who_waits_for_flow_logs_ends_when_asked_to(start, log, tmp_path):
    """The pipe stays open, and nobody writes to it any more."""
    words = ("--input-format", "netflow", "--checkpoint", tmp_path / "kept")
    process = start("--from", "-", *words)
    process.stdin.write(Path(log).read_bytes())
    process.stdin.flush()
    until((tmp_path / "kept" / "lock").exists, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert list((tmp_path / "kept").glob("checkpoint-*"))


def test_killed_and_started_again_a_flow_log_gives_the_same_alerts(
    start, log, log_alerts, tmp_path
):
    words = ("--checkpoint", tmp_path / "kept", "-q", "--sink", f"jsonl:{tmp_path}/alerts.jsonl")
    for _ in range(2):
        process = start("--from", log, *words)
        until = time.monotonic() + 60
        while not list((tmp_path / "kept").glob("checkpoint-*")) and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)
        process.kill()
        process.communicate()
    process = start("--from", log, *words)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert standing(tmp_path) == log_alerts


def messages(log):
    """The messages of an IPFIX file, each of which is a datagram."""
    octets, at = Path(log).read_bytes(), 0
    while at < len(octets):
        length = int.from_bytes(octets[at + 2 : at + 4], "big")
        yield octets[at : at + length]
        at += length


def templates(message):
    """A message with the templates of another one, as exporters send them again and again."""
    at, kept = 16, b""
    while at < len(message):
        number, length = struct.unpack_from(">HH", message, at)
        kept += message[at : at + length] if number < 4 else b""
        at += length
    return message[:2] + struct.pack(">H", 16 + len(kept)) + message[4:16] + kept


def send(port, datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        for datagram in datagrams:
            one.sendto(datagram, ("127.0.0.1", port))
            time.sleep(0.001)


def line_of(process):
    """The next line of alerts; none if it takes too long."""
    timer = threading.Timer(60, process.kill)
    timer.start()
    try:
        return process.stdout.readline().decode()
    finally:
        timer.cancel()


def until(is_so, process, seconds=60):
    end = time.monotonic() + seconds
    while not is_so():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_exporters_send_is_told_while_it_runs_and_a_kill_loses_nothing(
    start, log, log_alerts, tmp_path
):
    """Killed when half has come: without what was kept of that half not all would be found."""
    port, sink = free_port(), tmp_path / "alerts.jsonl"
    words = ("--from", "collector", "--netflow", f"127.0.0.1:{port}", "--exporters", "127.0.0.0/8")
    words += ("--checkpoint", tmp_path / "kept", "--sink", f"jsonl:{sink}")
    some = list(messages(log))
    process = start(*words, program=QUICK)
    assert f"listening on 127.0.0.1:{port}" in process.stderr.readline().decode()
    send(port, some[: len(some) // 2])
    until(lambda: len(list((tmp_path / "kept").glob("checkpoint-*"))) == 2, process)
    process.kill()
    process.communicate()
    process = start(*words, program=QUICK)
    process.stderr.readline()
    send(port, [templates(some[0]), *some[len(some) // 2 :]])
    until(lambda: sink.exists() and standing(tmp_path) == log_alerts, process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert standing(tmp_path) == log_alerts
    assert b" flow records, " in err


def test_one_who_is_not_named_may_not_send(start, log):
    port = free_port()
    words = ("--netflow", f"127.0.0.1:{port}", "--exporters", "192.0.2.0/24")
    process = start("--from", "collector", *words, "--for", "3", program=QUICK)
    process.stderr.readline()
    send(port, messages(log))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, b"")
    assert b"0 flow records" in err
    assert f"{len(list(messages(log)))} refused".encode() in err
