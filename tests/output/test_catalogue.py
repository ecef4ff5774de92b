# SPDX-License-Identifier: Apache-2.0
from minewatch.cli.catalogue import Described
from minewatch.output.catalogue import BASELINE, print_columns, print_detectors


def test_detectors(console):
    one = Described("some", "Looks at [sizes].", ("a", "b"), "Padding.", "Author, title.")
    print_detectors([one, Described("other", "x", (), "", "", is_counted=False)], console)
    assert [line.rstrip() for line in console.export_text().splitlines()] == [
        "some",
        "  what it does  Looks at [sizes].",
        "  needs         a, b",
        "  blind to      Padding.",
        "  from          Author, title.",
        "",
        "other",
        "  what it does  x",
        "  needs         nothing",
        f"  counts        {BASELINE}",
        "  blind to      not stated",
        "",
    ]


def test_columns_stand_under_their_table(console):
    row = {"name": "x", "type": "Int64", "unit": "1", "ipfix": "4", "description": "An x."}
    print_columns([row | {"table": "flow"}, row | {"table": "other", "name": "y"}], console)
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert lines[0] == "flow"
    assert lines[2].split() == ["x", "Int64", "1", "4", "An", "x."]
    assert lines[4] == "other"


def test_on_a_narrow_terminal_the_meaning_stands_below(console):
    console.width = 60
    row = {"name": "x", "type": "Int64", "unit": "ns", "ipfix": "4", "description": "An x. " * 12}
    print_columns([row | {"table": "flow"}], console)
    assert console.export_text().splitlines() == [
        "flow",
        "x  Int64, ns, IPFIX 4",
        "    " + "An x. " * 9 + "An",
        "    x. An x. An x.",
        "",
    ]
