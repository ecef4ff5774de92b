# SPDX-License-Identifier: Apache-2.0
import os
import signal
import subprocess
import sys
import time

import pytest
import typer
from typer.testing import CliRunner

from minewatch.cli.errors import CommandGroup, complain
from minewatch.errors import SourceError


def app_that(action):
    app = typer.Typer(cls=CommandGroup, pretty_exceptions_enable=False)
    app.command("one")(action)
    app.command("two")(lambda: None)
    return app


def fail(error):
    def action():
        raise error

    return action


def test_an_error_of_ours_is_one_line_and_status_2():
    result = CliRunner().invoke(app_that(fail(SourceError("a.pcap", "cut", 7))), ["one"])
    assert (result.exit_code, result.stderr) == (2, "minewatch: a.pcap: offset 7: cut\n")


def test_an_interrupt_is_one_line_and_status_130():
    result = CliRunner().invoke(app_that(fail(KeyboardInterrupt())), ["one"])
    assert result.exit_code == 130
    assert result.stderr == "minewatch: interrupted; no output file was written\n"


def test_an_interrupt_of_an_import_is_one_too():
    """ONNX Runtime turns what hits its import into an error of its own."""

    def action():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from error

    result = CliRunner().invoke(app_that(action), ["one"])
    assert result.exit_code == 130
    assert result.stderr == "minewatch: interrupted; no output file was written\n"


def test_a_defect_of_ours_is_never_status_1():
    result = CliRunner().invoke(app_that(fail(KeyError("x"))), ["one"])
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("minewatch: this is a defect")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["scan"], "Missing argument 'INPUT'; see minewatch scan --help"),
        (["scan", "--zzz"], "No such option: --zzz; see minewatch scan --help"),
        (["bogus"], "No such command 'bogus'; see minewatch --help"),
        (["--bogus"], "No such option: --bogus; see minewatch --help"),
        (["scan", "x", "--interval", "soon"], "Invalid value for '--interval'"),
    ],
)
def test_a_bad_command_line_is_one_line_and_status_2(run, arguments, text):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(f"minewatch: {text}")


def test_complaints_cannot_act_on_a_terminal(capsys):
    complain("a\x1b[2J\nb\u202ec")
    assert capsys.readouterr().err == "minewatch: a?[2J b?c\n"


COMMANDS = (
    ["--help"],
    ["scan", "--all", "-q"],
    ["scan", "-q", "--format", "jsonl"],
    ["meter", "-q", "--format", "csv"],
    ["schema"],
    ["schema", "--format", "jsonl"],
)


def with_capture(command, capture):
    return [*command, str(capture)] if command[0] in ("scan", "meter") else command


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_closed_pipe_is_silent_and_not_mining(mining_pcap, command):
    """`minewatch ... | head -1`, with the reader gone before anything is written."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "minewatch", *with_capture(command, mining_pcap)],
        stdout=write_end,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_full_disk_is_one_line_and_status_2(mining_pcap, command):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "minewatch", *with_capture(command, mining_pcap)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    text = "minewatch: standard output: No space left on device; what was written is not whole\n"
    assert (done.returncode, done.stderr) == (2, text)


def test_closed_output_is_no_defect(mining_pcap):
    command = f"{sys.executable} -m minewatch scan {mining_pcap} -q"
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        done = subprocess.run(
            f"{command} {closed}", shell=True, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("name", ["found.parquet", "found.jsonl"])
def test_a_signal_leaves_no_file(tmp_path, mining_pcap, number, status, name):
    """The scan waits on a pipe that never ends; the signal finds it with the output open."""
    folder = tmp_path / "out"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "minewatch", "scan", "-", "-o", folder / name, "-q"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(mining_pcap.read_bytes())
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while not list(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [path.suffix for path in folder.iterdir()] == [".part"]
    time.sleep(0.5)
    process.send_signal(number)
    time.sleep(0.2)
    process.stdin.close()
    process.stdin = None
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == status
    assert b"Traceback" not in stderr
    assert list(folder.iterdir()) == []
