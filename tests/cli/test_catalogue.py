# SPDX-License-Identifier: Apache-2.0
import json

from minewatch import registry
from minewatch.cli.catalogue import describe, schema_rows
from minewatch.schema import CONVERSATION, FLOW


def test_every_detector_is_described(run):
    result = run("detectors", "--format", "jsonl")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["name"] for row in rows] == [
        d.name for d in registry.detectors(with_baselines=True)
    ]
    baselines = {one.name for one in registry.BASELINES}
    assert {row["name"] for row in rows if not row["is_counted"]} == baselines
    for row in rows:
        assert row["summary"], row["name"]
        assert row["blind_to"], f"{row['name']}: its docstring has no 'Blind spots:'"
        assert "`" not in row["blind_to"]


def test_the_table_of_detectors_fits(run):
    result = run("detectors")
    assert result.exit_code == 0
    for detector in registry.detectors(with_baselines=True):
        assert f"\n{detector.name}\n" in f"\n{result.stdout}"
    assert "blind to" in result.stdout


def test_a_docstring_becomes_a_description():
    class Some:
        """Looks at ``sizes``.

        Assumes a lot. Blind spots:
        padding, tunnels.

        References
        ----------
        .. [1] Author, "Title".
        """

        name = "some"
        requires = ("a",)

    found = describe(Some())
    assert found.summary == "Looks at sizes."
    assert found.blind_to == "padding, tunnels."
    assert found.reference == 'Author, "Title".'


def test_references_that_refer_to_each_other_keep_their_numbers():
    class Some:
        """Looks.

        References
        ----------
        .. [1] Author (known through [2]_).
        .. [2] Other.
        """

        name = "some"
        requires = ()

    assert describe(Some()).reference == "[1] Author (known through [2]). [2] Other."


def test_every_column_is_in_the_schema(run):
    result = run("schema", "--format", "jsonl")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert rows == list(schema_rows())
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names))
    expected = {c.name for c in (*FLOW, *CONVERSATION)}
    expected |= {c.name for d in registry.decoders() for c in d.columns}
    assert set(names) == expected


def test_the_table_of_columns_shows_unit_and_element(run):
    text = run("schema").stdout
    (line,) = (x for x in text.splitlines() if x.startswith("reverse_octet_delta_count"))
    assert line.split()[:5] == ["reverse_octet_delta_count", "Int64", "octets", "reverse", "1"]


def test_an_unknown_format_is_an_error(run):
    result = run("schema", "--format", "xml")
    assert (result.exit_code, result.stderr) == (
        2,
        "minewatch: --format xml: one of table, jsonl\n",
    )
