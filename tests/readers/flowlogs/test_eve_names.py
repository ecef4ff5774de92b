# SPDX-License-Identifier: Apache-2.0
"""Names of TLS, QUIC and DNS events, in the forms of Suricata's versions."""

import json

import msgspec
import pytest

from minewatch.readers.flowlogs import eve_names
from minewatch.readers.flowlogs.eve_names import EveNames
from minewatch.readers.flowlogs.known_names import KnownNames
from minewatch.records import UNKNOWN, Names

FIRST, SECOND = (0, 0xFFFF_C000_0201), (0x2001_0DB8 << 32, 1)


@pytest.fixture
def told():
    return Names()


@pytest.fixture
def names(told):
    return EveNames(KnownNames(told))


def raw(value):
    return msgspec.Raw(json.dumps(value).encode())


@pytest.mark.parametrize(
    "dns",
    [
        {"type": "answer", "rrname": "pool.example", "rrtype": "A", "rdata": "192.0.2.1"},
        {
            "version": 2,
            "type": "answer",
            "rrname": "pool.example",
            "rrtype": "A",
            "answers": [
                {"rrname": "pool.example", "rrtype": "CNAME", "rdata": "cdn.example"},
                {"rrname": "cdn.example", "rrtype": "A", "ttl": 9, "rdata": "192.0.2.1"},
            ],
        },
        {"version": 2, "type": "answer", "rrname": "pool.example", "grouped": {"A": ["192.0.2.1"]}},
        {
            "version": 3,
            "type": "response",
            "queries": [{"rrname": "pool.example", "rrtype": "A"}],
            "answers": [{"rrname": "cdn.example", "rrtype": "A", "rdata": "192.0.2.1"}],
        },
        {"answers": [{"rrname": "pool.example", "rrtype": "A", "rdata": "192.0.2.1"}]},
    ],
    ids=["version 1", "version 2", "grouped", "version 3", "no question"],
)
def test_answers(names, told, dns):
    names.take_dns(raw(dns))
    assert told.answers == {FIRST: "pool.example"}


def test_long_addresses_and_what_is_none(names, told):
    names.take_dns(raw({"rrname": "a", "grouped": {"AAAA": ["2001:db8::1"], "TXT": ["192.0.2.1"]}}))
    names.take_dns(raw({"rrname": "b", "answers": [{"rrtype": "TXT", "rdata": "192.0.2.1"}]}))
    names.take_dns(raw({"type": "query", "rrname": "c", "rrtype": "A"}))
    names.take_dns(msgspec.Raw())
    assert told.answers == {SECOND: "a"}


def test_server_names(names, told):
    names.take_hello(1, raw({"sni": "a", "version": "TLS 1.2"}))
    names.take_hello(2, raw({"subject": "CN=b"}))
    names.take_hello(None, raw({"sni": "c"}))
    names.take_hello(3, msgspec.Raw())
    assert told.servers == ["a"]
    assert [names.server(flow) for flow in (1, 2, 3, None)] == [0, UNKNOWN, UNKNOWN, UNKNOWN]


def test_flows_that_never_end_are_forgotten(names, monkeypatch):
    monkeypatch.setattr(eve_names, "MAX_OPEN_FLOWS", 2)
    for flow in (1, 2, 3):
        names.take_hello(flow, raw({"sni": f"name {flow}"}))
    assert [names.server(flow) for flow in (1, 2, 3)] == [UNKNOWN, 1, 2]


@pytest.mark.parametrize("value", [{"sni": 5}, [], "x"])
def test_what_is_no_hello(names, value):
    with pytest.raises(ValueError, match="Expected"):
        names.take_hello(1, raw(value))
