# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minewatch.metering.kinds import LEADS, contains, payload_kind
from minewatch.schema import KIND_HTTP, KIND_JSON, KIND_JSON_RPC, KIND_TLS, KIND_WEBSOCKET

UPGRADE = b"GET /proxy HTTP/1.1\r\nHost: pool\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
RPC = b'POST / HTTP/1.1\r\nContent-Length: 40\r\n\r\n{"id":1,"method":"getwork","params":[]}'
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


def kind(data, end=None):
    """Return the kind of a payload that stands between other octets."""
    array = np.frombuffer(b"{" * 32 + data + b"{" * 32, np.uint8)
    return payload_kind(array, 32, 32 + (len(data) if end is None else end))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"id":1}', KIND_JSON),
        (b"{}", KIND_JSON),
        (b'{ "id"', KIND_JSON),
        (b'{\n"id"', KIND_JSON),
        (b'[{"id":1}]', KIND_JSON),
        (b'["a"]', KIND_JSON),
        (b"[]", KIND_JSON),
        (b'\r\n {"id":1}', KIND_JSON),
        (b'    {"id":1}', KIND_JSON),
        (b'     {"id":1}', 0),
        (b"{a}", 0),
        (b"[1]", 0),
        (b"[http]", 0),
        (b"    ", 0),
        (b"{", 0),
        (b"", 0),
        (b"GET / HTTP/1.1\r\n", KIND_HTTP),
        (b"POST / HTTP/1.1\r\n", KIND_HTTP),
        (b"HTTP/1.1 200 OK\r\n", KIND_HTTP),
        (UPGRADE, KIND_HTTP | KIND_WEBSOCKET),
        (UPGRADE.replace(b"Upgrade:", b"upgrade:"), KIND_HTTP | KIND_WEBSOCKET),
        (RPC, KIND_HTTP | KIND_JSON_RPC),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 1000 + UPGRADE, KIND_HTTP),
        (b"GET", 0),
        (b"GETS", 0),
        (b"PUT / HTTP/1.1", 0),
        (b"Hello", 0),
        (HELLO, KIND_TLS),
        (HELLO.replace(b"\x00\x01\x00", b"\x00\x02\x00", 1), KIND_TLS),
        (b"\x16\x03\x03\x02\x00\x0b", KIND_TLS),
        (b"\x16\x03\x03\x02\x00\x10", 0),
        (b"\x16\x03\x05\x02\x00\x01", 0),
        (b"\x16\x02\x01\x02\x00\x01", 0),
        (b"\x16\x03\x01\x02\x00", 0),
        (b"\x17\x03\x03\x00\x20", 0),
        (b"SSH-2.0-OpenSSH", 0),
    ],
)
def test_kinds(data, expected):
    assert kind(data) == expected
    if expected:
        assert LEADS[data[0]], "the caller would not have asked"


@pytest.mark.parametrize("data", [b'{"id"', UPGRADE, RPC, HELLO, b"    {}"])
def test_octets_behind_the_payload_are_not_looked_at(data):
    for end in range(len(data)):
        assert kind(data, end) == kind(data[:end])


@given(st.binary(max_size=64))
def test_what_leads_rule_out_has_no_kind(data):
    if data and not LEADS[data[0]]:
        assert kind(data) == 0


@pytest.mark.parametrize(("start", "found"), [(0, True), (1016, True), (1017, False)])
def test_contains_looks_at_the_first_1024_octets(start, found):
    array = np.frombuffer(b"x" * start + b"Upgrade: websocket", np.uint8)
    assert contains(array, 0, len(array), 0x55706772, 0x6164653A) == found
    assert not contains(array, 0, start + 7, 0x55706772, 0x6164653A)
