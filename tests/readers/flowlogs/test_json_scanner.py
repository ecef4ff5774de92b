# SPDX-License-Identifier: Apache-2.0
"""Documents are found whatever the stretches in which they come, and damage costs only itself."""

import json

import pytest

from minewatch.readers.flowlogs.json_scanner import Damage, JsonScanner

DOCUMENTS = [
    {"a": 'quote " backslash \\ brackets ]}[{', "b": [1, [2, {"c": {}}]]},
    {},
    {"ü": "\\", "records": [{"records": []}]},
]


def scan(octets, step=None, max_octets=1000):
    """Return what is found, and the scanner, feeding ``step`` octets at a time."""
    scanner = JsonScanner(max_octets)
    found = []
    step = step or len(octets)
    for at in range(0, len(octets), step):
        found += scanner.feed(octets[at : at + step])
    return found + scanner.feed(b"", is_last=True), scanner


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("layout", ["array", "records", "one after another", "lists of records"])
def test_documents_are_found(layout, indent, step):
    texts = [json.dumps(document, indent=indent).encode() for document in DOCUMENTS]
    joined = b",".join(texts)
    octets = {
        "array": b" [" + joined + b"]\n",
        "records": b'{ "records" : [' + joined + b' ], "more": "words"}',
        "one after another": b"\n".join(texts),
        "lists of records": b'{"records":[' + texts[0] + b']}\n{"records":[' + texts[1] + b","
        b"" + texts[2] + b"]}",
    }[layout]
    found, scanner = scan(octets, step)
    assert [json.loads(one) for one in found] == DOCUMENTS
    assert not scanner.is_open
    assert scanner.unfinished is None


def test_an_array_of_lists_of_records():
    found, scanner = scan(b'[{"records":[{"a":1}]},\n{"records":[{"a":2},{"a":3}]}]')
    assert found == [b'{"a":1}', b'{"a":2}', b'{"a":3}']
    assert not scanner.is_open


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_a_cut_list_does_not_hide_the_next_line(step):
    whole = b'{"records":[{"a":["x","y"]}]}\n'
    for cut in range(len(b'{"records":[{'), len(b'{"records":[{"a":["x","y"]')):
        found, scanner = scan(whole[:cut] + b"\n" + whole, step)
        assert [one for one in found if isinstance(one, bytes)] == [b'{"a":["x","y"]}'], cut
        assert [one.reason for one in found if isinstance(one, Damage)] == ["a document is cut"]
        assert not scanner.is_open


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_a_text_that_is_cut_costs_only_its_document(step):
    found, _ = scan(b'[{"a":1},\n{"b":"cut\n{"c":"]}"},\n{"d":4}]', step)
    assert [one for one in found if isinstance(one, bytes)] == [
        b'{"a":1}',
        b'{"c":"]}"}',
        b'{"d":4}',
    ]
    assert [one.reason for one in found if isinstance(one, Damage)] == ["a document is cut"]


@pytest.mark.parametrize("step", [1, 8, 1000])
def test_a_document_that_is_too_long_costs_only_itself(step):
    long = b'{"a":"' + b"x" * 200 + b'"}'
    found, _ = scan(b'[{"b":1},' + long + b',{"b":2}]', step, max_octets=50)
    assert [found[0], found[2]] == [b'{"b":1}', b'{"b":2}']
    assert found[1].reason == "a document is too long"
    assert "50 octets" in found[1].cure


def test_nothing_is_kept_of_what_is_too_long():
    scanner = JsonScanner(1000)
    for head in (b'[{"a":"', b"["):
        scanner = JsonScanner(1000)
        scanner.feed(head)
        for _ in range(100):
            scanner.feed(b"x" * 1000)
            assert len(scanner._octets) <= 3000
    scanner = JsonScanner(1000)
    scanner.feed(b'["')
    for _ in range(100):
        scanner.feed(b"x" * 1000)
        assert len(scanner._octets) <= 3000


@pytest.mark.parametrize(
    ("octets", "reasons"),
    [
        (b'[1, 2, {"a":1}, "text", {"a":2}]', ["no JSON object", "no JSON object"]),
        (b'[{"a":1}]}{"a":2}', ["a bracket closes nothing"]),
        (b'[{"a":1},{"a":2}, "open', ["no JSON object"]),
    ],
)
def test_what_is_no_document_is_told(octets, reasons):
    for step in (1, 1000):
        found, _ = scan(octets, step)
        assert [one for one in found if isinstance(one, bytes)] == [b'{"a":1}', b'{"a":2}']
        assert [one.reason for one in found if isinstance(one, Damage)] == reasons


def test_an_end_that_is_missing_is_told():
    found, scanner = scan(b'{"records":[{"a":1},{"b":[')
    assert found == [b'{"a":1}']
    assert scanner.is_open
    assert scanner.unfinished == b'{"b":['
    found, scanner = scan(b'{"records":[{"a":1}')
    assert found == [b'{"a":1}']
    assert scanner.is_open
    assert scanner.unfinished is None


def test_cost_does_not_grow_faster_than_the_input():
    """A regular expression that goes back would take hours."""
    for octets in (b'"\\' * 200_000, b'[{"a' * 100_000, b"[" * 400_000, b'{"\\"' * 100_000):
        scan(octets, 100_000, max_octets=10_000_000)
