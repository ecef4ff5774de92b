# SPDX-License-Identifier: Apache-2.0
import json
from random import Random

import pytest

from minewatch.lab.padding import MAX_PADDING_OCTETS, pad


@pytest.mark.parametrize("end", [b"\n", b""])
def test_json_means_the_same_and_stays_one_line(end):
    message, rng = b'{"id":1,"params":["a b"]}' + end, Random(1)
    padded = [pad(message, rng, "websocket" if not end else "lines") for _ in range(200)]
    assert {json.dumps(json.loads(each)) for each in padded} == {json.dumps(json.loads(message))}
    assert all(each.count(b"\n") == len(end) and each.endswith(end) for each in padded)
    sizes = {len(each) - len(message) for each in padded}
    assert len(sizes) > 100
    assert min(sizes) >= 0
    assert max(sizes) <= MAX_PADDING_OCTETS


def test_http_gets_a_header_that_ends_with_the_head():
    request = b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n{"id":1}'
    padded = pad(request, Random(1), "http")
    head, body = padded.split(b"\r\n\r\n")
    assert body == b'{"id":1}'
    assert head.split(b"\r\n")[0] == b"POST / HTTP/1.1"
    assert head.split(b"\r\n")[1].startswith(b"X-Request-Id: 0")
    assert head.split(b"\r\n")[2:] == [b"Host: a", b"Content-Length: 8"]


@pytest.mark.parametrize(
    ("message", "carrier"),
    [(b"\x00\x01\x02", "lines"), (b"", "lines"), (b"{\x00\n", "lines"), (b"no head", "http")],
)
def test_what_cannot_be_padded_stays_as_it_is(message, carrier):
    assert pad(message, Random(1), carrier) == message
