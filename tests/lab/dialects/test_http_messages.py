# SPDX-License-Identifier: Apache-2.0
from base64 import b64decode

import pytest

from minewatch.lab.dialects.contract import MAX_BUFFER_OCTETS
from minewatch.lab.dialects.http_messages import MAX_HEAD_OCTETS, HttpReader, post, respond

REQUEST = post(b'{"id":0}', host="node:8332", login="user", password="secret", agent="a/1")
RESPONSE = respond(b'{"id":0}\n', 1_795_547_393.5)


@pytest.mark.parametrize("size", [1, 3, 50, 10_000])
def test_messages_in_pieces(size):
    for said, count in ((REQUEST * 3, 3), (RESPONSE * 2, 2)):
        reader = HttpReader()
        found = [
            message
            for start in range(0, len(said), size)
            for message in reader.feed(said[start : start + size])
        ]
        assert [message.body.strip() for message in found] == [b'{"id":0}'] * count


def test_a_request():
    (message,) = HttpReader().feed(REQUEST)
    assert message.first_line == "POST / HTTP/1.1"
    assert message.headers["content-length"] == "8"
    assert message.headers["user-agent"] == "a/1"
    assert b64decode(message.headers["authorization"].removeprefix("Basic ")) == b"user:secret"


def test_a_response():
    (message,) = HttpReader().feed(RESPONSE)
    assert message.first_line == "HTTP/1.1 200 OK"
    assert message.headers["date"] == "Tue, 24 Nov 2026 19:09:53 GMT"
    (refused,) = HttpReader().feed(respond(b"", 0.0, "401 Unauthorized"))
    assert (refused.first_line, refused.body) == ("HTTP/1.1 401 Unauthorized", b"")


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BUFFER_OCTETS + 1),
        b"POST " + b"a" * MAX_HEAD_OCTETS,
        REQUEST + b"{",
    ],
)
def test_what_is_no_message_is_refused(octets):
    with pytest.raises(ValueError):  # noqa: PT011  several reasons
        HttpReader().feed(octets)


def test_an_endless_head_is_refused_in_pieces():
    reader = HttpReader()
    for _ in range(MAX_HEAD_OCTETS // 64 - 1):
        assert reader.feed(b"POST / HTTP/1.1\r\n".ljust(64, b"a")) == []
    with pytest.raises(ValueError, match=r"not HTTP/1\.1"):
        reader.feed(b"a" * 64)
