# SPDX-License-Identifier: Apache-2.0
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minewatch.response.entries import (
    MAX_LINE_OCTETS,
    Action,
    Deed,
    Entry,
    entry_of,
    line_of,
)


def entry(block, **changed):
    values = {
        "time_ns": 5,
        "action": Action.APPLIED,
        "responder": "nftables",
        "user": "root",
        "block": block,
        "reason": "for 600 s",
        "steps": ("add table", "add element"),
    }
    return Entry(7, "a" * 64, Deed(**(values | changed)))


def test_an_entry_comes_back_as_it_was(block):
    for one in (entry(block()), entry(None, action=Action.RECOVERED, steps=())):
        assert entry_of(line_of(one)) == one


def test_a_line_is_one_line_of_ascii_with_every_field(block):
    line = line_of(entry(block(), reason="a\nb\u2028ü"))
    assert line.isascii()
    assert b"\n" not in line
    data = json.loads(line)
    assert data == {
        "number": 7,
        "previous": "a" * 64,
        "time_ns": 5,
        "action": "applied",
        "responder": "nftables",
        "user": "root",
        "reason": "a\nb\u2028ü",
        "alert_id": "3c090e667a823462fbe505d238d5685f",
        "host": "10.0.0.5",
        "pool": "203.0.113.9",
        "pool_port": 3333,
        "protocol_identifier": 6,
        "seconds": 600,
        "steps": ["add table", "add element"],
    }


def test_whatever_is_told_fits_into_a_line(block):
    long = "\u2028" * 100_000
    line = line_of(entry(block(), reason=long, user=long, responder=long, steps=(long,) * 3))
    assert len(line) < MAX_LINE_OCTETS
    assert entry_of(line).deed.steps == ("(3 more)",)
    wide = ("\U0001f600" * 500,) * 40
    assert len(line_of(entry(block(), reason=long, steps=wide))) < MAX_LINE_OCTETS
    many = entry_of(line_of(entry(block(), steps=("step",) * 100))).deed.steps
    assert many == (*("step",) * 40, "(60 more)")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 60_000,
        b'{"number":1}',
        b'{"number":true,"previous":"","time_ns":1,"action":"applied","responder":"","user":"","reason":""}',
        b'{"number":1,"previous":"","time_ns":1,"action":"bombed","responder":"","user":"","reason":""}',
        b'{"number":1,"previous":"","time_ns":-1,"action":"applied","responder":"","user":"","reason":""}',
        b" " * (MAX_LINE_OCTETS + 1),
    ],
)
def test_what_is_no_entry_is_refused(line):
    with pytest.raises(ValueError, match=r"."):
        entry_of(line)


@given(st.binary(max_size=300))
def test_no_octets_do_anything_else(line):
    with contextlib.suppress(ValueError):
        entry_of(line)
