# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minewatch.decoders import http
from minewatch.decoders.http import is_http, parse_http

POST = b"POST /rpc HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = (
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\n{"id"\r\n3\r\n:1}\r\n0\r\n\r\n'
)


def test_requests_on_one_connection():
    found, frames = parse_http(POST + POST)
    assert [(m.method, m.status, m.body) for m in found] == [("POST", 0, b"{}")] * 2
    assert found[0].headers == {"host": "a", "content-length": "2"}
    assert (POST + POST)[found[1].offset :] == b"{}"
    assert frames == -1


def test_chunked_body():
    (message,), _ = parse_http(CHUNKED)
    assert (message.status, message.body) == (200, b'{"id":1}')


def test_a_body_without_length_ends_with_the_next_response():
    found, _ = parse_http(b"HTTP/1.0 200 OK\r\n\r\nabcHTTP/1.1 404 Not Found\r\n\r\n")
    assert [(m.status, m.body) for m in found] == [(200, b"abc"), (404, b"")]


def test_a_start_in_the_middle_of_a_body():
    found, _ = parse_http(b'lock":1}' + POST)
    assert [m.body for m in found] == [b"{}"]


def test_a_cut_body_is_what_is_there():
    (message,), _ = parse_http(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{")
    assert message.body == b"{"


@pytest.mark.parametrize("end", range(len(POST) - 2))
def test_half_a_head_is_nothing_half_a_body_is_half(end):
    found, _ = parse_http(POST[:end])
    assert [m.body for m in found] in ([], [b""])


def test_web_socket(build):
    request, frames = parse_http(build.UPGRADE + b"\x81\x00")
    assert request[0].is_websocket
    assert frames == len(build.UPGRADE)
    _, frames = parse_http(build.SWITCHED + b"\x81\x00")
    assert frames == len(build.SWITCHED)
    _, frames = parse_http(b"POST / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
    assert frames == -1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (POST, True),
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 \r\n", True),
        (b"POSTAL ", False),
        (b'{"id":1}', False),
        (b"", False),
    ],
)
def test_what_is_http(data, expected):
    assert is_http(data) is expected


def test_bounds():
    assert len(parse_http(POST * 100)[0]) == http.MAX_MESSAGES
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"x" * 99_999
    assert len(parse_http(long)[0][0].body) == http.MAX_BODY_OCTETS
    endless = b"POST / HTTP/1.1\r\n" + b"a: b\r\n" * 50_000
    assert parse_http(endless)[0] == []
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 50_000
    assert len(parse_http(chunks)[0][0].body) == http.MAX_BODY_OCTETS


@given(st.binary(max_size=300), st.integers(0, 200))
def test_never_raises(noise, place):
    parse_http(noise)
    parse_http(CHUNKED[:place] + noise + POST)


def test_a_length_of_many_digits_is_no_length():
    found, _ = parse_http(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}")
    assert found[0].body == b"{}"
