# SPDX-License-Identifier: Apache-2.0
from minewatch.capabilities.inputs import INPUTS
from minewatch.capabilities.page import markdown, page_lines
from minewatch.capabilities.recall import Measurements
from minewatch.capabilities.table import NOT_MEASURED, Capability, blind_to

TOLD = Measurements("minewatch evaluate x", "minewatch evaluate y", "2026-01-02", {})


def _found():
    return [Capability(one, {"rhythm": 60}, tuple(blind_to(one)), ()) for one in INPUTS]


def test_every_input_is_in_every_table():
    text = "\n".join(page_lines(_found(), TOLD))
    for one in INPUTS:
        assert text.count(f"| {one.title} |") == 3, one.title
        assert f"- **{one.title}**: " in text
    assert "on\n2026-01-02 by `minewatch evaluate x`\n" in text
    assert "by\n`minewatch evaluate y`\n" in text
    assert NOT_MEASURED in text


def test_the_tables_are_complete():
    lines = [line for line in page_lines(_found(), TOLD) if line.startswith("|")]
    widths = {line.count(" | ") for line in lines if line.startswith(("| input", "|---"))}
    assert len(lines) == 3 * (2 + len(INPUTS))
    assert widths  # each row as wide as its head
    head = 0
    for line in lines:
        if line.startswith("| input"):
            head = line.count(" | ")
        elif not line.startswith("|---"):
            assert line.count(" | ") == head, line


def test_bars_within_a_cell_are_no_borders():
    assert list(markdown(("a", "b"), [("1|2", "3")]))[-1] == "| 1\\|2 | 3 |"
