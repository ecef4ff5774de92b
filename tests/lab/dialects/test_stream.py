# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.lab.dialects.contract import MAX_BUFFER_OCTETS
from minewatch.lab.dialects.stream import Lines, compact, method_of, read_object, spaced


def test_lines_in_pieces_of_any_size():
    said = b'{"id":1}\n\r\n{"id":2}\r\n{"id":3}\n'
    for size in (1, 2, 7, len(said)):
        lines = Lines()
        found = [
            line
            for start in range(0, len(said), size)
            for line in lines.feed(said[start : start + size])
        ]
        assert [read_object(line)["id"] for line in found] == [1, 2, 3]


def test_a_long_line_is_refused_with_and_without_its_end():
    assert Lines().feed(b"a" * MAX_BUFFER_OCTETS + b"\n") == [b"a" * MAX_BUFFER_OCTETS]
    for octets in (b"a" * (MAX_BUFFER_OCTETS + 1), b"a" * (MAX_BUFFER_OCTETS + 1) + b"\n"):
        with pytest.raises(ValueError, match="longer than 65536"):
            Lines().feed(octets)
    lines = Lines()
    for _ in range(MAX_BUFFER_OCTETS // 1024):
        assert lines.feed(b"a" * 1024) == []
    with pytest.raises(ValueError, match="longer"):
        lines.feed(b"a")


def test_both_ways_of_writing_are_read_again():
    message = {"id": None, "params": ["é", 1.5, True]}
    for written in (compact(message), spaced(message)):
        assert written.endswith(b"\n")
        assert written.isascii()
        assert read_object(written) == message


@pytest.mark.parametrize("text", [b"", b"null", b"[]", b'{"a"', b"\xff", b"[" * 60_000])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  json's own words
        read_object(text)


def test_calls_and_answers_are_told_apart():
    assert method_of({"method": "login"}) == "login"
    assert method_of({"id": 1, "result": None}) is None
    assert method_of({"id": 1, "method": None, "error": None}) is None
    for neither in ({}, {"id": 1}, {"method": 3, "result": 1}, {"method": {}}):
        with pytest.raises(ValueError, match="neither"):
            method_of(neither)
