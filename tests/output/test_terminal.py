# SPDX-License-Identifier: Apache-2.0
import pytest
from rich.text import Text

from minewatch.output.destination import Destination
from minewatch.output.terminal import (
    chance,
    console,
    counted,
    duration,
    error_console,
    print_hanging,
    protocol_name,
    safe,
)

NS = 1_000_000_000


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 s"),
        (9_020_000, "9.02 ms"),
        (999_000_000, "999 ms"),
        (59 * NS, "59 s"),
        (60 * NS, "1 min 0 s"),
        (3599 * NS, "59 min 59 s"),
        (25 * 3600 * NS, "1 d 1 h"),
    ],
)
def test_durations(ns, text):
    assert duration(ns) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0, "0.000"), (1e-9, "<0.001"), (0.1234, "0.123"), (0.9994, "0.999"), (0.9999, ">0.999")],
)
def test_chances(p, text):
    assert chance(p) == text


def test_counts_and_names():
    assert (counted(0, "capture"), counted(2, "entry", "entries")) == ("0 captures", "2 entries")
    assert (protocol_name(6), protocol_name(99)) == ("TCP", "protocol 99")


def test_markup_and_control_characters_do_nothing():
    assert safe("[bold]x[/bold]\x07").plain == "[bold]x[/bold]?"


def test_lines_hang_beside_their_prefix_and_end_without_spaces(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "24")
    print_hanging(console(), Text("+ "), Text("one two three four five six"), 3)
    assert capsys.readouterr().out == "   + one two three four\n     five six\n"


def test_a_console_on_a_file_and_on_standard_error(tmp_path, capsys):
    with Destination(str(tmp_path / "a")) as destination:
        out = console(destination)
        out.print(safe("wörds"))
    assert (tmp_path / "a").read_text(encoding="utf-8") == "wörds\n"
    error_console().print(safe("bad"))
    assert capsys.readouterr().err == "bad\n"
