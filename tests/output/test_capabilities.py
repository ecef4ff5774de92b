# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

from rich.console import Console

from minewatch.output.capabilities import print_capabilities


def test_each_input_is_printed_with_its_lines():
    lines = [("tells", "payload: no"), ("note", "[bold]no markup\x1b[31m")]
    one = SimpleNamespace(entry=SimpleNamespace(title="AWS"), lines=lambda: iter(lines))
    told = SimpleNamespace(
        made_by="minewatch evaluate x", captures_made_by="minewatch evaluate y", date="2026-01-02"
    )
    console = Console(width=60, record=True, color_system=None)
    with console.capture() as capture:
        print_capabilities([one, one], told, console)
    text = capture.get()
    assert text.count("AWS\n") == 2
    assert "  tells  payload: no" in text
    assert "[bold]no markup" in text
    assert "\x1b[31m" not in text
    assert "measured on 2026-01-02.\n" in text
    assert text.endswith(
        "Logs: minewatch evaluate x\nCaptures and tables of minewatch: minewatch evaluate y\n"
    )
