# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from made_up_alerts import NASTY
from minewatch.alerts.forms.clean import (
    ITEMS,
    address_or_none,
    clean,
    json_line,
    moment,
    printable,
    without_nulls,
)


@pytest.mark.parametrize("code", [*range(0x100), 0x2028, 0x202E, 0xD800, 0xFEFF, 0x10FFFF])
def test_no_character_that_acts_gets_through(code):
    text = printable(chr(code))
    assert text.isprintable()
    assert text == chr(code) or text.startswith("\\")
    text.encode("utf-8")


def test_text_is_bounded():
    assert printable("x" * 5_000) == "x" * 1_021 + "..."
    assert len(printable("\x00" * 5_000)) < 1_600
    assert printable("é" * 10, 5) == "éé..."


def test_everything_within_is_cleaned():
    value = {NASTY: [NASTY, {NASTY: float("inf")}], "n": 1, "b": True, "x": None}
    text = json_line(clean(value))
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)[printable(NASTY)] == [printable(NASTY), {printable(NASTY): None}]
    assert len(clean(list(range(1_000)))) == ITEMS
    assert len(clean(dict.fromkeys(map(str, range(1_000))))) == ITEMS


def test_zero_and_false_are_no_nulls():
    kept = {"zero": 0, "no": False, "f": 0.0, "in": {"zero": 0}}
    assert without_nulls(kept | {"a": None, "b": "", "c": [], "d": {}, "e": ()}) == kept


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        ((1 << 63) - 1, "2262-04-11T23:47:16.854775Z"),
        (-(1 << 63), "1677-09-21T00:12:43.145224Z"),
    ],
)
def test_any_time_can_be_written(time_ns, text):
    assert moment(time_ns) == text


@pytest.mark.parametrize("text", ["", "pool.example", "1.2.3", "1.2.3.4\n", "999.1.1.1"])
def test_what_is_no_address(text):
    assert address_or_none(text) is None


def test_addresses():
    assert address_or_none("2001:db8::5") == "2001:db8::5"
    assert address_or_none("fe80::1%eth0") == "fe80::1"
