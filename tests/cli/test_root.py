# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest

from minewatch import __version__

COMMANDS = ("scan", "explain", "meter", "train", "detectors", "schema", "demo")


def test_version(run):
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"minewatch {__version__}\n")


def test_help_lists_every_command_and_examples(run):
    result = run("--help")
    assert result.exit_code == 0
    for command in COMMANDS:
        assert f" {command} " in result.stdout
    assert "minewatch scan incident.pcap" in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(run, command):
    result = run(command, "-h")
    assert result.exit_code == 0
    assert f"minewatch {command}" in result.stdout


def test_defaults_that_are_no_values_are_told(run):
    text = " ".join(run("scan", "--help").stdout.split())
    for words in ("private ranges]", "else table]"):
        assert words in text


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from minewatch.cli import app\n"
        "try: app(['scan', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numba', 'polars', 'numpy', 'onnxruntime', 'sklearn', 'rich.progress'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_python_m_minewatch_is_the_same_program():
    done = subprocess.run(
        [sys.executable, "-m", "minewatch", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"minewatch {__version__}\n"


def test_completion_of_commands():
    done = subprocess.run(
        [sys.executable, "-m", "minewatch"],
        env={
            "_MINEWATCH_COMPLETE": "complete_bash",
            "COMP_WORDS": "minewatch sc",
            "COMP_CWORD": "1",
        }
        | {"PATH": "/usr/bin", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split()[:2] == ["scan", "schema"]
