# SPDX-License-Identifier: Apache-2.0
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minewatch.decoders import dns
from minewatch.decoders.dns import DnsAnswer, parse_dns

IN_A = b"\x00\x01\x00\x01"


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\x00"


def record(owner, kind, data, ttl=60, cls=1):
    head = kind.to_bytes(2, "big") + cls.to_bytes(2, "big") + ttl.to_bytes(4, "big")
    return owner + head + len(data).to_bytes(2, "big") + data


def message(*answers, flags=0x8180, questions=("pool.example",), count=None):
    counts = (len(questions), len(answers) if count is None else count, 0, 0)
    head = b"\xbe\xef" + flags.to_bytes(2, "big") + b"".join(n.to_bytes(2, "big") for n in counts)
    return head + b"".join(name(q) + IN_A for q in questions) + b"".join(answers)


QUERY = message(flags=0x0100)
POINTER = b"\xc0\x0c"  # to the question's name
REPLY = message(
    record(POINTER, 5, name("edge.cdn.example")),
    record(name("edge.cdn.example"), 1, bytes([10, 99, 1, 1]), ttl=300),
    record(name("edge.cdn.example"), 28, bytes(15) + b"\x01"),
)


def test_an_alias_keeps_the_name_that_was_asked_for():
    parsed = parse_dns(REPLY)
    assert parsed.is_response
    assert parsed.names == ("pool.example",)
    assert parsed.answers == (
        DnsAnswer("pool.example", bytes([10, 99, 1, 1]), 300),
        DnsAnswer("pool.example", bytes(15) + b"\x01", 60),
    )


def test_a_query_asks_and_gives_nothing():
    parsed = parse_dns(QUERY)
    assert not parsed.is_response
    assert (parsed.names, parsed.answers) == (("pool.example",), ())


def test_multicast_dns_has_answers_without_questions():
    parsed = parse_dns(message(record(name("nas.local"), 1, bytes(4), cls=0x8001), questions=()))
    assert parsed.answers == (DnsAnswer("nas.local", bytes(4), 60),)


def test_a_name_that_does_not_exist():
    assert parse_dns(message(flags=0x8183)).response_code == 3


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 11,
        b"\x00" * 12,
        QUERY[:-1],
        REPLY[:-1],
        b'{"id":1,"method":"login"}' * 4,
        b"\x80" * 100,
        message(questions=("a",) * 9),
        message(flags=0x7800),
        message(record(b"\xc0\x0c", 1, bytes(4)), questions=("a." * 130 + "a",)),
        message(record(b"\xff\xff", 1, bytes(4))),
        message(record(b"\x80", 1, bytes(4))),
    ],
)
def test_what_is_not_sound_is_nothing(data):
    assert parse_dns(data) is None


def test_compression_in_circles_ends():
    head = message(count=1)
    here = len(head)
    for owner in (b"\xc0" + bytes([here]), b"\x01a\xc0" + bytes([here])):
        started = time.perf_counter()
        assert parse_dns(head + record(owner, 1, bytes(4))) is None
        assert time.perf_counter() - started < 0.1


def test_names_are_made_fit_for_a_terminal():
    assert parse_dns(message(questions=("PO\x1b[2J.example",))).names == ("po?[2j.example",)


def test_records_are_bounded():
    many = message(*[record(POINTER, 1, bytes(4))] * 200)
    assert len(parse_dns(many).answers) == dns._MAX_RECORDS


@given(st.binary(max_size=80), st.integers(0, len(REPLY)))
def test_never_raises(noise, place):
    for data in (noise, REPLY[:place] + noise, REPLY[:place] + noise[:1] + REPLY[place + 1 :]):
        parse_dns(data)
